import { refuse } from '../errors/index.js';
import type { CompanyRow } from './row.js';
import type { Database } from './database.js';

export interface IdentifyCompany {
  readonly workspaceId: string;
  /** The company's id in the customer's product: text of 1 to 512 bytes. */
  readonly companyId: string;
  /** Names and values; null removes a trait, what is not named stays. */
  readonly traits?: unknown;
  /** When it happened, in milliseconds since 1970 (UTC) or as a Date; default the database's clock. */
  readonly now?: Date | number | undefined;
}

export interface IdentifiedCompany {
  readonly company: CompanyRow;
  /** Whether this call made the company. */
  readonly created: boolean;
}

/**
 * Creates or updates a company, by the same rules as `identify`: traits merge additively and atomically, null removes one,
 * `last_seen` moves forward and `first_seen` backward only.
 *
 * Errors, all at once and before anything is written: `bad_user_id` and those of `checkTraits`.
 */
export async function identifyCompany(_db: Database, _call: IdentifyCompany): Promise<IdentifiedCompany> {
  return refuse('not_available_yet', { what: 'identifyCompany' });
}
