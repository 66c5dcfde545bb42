import { DatabaseError } from 'pg';
import { MusterError } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Client } from '../database/pool.js';
import { momentOf } from '../filter/time.js';
import { collectId, collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import { atomically } from './database.js';
import type { Database } from './database.js';
import type { EndUser } from './row.js';
import { adoptVisitor } from './statements/adopt-visitor.js';
import { linkVisitor } from './statements/link-visitor.js';
import { mergeUser } from './statements/merge-user.js';
import type { MergedUser } from './statements/merge-user.js';

export interface Identify {
  readonly workspaceId: string;
  /** The person's id in the customer's product: text of 1 to 512 bytes. */
  readonly userId: string;
  /** Names and values; null removes a trait, what is not named stays. */
  readonly traits?: unknown;
  /** The company that this person belongs to from now on; made when it is not there. */
  readonly companyId?: string | undefined;
  /** Traits of that company, as `identifyCompany` takes them. Needs `companyId`. */
  readonly companyTraits?: unknown;
  /** The visitor that this person was until now. */
  readonly anonymousId?: string | undefined;
  /** When it happened, in milliseconds since 1970 (UTC) or as a Date; default the database's clock. */
  readonly now?: Date | number | undefined;
}

export interface Identified {
  readonly user: EndUser;
  /** Whether this call made the person: a new row, or a visitor's row that had no user id until now. */
  readonly created: boolean;
}

/**
 * Creates or updates a person. Traits merge additively and atomically: of any number of calls at once, none loses a
 * key. Moves `last_seen`, never backwards; `first_seen` stays the earliest. In the same transaction the outbox gets
 * `user_created` when the call made the person, else `user_updated` when it changed something; both name fields only.
 *
 * Given a pool, it commits before it returns; given a client, the caller's transaction decides.
 *
 * Errors, all at once and before anything is written: `bad_user_id` and those of `checkTraits`.
 */
export async function identify(db: Database, call: Identify): Promise<Identified> {
  const traits = check(call);
  const at = call.now === undefined ? null : new Date(momentOf(call.now).now).toISOString();
  const { anonymousId } = call;
  // One statement is its own transaction; only the visitor's row takes more.
  const merged =
    anonymousId === undefined
      ? await mergeUntilSettled(db, call, traits, at, false)
      : await atomically(db, (client) => identifyVisitor(client, call, anonymousId, traits, at));
  const { created, changed: _, ...user } = merged;
  return { user, created };
}

function check(call: Identify): CheckedTraits {
  const problems: Problem[] = [];
  collectId('user_id', call.userId, problems);
  if (call.companyId !== undefined) collectId('company_id', call.companyId, problems);
  if (call.anonymousId !== undefined) collectId('anonymous_id', call.anonymousId, problems);
  const traits = collectTraits(call.traits, problems);
  if (problems.length > 0) throw new MusterError(problems);
  return traits;
}

/** The row that another call creates meanwhile is seen by the second try; a third is for a row deleted in between. */
const mostTries = 10;

async function mergeUntilSettled(
  db: Database,
  call: Identify,
  traits: CheckedTraits,
  at: string | null,
  adopted: boolean,
): Promise<MergedUser> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const merged = await mergeUser(db, {
      workspaceId: call.workspaceId,
      userId: call.userId,
      at,
      companyId: call.companyId ?? null,
      columns: JSON.stringify(traits.columns),
      custom: JSON.stringify(traits.custom),
      removed: traits.removed,
      adopted,
    });
    if (merged !== null) return merged;
  }
  throw new Error(`the row of a user came and went ${mostTries} times during one identify`);
}

async function identifyVisitor(
  client: Client,
  call: Identify,
  anonymousId: string,
  traits: CheckedTraits,
  at: string | null,
): Promise<MergedUser> {
  const { workspaceId, userId } = call;
  const adopted = await unlessTaken(client, () => adoptVisitor(client, workspaceId, userId, anonymousId));
  const merged = await mergeUntilSettled(client, call, traits, at, adopted);
  if (merged.anonymous_id !== null) return merged;
  const linked = await unlessTaken(client, () => linkVisitor(client, workspaceId, userId, anonymousId));
  return linked ? { ...merged, anonymous_id: anonymousId } : merged;
}

const uniqueViolation = '23505';

/** Runs a write that another transaction may win; when it does, the write alone is undone and nothing is raised. */
async function unlessTaken(client: Client, write: () => Promise<boolean>): Promise<boolean> {
  await client.query('SAVEPOINT muster_visitor');
  try {
    return await write();
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT muster_visitor');
    if (error instanceof DatabaseError && error.code === uniqueViolation) return false;
    throw error;
  } finally {
    await client.query('RELEASE SAVEPOINT muster_visitor').catch(() => undefined);
  }
}
