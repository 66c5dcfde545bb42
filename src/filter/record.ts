import type { PageFact } from './fields.js';

/** A time in a dedicated column: a Date, ISO 8601 text, or nothing. */
export type ColumnTime = Date | string | null | undefined;

interface Columns {
  readonly name?: string | null | undefined;
  readonly signed_up_at?: ColumnTime;
  readonly renewal_status?: string | null | undefined;
  readonly renewal_date?: ColumnTime;
  readonly contract_term?: string | null | undefined;
  readonly payment_terms?: string | null | undefined;
  readonly on_contract?: boolean | null | undefined;
  readonly created_at?: ColumnTime;
  readonly updated_at?: ColumnTime;
  readonly first_seen?: ColumnTime;
  readonly last_seen?: ColumnTime;
  readonly last_contacted_at?: ColumnTime;
  /** Any JSON object; every key is plain data, `__proto__` and `constructor` included. */
  readonly custom_fields?: Readonly<Record<string, unknown>> | null | undefined;
}

/** A company as the in-memory readers see it: a row of `companies`. */
export interface CompanyRecord extends Columns {
  readonly company_id?: string | null | undefined;
}

/** Something a user did: a row of `events`. */
export interface EventRecord {
  readonly event: string;
  /** A Date or ISO 8601 text; an event without a time is in no window. */
  readonly occurred_at: Date | string;
  /** Any JSON object; every key is plain data. */
  readonly properties?: Readonly<Record<string, unknown>> | null | undefined;
}

/** A user as the in-memory readers see one: a row of `end_users`, with the company's row when there is one. */
export interface UserRecord extends Columns {
  readonly user_id?: string | null | undefined;
  readonly anonymous_id?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly company?: CompanyRecord | null | undefined;
  /** In any order. What `did` asks about must be in it whole: an event that is left out did not happen. */
  readonly events?: readonly EventRecord[] | null | undefined;
  /** The page that a decision rule is asked about; no filter can read it. */
  readonly page?: PageRecord | null | undefined;
}

/** What a request says of the page that somebody looks at. */
export type PageRecord = { readonly [K in PageFact]?: string | null | undefined };
