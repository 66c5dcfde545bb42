import { MusterError, problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Client, Pool } from '../database/pool.js';
import { child, described, isList, isObject, shown } from '../filter/parse/context.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { exceptOverfull } from './bounds.js';
import { collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import { collectCompanyPart } from './company-part.js';
import type { CompanyPart } from './company-part.js';
import { atomically, withNamedBounds } from './database.js';
import type { Database } from './database.js';
import { collectId } from './ids.js';
import { knownTraitNames } from './known-traits.js';
import { admitNames, admitNamesOfMany, traitNames } from './names.js';
import type { SentName } from './names.js';
import { getUser } from './read.js';
import type { EndUser } from './row.js';
import { mergeBatch } from './statements/merge-batch.js';
import type { BatchPerson } from './statements/merge-batch.js';
import { patchCompanies } from './statements/patch-companies.js';

export interface BackfillUser {
  readonly workspaceId: string;
  readonly userId: string;
  readonly traits?: unknown;
  /** The company that this person belongs to from now on; made when it is not there. */
  readonly companyId?: string | undefined;
  /** Traits of that company. Needs `companyId`. */
  readonly companyTraits?: unknown;
  /** Whether a person whom this call makes is announced as `user_created`; default false. */
  readonly fireTriggers?: boolean | undefined;
}

export interface Backfilled {
  readonly user: EndUser;
  readonly created: boolean;
}

/**
 * Creates or updates a person without a visit: traits merge as in `identify`, but `first_seen` and `last_seen` do not
 * move, neither theirs nor their company's. `user_created` is written only when asked and only by the call that makes the row; a person whom a backfill made
 * silently is not announced by a later identify either, since it finds them there.
 *
 * Errors, all at once and before anything is written: `bad_user_id`, `id_missing_value`, `company_traits_alone` and those
 * of `checkTraits`, of company traits under `/company_traits`; then those of `admitNames`, `too_many_custom_traits` and
 * `custom_traits_too_large`.
 */
export async function backfillUser(db: Database, call: BackfillUser): Promise<Backfilled> {
  const problems: Problem[] = [];
  const userId = collectId('user_id', call.userId, problems);
  const traits = collectTraits(call.traits, problems);
  const company = collectCompanyPart(call.companyId, call.companyTraits, problems);
  if (problems.length > 0) throw new MusterError(problems);
  const { workspaceId } = call;
  await admitNames(db, workspaceId, namesOf({ traits, company }));
  return atomically(db, workspaceId, async (client) => {
    const people = [personOf(userId, { traits, companyId: company?.id ?? null })];
    const created = await mergeBatch(client, workspaceId, people, call.fireTriggers ?? false);
    const companies = company === null ? [] : [company];
    await withNamedBounds(() => writeCompanies(client, workspaceId, companies), '/company_traits');
    // The merge holds the row, so that nobody can delete it before this.
    const user = await getUser(client, { workspaceId, userId });
    if (user === null) throw new Error('an upsert left no row');
    await noteTraitsSent(client, workspaceId, 'user', sentKeys(traits));
    return { user, created: created.has(userId) };
  });
}

export interface BackfillUsers {
  readonly workspaceId: string;
  /** Up to 1,000 of `{ user_id, traits, company_id, company_traits }`. */
  readonly users: unknown;
  readonly fireTriggers?: boolean | undefined;
}

export interface BackfillResult {
  /** The trimmed id; of a rejected item as it was sent, null where it is not a text. */
  readonly user_id: string | null;
  readonly status: 'created' | 'updated' | 'rejected';
  /** The first thing that is wrong with a rejected item; its path begins with `/users/INDEX`. */
  readonly error?: Problem;
}

/** Items of one batch. */
export const mostBackfilled = 1000;

/**
 * Creates or updates up to 1,000 people, as `backfillUser` does, in one transaction, or in several where some would hold
 * too much. An item that is refused is reported and the rest is written; results stand in the order of the items. Of
 * several items about one person all apply, in order, and only the first can say `created`; where they would leave the
 * person or a company with too many traits, all are refused.
 *
 * Errors: `users_not_list`, `too_many_users`; those of one item are in its result.
 */
export async function backfillUsers(pool: Pool, call: BackfillUsers): Promise<{ results: BackfillResult[] }> {
  const { users } = call;
  if (!isList(users)) refuse('users_not_list', { got: described(users) }, { path: '/users' });
  if (users.length > mostBackfilled) {
    refuse('too_many_users', { count: users.length, limit: mostBackfilled }, { path: '/users' });
  }
  const items = users.map((item, index) => itemOf(item, `/users/${index}`));
  const fine = items.filter(isFine);
  const named = await admitNamesOfMany(pool, call.workspaceId, fine, namesOf);
  const { admitted } = named;
  const created = new Set<string>();
  const refused = await exceptOverfull([...new Set(admitted.map(({ userId }) => userId))], async (some) => {
    const those = new Set(some);
    const { people, companies } = mergedItems(admitted.filter(({ userId }) => those.has(userId)));
    const made = await atomically(pool, call.workspaceId, async (client) => {
      const parts = Array.from(people, ([userId, person]) => personOf(userId, person));
      const news = await mergeBatch(client, call.workspaceId, parts, call.fireTriggers ?? false);
      await withNamedBounds(() => writeCompanies(client, call.workspaceId, companies), '/company_traits');
      return news;
    });
    for (const userId of made) created.add(userId);
    const sent = new Set(Array.from(people.values(), ({ traits }) => sentKeys(traits)).flat());
    await noteTraitsSent(pool, call.workspaceId, 'user', sent);
  });
  const refusalOf = new Map<Item | string, Problem>();
  for (const { item, refusal } of [...named.refused, ...refused]) refusalOf.set(item, refusal.first);
  const results = items.map((item, index): BackfillResult => {
    if ('problem' in item) return { user_id: item.userId, status: 'rejected', error: item.problem };
    const over = refusalOf.get(item) ?? refusalOf.get(item.userId);
    if (over !== undefined) {
      const error = { ...over, path: `/users/${index}${over.path}` };
      return { user_id: item.userId, status: 'rejected', error };
    }
    return { user_id: item.userId, status: created.delete(item.userId) ? 'created' : 'updated' };
  });
  return { results };
}

/** What is to be known of one person. */
interface PersonPart {
  readonly traits: CheckedTraits;
  /** Null where nothing was said of it. */
  readonly companyId: string | null;
}

/** Each person and each company once, with what their items leave. */
function mergedItems(items: readonly FineItem[]): {
  people: ReadonlyMap<string, PersonPart>;
  companies: readonly CompanyPart[];
} {
  const people = new Map<string, PersonPart>();
  const companies = new Map<string, CompanyPart>();
  for (const { userId, traits, company } of items) {
    const earlier = people.get(userId);
    people.set(userId, {
      traits: earlier === undefined ? traits : overlay(earlier.traits, traits),
      companyId: company?.id ?? earlier?.companyId ?? null,
    });
    if (company === null) continue;
    const before = companies.get(company.id);
    companies.set(
      company.id,
      before === undefined ? company : { id: company.id, traits: overlay(before.traits, company.traits) },
    );
  }
  return { people, companies: [...companies.values()] };
}

/** The names that a call or item would store. */
function namesOf({ traits, company }: Pick<FineItem, 'traits' | 'company'>): SentName[] {
  const own = traitNames('user', traits);
  return company === null ? own : [...own, ...traitNames('company', company.traits, '/company_traits')];
}

async function writeCompanies(
  client: Client,
  workspaceId: string,
  companies: readonly CompanyPart[],
): Promise<void> {
  await patchCompanies(
    client,
    workspaceId,
    companies.map(({ id, traits: { columns, custom, removed } }) => {
      return {
        companyId: id,
        columns: JSON.stringify(columns),
        custom: JSON.stringify(custom),
        removed,
      };
    }),
  );
  const sent = new Set(companies.flatMap(({ traits }) => sentKeys(traits)));
  await noteTraitsSent(client, workspaceId, 'company', sent);
}

/** What two items about one person or company leave: each trait has its last word, as if they had come one by one. */
function overlay(earlier: CheckedTraits, later: CheckedTraits): CheckedTraits {
  const gone = new Set(later.removed);
  const custom: Record<string, unknown> = { __proto__: null };
  for (const [key, value] of Object.entries(earlier.custom)) if (!gone.has(key)) custom[key] = value;
  return {
    columns: { ...earlier.columns, ...later.columns },
    custom: Object.assign(custom, later.custom),
    removed: [...earlier.removed.filter((key) => !Object.hasOwn(later.custom, key)), ...gone],
  };
}

type Item =
  | { readonly userId: string; readonly traits: CheckedTraits; readonly company: CompanyPart | null }
  | { readonly userId: string | null; readonly problem: Problem };

type FineItem = Exclude<Item, { readonly problem: Problem }>;

function isFine(item: Item): item is FineItem {
  return !('problem' in item);
}

const itemKeys: readonly string[] = ['user_id', 'traits', 'company_id', 'company_traits'];

function itemOf(item: unknown, path: string): Item {
  if (!isObject(item)) {
    return { userId: null, problem: problem('user_not_object', { got: described(item) }, { path }) };
  }
  const problems: Problem[] = [];
  const read = (key: string): unknown => (Object.hasOwn(item, key) ? item[key] : undefined);
  const userId = collectId('user_id', read('user_id'), problems, path);
  for (const key of Object.keys(item)) {
    // A trait beside `traits` would be lost without a word.
    if (!itemKeys.includes(key)) {
      problems.push(problem('row_unknown_key', { key: shown(key) }, { path: child(path, key) }));
    }
  }
  const traits = collectTraits(read('traits'), problems, { path: `${path}/traits` });
  const company = collectCompanyPart(read('company_id'), read('company_traits'), problems, path);
  const [first] = problems;
  if (first !== undefined) {
    const sent = read('user_id');
    return { userId: typeof sent === 'string' ? sent : null, problem: first };
  }
  return { userId, traits, company };
}

function personOf(userId: string, { traits, companyId }: PersonPart): BatchPerson {
  const { columns, custom, removed } = traits;
  const emptied = knownTraitNames.filter((name) => columns[name] === null);
  return {
    userId,
    companyId,
    columns: knownTraitNames.map((name) => {
      const value = columns[name];
      return value === undefined || value === null ? null : String(value);
    }),
    custom: JSON.stringify(custom),
    emptied: emptied.length === 0 ? null : emptied,
    removed: removed.length === 0 ? null : removed,
  };
}
