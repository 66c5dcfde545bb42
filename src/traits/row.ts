/** A row of `end_users` as the database hands it out. */
export interface EndUser {
  readonly id: string;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly company_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly signed_up_at: Date | null;
  readonly renewal_status: string | null;
  readonly renewal_date: Date | null;
  readonly contract_term: string | null;
  readonly payment_terms: string | null;
  readonly on_contract: boolean | null;
  /** Any JSON object; every key is plain data, `__proto__` and `constructor` included. */
  readonly custom_fields: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly first_seen: Date | null;
  readonly last_seen: Date | null;
  readonly last_contacted_at: Date | null;
}

/** The columns of `EndUser` for a SELECT or RETURNING list, from the table or alias given. */
export function endUserColumns(alias: string): string {
  return endUserColumnNames.map((name) => `${alias}.${name}`).join(', ');
}

const endUserColumnNames: readonly (keyof EndUser)[] = [
  'id',
  'user_id',
  'anonymous_id',
  'company_id',
  'name',
  'email',
  'signed_up_at',
  'renewal_status',
  'renewal_date',
  'contract_term',
  'payment_terms',
  'on_contract',
  'custom_fields',
  'created_at',
  'updated_at',
  'first_seen',
  'last_seen',
  'last_contacted_at',
];

/** A row of `companies` as the database hands it out. */
export interface CompanyRow {
  readonly id: string;
  readonly company_id: string;
  readonly name: string | null;
  readonly signed_up_at: Date | null;
  readonly renewal_status: string | null;
  readonly renewal_date: Date | null;
  readonly contract_term: string | null;
  readonly payment_terms: string | null;
  readonly on_contract: boolean | null;
  readonly custom_fields: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly first_seen: Date | null;
  readonly last_seen: Date | null;
  readonly last_contacted_at: Date | null;
}

/** The columns of `CompanyRow`, from the table or alias given. */
export function companyColumns(alias: string): string {
  return companyColumnNames.map((name) => `${alias}.${name}`).join(', ');
}

const companyColumnNames: readonly (keyof CompanyRow)[] = [
  'id',
  'company_id',
  'name',
  'signed_up_at',
  'renewal_status',
  'renewal_date',
  'contract_term',
  'payment_terms',
  'on_contract',
  'custom_fields',
  'created_at',
  'updated_at',
  'first_seen',
  'last_seen',
  'last_contacted_at',
];
