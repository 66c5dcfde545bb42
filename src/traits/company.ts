import { MusterError } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { momentOf } from '../filter/time.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import type { Database } from './database.js';
import { collectId } from './ids.js';
import { admitNames, traitNames } from './names.js';
import type { SentName } from './names.js';
import type { CompanyRow } from './row.js';
import { mergeCompany } from './statements/merge-company.js';

export interface IdentifyCompany {
  readonly workspaceId: string;
  /** The company's id in the customer's product: text of 1 to 512 bytes. */
  readonly companyId: string;
  /** Names and values; null removes a trait, what is not named stays. */
  readonly traits?: unknown;
  /** When it happened, in milliseconds since 1970 (UTC) or as a Date; default the database's clock. */
  readonly now?: Date | number | undefined;
  /** Whether it came with a write key, which may take only half of the room for new names; default false. */
  readonly byWriteKey?: boolean | undefined;
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
 * Errors, all at once and before anything is written: `bad_user_id`, `id_missing_value` and those of `checkTraits`; then those of `admitNames`,
 * `too_many_custom_traits` and `custom_traits_too_large`.
 */
export async function identifyCompany(db: Database, given: IdentifyCompany): Promise<IdentifiedCompany> {
  const checked = checkCompany(given);
  const { call, traits, at } = checked;
  const { workspaceId } = call;
  await admitNames(db, workspaceId, namesOfCompany(checked), call);
  const merge = {
    workspaceId,
    companyId: call.companyId,
    at,
    columns: JSON.stringify(traits.columns),
    custom: JSON.stringify(traits.custom),
    removed: traits.removed,
  };
  const { created, ...company } = await mergeCompany(db, merge);
  await noteTraitsSent(db, workspaceId, 'company', sentKeys(traits));
  return { company, created };
}

/** A call that can be applied without a refusal. */
export interface CheckedCompany {
  readonly call: IdentifyCompany;
  /** ISO 8601, or null for the database's own clock. */
  readonly at: string | null;
  readonly traits: CheckedTraits;
}

/** The names that the call would store. */
export function namesOfCompany({ traits }: CheckedCompany): SentName[] {
  return traitNames('company', traits);
}

/** Checks a call whole, without a look at the database. Errors: those of `identifyCompany`. */
export function checkCompany(call: IdentifyCompany): CheckedCompany {
  const problems: Problem[] = [];
  const companyId = collectId('company_id', call.companyId, problems);
  const traits = collectTraits(call.traits, problems, { of: 'company' });
  if (problems.length > 0) throw new MusterError(problems);
  const at = call.now === undefined ? null : new Date(momentOf(call.now).now).toISOString();
  return { call: { ...call, companyId }, at, traits };
}
