import { DatabaseError } from 'pg';
import { MusterError, problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Client } from '../database/pool.js';
import { isObject } from '../filter/parse/context.js';
import { momentOf } from '../filter/time.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import { atomically, withNamedBounds } from './database.js';
import { collectId } from './ids.js';
import type { Database } from './database.js';
import { admitNames, traitNames } from './names.js';
import type { SentName } from './names.js';
import type { EndUser } from './row.js';
import { adoptVisitor } from './statements/adopt-visitor.js';
import { joinVisitor } from './statements/join-visitor.js';
import { linkVisitor } from './statements/link-visitor.js';
import { lockVisitor } from './statements/lock-visitor.js';
import { mergeCompany } from './statements/merge-company.js';
import { mergeUser } from './statements/merge-user.js';
import type { MergedUser, MergeUser } from './statements/merge-user.js';

export interface Identify {
  readonly workspaceId: string;
  /** The person's id in the customer's product: text of 1 to 512 bytes. */
  readonly userId: string;
  /** Names and values; null removes a trait, what is not named stays. */
  readonly traits?: unknown;
  /** Names and values that are set only where the person has none and `traits` says nothing. */
  readonly fill?: unknown;
  /** The company that this person belongs to from now on; made when it is not there. */
  readonly companyId?: string | undefined;
  /** Traits of that company, as `identifyCompany` takes them. Needs `companyId`. */
  readonly companyTraits?: unknown;
  /** The visitor that this person was until now. */
  readonly anonymousId?: string | undefined;
  /** When it happened, in milliseconds since 1970 (UTC) or as a Date; default the database's clock. */
  readonly now?: Date | number | undefined;
  /** Whether it came with a write key, which may take only half of the room for new names; default false. */
  readonly byWriteKey?: boolean | undefined;
}

export interface Identified {
  readonly user: EndUser;
  /** Whether this call made the person: a new row, or one that a visit or an event had made and no identify yet. */
  readonly created: boolean;
}

/**
 * Creates or updates a person. Traits merge additively and atomically: of any number of calls at once, none loses a
 * key. Moves `last_seen`, never backwards; `first_seen` stays the earliest. In the same transaction the outbox gets
 * `user_created` when the call made the person, else `user_updated` when it changed something; both name fields only.
 *
 * `user_created` is written by the statement that makes the row, or that takes from it the mark of never having been
 * identified, so it comes once for a person. A row made by backfill or import has no such mark.
 *
 * With an anonymous id, the visitor is joined: their row becomes the person's where the person has none, else it is
 * merged into it (see `joinVisitor`). A visitor who is another person already stays that person's, and this call goes on
 * as if it named no visitor: two people on one machine do not become one. A person has one anonymous id, the last.
 *
 * With a company id, the person belongs to that company from now on. The company is made when it is not there; only
 * `companyTraits` move its `last_seen`, so that the people of one company do not queue for its row.
 *
 * Given a pool, it commits before it returns; given a client, the caller's transaction decides.
 *
 * Errors, all at once and before anything is written: `bad_user_id`, `id_missing_value`, `company_traits_alone` and those of `checkTraits`,
 * of company traits under `/company_traits`; those of `admitNames`; `too_many_custom_traits`, `custom_traits_too_large`.
 */
export async function identify(db: Database, given: Identify): Promise<Identified> {
  const checked = checkIdentify(given);
  const { call } = checked;
  await admitNames(db, call.workspaceId, namesOfIdentify(checked), call);
  // One statement goes to the server in one trip; only the visitor's row and the company's traits take more.
  const merged =
    call.anonymousId === undefined && checked.company === null
      ? await mergeUntilSettled(db, checked, false)
      : await atomically(db, call.workspaceId, (client) => identifyTogether(client, checked));
  await noteTraitsSent(db, call.workspaceId, 'user', [
    ...sentKeys(checked.traits),
    ...sentKeys(checked.fill),
  ]);
  if (checked.company !== null)
    await noteTraitsSent(db, call.workspaceId, 'company', sentKeys(checked.company.traits));
  const { created, changed: _, ...user } = merged;
  return { user, created };
}

/** A call that can be applied without a refusal. */
export interface CheckedIdentify {
  readonly call: Identify;
  /** ISO 8601, or null for the database's own clock. */
  readonly at: string | null;
  readonly traits: CheckedTraits;
  readonly fill: CheckedTraits;
  /** Null where the call says nothing about the company. */
  readonly company: { readonly id: string; readonly traits: CheckedTraits } | null;
}

/** The names of traits that would be stored of a person. */
export function namesOfPerson({ traits, fill }: Pick<CheckedIdentify, 'traits' | 'fill'>): SentName[] {
  return [...traitNames('user', traits), ...traitNames('user', fill, '/fill')];
}

/** The names that the call would store. */
export function namesOfIdentify({ traits, fill, company }: CheckedIdentify): SentName[] {
  const own = namesOfPerson({ traits, fill });
  return company === null ? own : [...own, ...traitNames('company', company.traits, '/company_traits')];
}

/** Checks a call whole, without a look at the database. Errors: those of `identify`. */
export function checkIdentify(call: Identify): CheckedIdentify {
  const problems: Problem[] = [];
  const idOf = (key: string, id: string | undefined): string | undefined =>
    id === undefined ? undefined : collectId(key, id, problems);
  const ids = {
    userId: collectId('user_id', call.userId, problems),
    companyId: idOf('company_id', call.companyId),
    anonymousId: idOf('anonymous_id', call.anonymousId),
  };
  const traits = collectTraits(call.traits, problems);
  const fill = collectFill(call, problems);
  const company = collectCompany({ ...call, ...ids }, problems);
  if (problems.length > 0) throw new MusterError(problems);
  const at = call.now === undefined ? null : new Date(momentOf(call.now).now).toISOString();
  return { call: { ...call, ...ids }, at, traits, fill, company };
}

/** What is to be filled in, without what the call says itself. */
export function collectFill(
  { fill, traits }: { readonly fill?: unknown; readonly traits?: unknown },
  problems: Problem[],
): CheckedTraits {
  if (!isObject(fill) || !isObject(traits)) return collectTraits(fill, problems, { path: '/fill' });
  const unsaid = Object.entries(fill).filter(([key]) => !Object.hasOwn(traits, key));
  return collectTraits({ __proto__: null, ...Object.fromEntries(unsaid) }, problems, { path: '/fill' });
}

/** Traits of a person as the statements take them. */
export function writtenPerson(
  { columns, custom, removed }: CheckedTraits,
  fill: CheckedTraits,
): Pick<MergeUser, 'columns' | 'custom' | 'removed' | 'filledColumns' | 'filledCustom'> {
  return {
    columns: JSON.stringify(columns),
    custom: JSON.stringify(custom),
    removed,
    filledColumns: JSON.stringify(fill.columns),
    filledCustom: JSON.stringify(fill.custom),
  };
}

function collectCompany(
  { companyId, companyTraits }: Identify,
  problems: Problem[],
): CheckedIdentify['company'] {
  if (companyTraits === undefined) return null;
  const path = '/company_traits';
  const traits = collectTraits(companyTraits, problems, { path, of: 'company' });
  if (companyId !== undefined) return { id: companyId, traits };
  problems.push(problem('company_traits_alone', {}, { path }));
  return null;
}

/** The row that another call creates meanwhile is seen by the second try; a third is for a row deleted in between. */
const mostTries = 10;

async function mergeUntilSettled(
  db: Database,
  { call, at, traits, fill }: CheckedIdentify,
  adopted: boolean,
): Promise<MergedUser> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const merged = await mergeUser(db, {
      workspaceId: call.workspaceId,
      userId: call.userId,
      at,
      companyId: call.companyId ?? null,
      ...writtenPerson(traits, fill),
      adopted,
    });
    if (merged !== null) return merged;
  }
  throw new Error(`the row of a user came and went ${mostTries} times during one identify`);
}

async function identifyTogether(client: Client, checked: CheckedIdentify): Promise<MergedUser> {
  const { company, at } = checked;
  const { workspaceId, anonymousId } = checked.call;
  const merged =
    anonymousId === undefined
      ? await mergeUntilSettled(client, checked, false)
      : await identifyVisitor(client, checked, anonymousId);
  if (company !== null) {
    const merge = {
      workspaceId,
      companyId: company.id,
      at,
      columns: JSON.stringify(company.traits.columns),
      custom: JSON.stringify(company.traits.custom),
      removed: company.traits.removed,
    };
    await withNamedBounds(() => mergeCompany(client, merge), '/company_traits');
  }
  return merged;
}

const uniqueViolation = '23505';

/**
 * Tries until no other transaction took the person's or the visitor's place in between. Each try is undone whole, locks
 * included, before the next: the visitor's row is always locked before the person's, so that no two calls wait for
 * each other in a circle.
 */
async function identifyVisitor(
  client: Client,
  checked: CheckedIdentify,
  anonymousId: string,
): Promise<MergedUser> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    await client.query('SAVEPOINT muster_visitor');
    try {
      const merged = await tryVisitor(client, checked, anonymousId);
      if (merged !== null) {
        await client.query('RELEASE SAVEPOINT muster_visitor');
        return merged;
      }
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== uniqueViolation) throw error;
    }
    await client.query('ROLLBACK TO SAVEPOINT muster_visitor');
  }
  throw new Error(`the row of a visitor came and went ${mostTries} times during one identify`);
}

/** Null, or a unique violation, where another transaction was faster. */
async function tryVisitor(
  client: Client,
  checked: CheckedIdentify,
  anonymousId: string,
): Promise<MergedUser | null> {
  const { workspaceId, userId } = checked.call;
  const visitor = await lockVisitor(client, workspaceId, anonymousId);
  if (visitor !== null) {
    const adopted = await adoptVisitor(client, workspaceId, userId, visitor);
    if (!adopted && !(await joinVisitor(client, workspaceId, userId, visitor))) return null;
    return mergeUntilSettled(client, checked, adopted);
  }
  const merged = await mergeUntilSettled(client, checked, false);
  if (merged.anonymous_id === anonymousId) return merged;
  const linked = await linkVisitor(client, workspaceId, userId, anonymousId);
  if (linked === 'linked') return { ...merged, anonymous_id: anonymousId };
  return linked === 'somebody' ? merged : null;
}
