/** What rows of `end_users` and `companies` have in common. */
interface SharedColumns {
  readonly id: string;
  readonly company_id: string | null;
  readonly name: string | null;
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

/** A row of `end_users` as the database hands it out. */
export interface EndUser extends SharedColumns {
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly email: string | null;
}

/** A row of `companies` as the database hands it out. */
export interface CompanyRow extends SharedColumns {
  readonly company_id: string;
}

const sharedColumnNames = [
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
] as const satisfies readonly (keyof SharedColumns)[];

const endUserColumnNames: readonly (keyof EndUser)[] = [
  'id',
  'user_id',
  'anonymous_id',
  'company_id',
  'name',
  'email',
  ...sharedColumnNames,
];

/** The columns of a company without its internal id, as readers of filters see it. */
export const companyColumnNames = [
  'company_id',
  'name',
  ...sharedColumnNames,
] as const satisfies readonly (keyof CompanyRow)[];

/** The columns of `EndUser` for a SELECT or RETURNING list, from the table or alias given. */
export function endUserColumns(alias: string): string {
  return endUserColumnNames.map((name) => `${alias}.${name}`).join(', ');
}

/** The columns of `CompanyRow`, from the table or alias given. */
export function companyColumns(alias: string): string {
  return ['id', ...companyColumnNames].map((name) => `${alias}.${name}`).join(', ');
}
