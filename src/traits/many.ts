import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { exceptOverfull } from './bounds.js';
import type { Refused } from './bounds.js';
import type { CheckedTraits } from './check.js';
import { namesOfCompany } from './company.js';
import type { CheckedCompany } from './company.js';
import { atomically, withNamedBounds } from './database.js';
import type { Database } from './database.js';
import { namesOfIdentify, writtenPerson } from './identify.js';
import type { CheckedIdentify } from './identify.js';
import { withEventMonths } from './months.js';
import { admitNamesOfMany } from './names.js';
import { mergeCompanies } from './statements/merge-companies.js';
import type { MergeCompaniesItem } from './statements/merge-companies.js';
import { mergeUsers } from './statements/merge-users.js';
import { recordEvents } from './statements/record-events.js';
import type { Arrival } from './statements/record-events.js';
import type { RecordEvent } from './statements/record-event.js';
import { namesOfTrack } from './track.js';
import type { CheckedTrack } from './track.js';

/**
 * Many calls in one statement, with the same result as `identify`, `identifyCompany` and `track` one after another. Each
 * says what its calls may not share: such calls belong into several of these, in their order.
 */

/** The row that another call creates meanwhile is seen by the second try; a third is for a row deleted in between. */
const mostTries = 10;

/**
 * Applies checked calls of `identify`, in one transaction. Each is about another person and names no visitor; calls that
 * carry traits of one company carry the same ones.
 *
 * @returns the calls that were refused because of a bound of the person, company or workspace; nothing of them is written
 */
export async function identifyMany(
  db: Database,
  workspaceId: string,
  calls: readonly CheckedIdentify[],
): Promise<Refused<CheckedIdentify>[]> {
  const options = { byWriteKey: calls[0]?.call.byWriteKey };
  const { admitted, refused } = await admitNamesOfMany(db, workspaceId, calls, namesOfIdentify, options);
  refused.push(...(await exceptOverfull(admitted, (some) => identifyTogether(db, workspaceId, some))));
  const left = new Set(calls);
  for (const { item } of refused) left.delete(item);
  const sent = [...left].flatMap(({ traits, fill }) => [{ traits }, { traits: fill }]);
  await noteTraitsSent(db, workspaceId, 'user', keysOf(sent));
  await noteTraitsSent(db, workspaceId, 'company', keysOf([...left].flatMap(({ company }) => company ?? [])));
  return refused;
}

async function identifyTogether(
  db: Database,
  workspaceId: string,
  calls: readonly CheckedIdentify[],
): Promise<void> {
  const companies = companiesOf(calls);
  const users = calls.map(({ call, at, traits, fill }) => {
    if (call.anonymousId !== undefined) throw new TypeError('a visitor is joined by a call of its own');
    return { userId: call.userId, at, companyId: call.companyId ?? null, ...writtenPerson(traits, fill) };
  });
  await atomically(db, workspaceId, async (client) => {
    await untilAll(
      users,
      ({ userId }) => userId,
      (some) => mergeUsers(client, workspaceId, some),
    );
    const mergeAll = (): Promise<void> =>
      untilAll(
        companies,
        ({ companyId }) => companyId,
        (some) => mergeCompanies(client, workspaceId, some),
      );
    await withNamedBounds(mergeAll, '/company_traits');
  });
}

/** Applies checked calls of `identifyCompany`, each about another company. Answers those that were refused. */
export async function identifyCompanies(
  db: Database,
  workspaceId: string,
  calls: readonly CheckedCompany[],
): Promise<Refused<CheckedCompany>[]> {
  const options = { byWriteKey: calls[0]?.call.byWriteKey };
  const { admitted, refused } = await admitNamesOfMany(db, workspaceId, calls, namesOfCompany, options);
  refused.push(...(await exceptOverfull(admitted, (some) => mergeTogether(db, workspaceId, some))));
  const left = new Set(calls);
  for (const { item } of refused) left.delete(item);
  await noteTraitsSent(db, workspaceId, 'company', keysOf([...left]));
  return refused;
}

async function mergeTogether(
  db: Database,
  workspaceId: string,
  calls: readonly CheckedCompany[],
): Promise<void> {
  const companies = calls.map(({ call: { companyId }, at, traits }) => ({
    companyId,
    at,
    ...written(traits),
  }));
  await atomically(db, workspaceId, (client) =>
    untilAll(
      companies,
      ({ companyId }) => companyId,
      (some) => mergeCompanies(client, workspaceId, some),
    ),
  );
}

/** Asks for room for the names of events, all with one key. Answers those for which there is none. */
export async function admitEvents(
  db: Database,
  workspaceId: string,
  calls: readonly CheckedTrack[],
): Promise<{ admitted: readonly CheckedTrack[]; refused: Refused<CheckedTrack>[] }> {
  return admitNamesOfMany(db, workspaceId, calls, namesOfTrack, { byWriteKey: calls[0]?.byWriteKey });
}

/**
 * Applies checked calls of `track` that name people by the same kind of id, each with another message id or none. Resolves
 * with how many were stored.
 */
export async function trackMany(
  db: Database,
  workspaceId: string,
  by: RecordEvent['by'],
  calls: readonly CheckedTrack[],
  arrival?: Arrival,
): Promise<number> {
  const months = calls.map(({ occurred }) => occurred);
  const records = calls.map(({ record }) => {
    if (record.by !== by) throw new TypeError(`an event of a person named by ${record.by}`);
    return record;
  });
  return withEventMonths(db, months, () =>
    atomically(db, workspaceId, (client) => recordEvents(client, workspaceId, by, records, arrival)),
  );
}

/** Whether calls about one company carry the same traits is whether this text is the same. */
export function traitsText({ columns, custom, removed }: CheckedTraits): string {
  return JSON.stringify([columns, custom, removed]);
}

function companiesOf(calls: readonly CheckedIdentify[]): MergeCompaniesItem[] {
  const texts = new Map<string, string>();
  return calls.flatMap(({ at, company }) => {
    if (company === null) return [];
    const text = traitsText(company.traits);
    if ((texts.get(company.id) ?? text) !== text) throw new TypeError('one company with two sorts of traits');
    texts.set(company.id, text);
    return { companyId: company.id, at, ...written(company.traits) };
  });
}

function written({
  columns,
  custom,
  removed,
}: CheckedTraits): Pick<MergeCompaniesItem, 'columns' | 'custom' | 'removed'> {
  return { columns: JSON.stringify(columns), custom: JSON.stringify(custom), removed };
}

/** Runs the statement for all, and again for those whose row came up meanwhile. */
async function untilAll<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  run: (some: readonly T[]) => Promise<Set<string>>,
): Promise<void> {
  let left = items;
  for (let tries = 0; left.length > 0; tries += 1) {
    if (tries === mostTries) throw new Error(`rows came and went ${mostTries} times during one statement`);
    const done = await run(left);
    left = left.filter((item) => !done.has(idOf(item)));
  }
}

function keysOf(calls: readonly { readonly traits: CheckedTraits }[]): Set<string> {
  return new Set(calls.flatMap(({ traits }) => sentKeys(traits)));
}
