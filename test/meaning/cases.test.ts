import { beforeAll, describe, expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import { explain } from '../../src/filter/explain.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { equalFilters, printFilter } from '../../src/filter/print.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import type { Filter } from '../../src/filter/tree.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import type { MeaningCase } from './cases.js';
import { readThemes, segmentsOf } from './cases.js';
import { layOut } from './population.js';
import { insertRecords, matchingIds, matchingIdsInMemory } from './support.js';

const workspaceId = 'cases';
const themes = readThemes();
const options = { segments: segmentsOf(themes) };
const { people, texts, positionOf } = layOut(themes);

let database: TestDatabase;
let ids: string[];

beforeAll(async () => {
  database = await testDatabase();
  ids = await insertRecords(database.pool, workspaceId, people, texts);
});

it('every case has a name of its own, and none was lost', () => {
  const names = themes.flatMap(({ meanings, refusals }) =>
    [...meanings, ...refusals].map(({ name }) => name),
  );
  expect(names.filter((name, position) => names.indexOf(name) !== position)).toEqual([]);
  expect(names.length).toBeGreaterThan(1325);
});

const meanings = themes
  .filter((theme) => theme.meanings.length > 0)
  .map((theme) => [theme.name, theme] as const);
const refusals = themes.flatMap((theme) => theme.refusals.map((each) => [each.name, each] as const));

describe.each(meanings)('%s', (_, theme) => {
  it.each(theme.meanings.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    expect(await answersTo(each)).toEqual(rightAnswersTo(each));
  });
});

describe('refused', () => {
  it.each(refusals)('%s', (_, { text, refused, isJson }) => {
    expect(problemsOf(() => parseFilterText(text, options))).toEqual(refused);
    const parsed = (): Filter =>
      isJson ? parseFilter(JSON.parse(text), options) : parseFilterText(text, options);
    expect(problemsOf(parsed), 'a document that is parsed already').toEqual(refused);
  });
});

/** All readers are asked before anything is compared, so that a failure shows every answer. */
async function answersTo(each: MeaningCase): Promise<Record<string, unknown>> {
  const filter = parseFilterText(JSON.stringify(each.filter), options);
  const moment = momentOf(each.now, each.zone);
  const position = positionOf(each);
  const person: UserRecord = people[position] ?? {};
  const id = ids[position] ?? '';
  const inSql = await matchingIds(database.pool, workspaceId, filter, moment);
  const inMemory = matchingIdsInMemory(ids, people, filter, moment);
  const complement: Filter = { kind: 'not', path: '', operand: filter };
  const complementInSql = await matchingIds(database.pool, workspaceId, complement, moment);
  const printed = parseFilter(JSON.parse(JSON.stringify(printFilter(filter))), options);
  const explanation = explain(filter, person, moment);
  return {
    sql: inSql.has(id),
    'complement in sql': complementInSql.has(id),
    predicate: inMemory.has(id),
    'complement in memory': compilePredicate(complement, moment)(person),
    'printed, parsed, predicate': compilePredicate(printed, moment)(person),
    'printed, parsed, the same tree': equalFilters(printed, filter),
    explanation: explanation.matched,
    reasons: each.clauseReasons === null ? null : explanation.clauses.map(({ reason }) => reason),
    // The people of all other cases are judged too: SQL and memory must agree about them, and the complement be the rest.
    'matched in sql only': namesOf(inSql, inMemory),
    'matched in memory only': namesOf(inMemory, inSql),
    'people in sql, complement included': inSql.size + complementInSql.size,
  };
}

function rightAnswersTo({ expected, clauseReasons }: MeaningCase): Record<string, unknown> {
  return {
    sql: expected,
    'complement in sql': !expected,
    predicate: expected,
    'complement in memory': !expected,
    'printed, parsed, predicate': expected,
    'printed, parsed, the same tree': true,
    explanation: expected,
    reasons: clauseReasons,
    'matched in sql only': [],
    'matched in memory only': [],
    'people in sql, complement included': ids.length,
  };
}

/** Who is among the one and not among the other, by name: row ids differ from run to run. */
function namesOf(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return people
    .filter((_, position) => one.has(ids[position] ?? '') && !other.has(ids[position] ?? ''))
    .map(({ user_id: userId, anonymous_id: anonymousId }) => userId ?? anonymousId ?? '');
}

function problemsOf(parse: () => Filter): unknown {
  try {
    return { accepted: printFilter(parse()) };
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return error.problems.map(({ code, path }) => ({ code, path }));
  }
}
