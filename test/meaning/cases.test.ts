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
import type { MeaningCase, RefusalCase } from './cases.js';
import { readThemes } from './cases.js';
import { layOut } from './population.js';
import { insertRecords, matchingIds, matchingIdsInMemory } from './support.js';

const workspaceId = 'cases';
const themes = readThemes();
const cases = themes.flatMap((theme) => theme.cases);
const { people, texts, positionOf } = layOut(cases);

let database: TestDatabase;
let ids: string[];

beforeAll(async () => {
  database = await testDatabase();
  ids = await insertRecords(database.pool, workspaceId, people, texts);
});

it('every case has a name of its own, and there are enough of them', () => {
  const names = cases.map(({ name }) => name);
  expect(names.filter((name, position) => names.indexOf(name) !== position)).toEqual([]);
  expect(names.length).toBeGreaterThan(1000);
});

for (const theme of themes) {
  describe(theme.name, () => {
    for (const each of theme.cases) {
      it(each.name, () => (each.kind === 'meaning' ? checkMeaning(each) : checkRefusal(each)));
    }
  });
}

/** All readers are asked before anything is compared, so that a failure shows every answer. */
async function checkMeaning(each: MeaningCase): Promise<void> {
  const filter = parseFilterText(JSON.stringify(each.filter));
  const moment = momentOf(each.now, each.zone);
  const position = positionOf(each);
  const person: UserRecord = people[position] ?? {};
  const inSql = await matchingIds(database.pool, workspaceId, filter, moment);
  const inMemory = matchingIdsInMemory(ids, people, filter, moment);
  const printed = parseFilter(JSON.parse(JSON.stringify(printFilter(filter))));
  const complement: Filter = { kind: 'not', path: '', operand: filter };
  const complementInSql = await matchingIds(database.pool, workspaceId, complement, moment);
  const explanation = explain(filter, person, moment);
  const id = ids[position] ?? '';

  expect({
    sql: inSql.has(id),
    'complement in sql': complementInSql.has(id),
    predicate: inMemory.has(id),
    'complement in memory': compilePredicate(complement, moment)(person),
    explanation: explanation.matched,
    'printed and parsed again': compilePredicate(printed, moment)(person),
  }).toEqual({
    sql: each.expected,
    'complement in sql': !each.expected,
    predicate: each.expected,
    'complement in memory': !each.expected,
    explanation: each.expected,
    'printed and parsed again': each.expected,
  });
  if (each.clauseReasons !== null) {
    expect(explanation.clauses.map(({ reason }) => reason)).toEqual(each.clauseReasons);
  }
  expect(equalFilters(printed, filter), 'parse(print(tree)) is the tree').toBe(true);
  expect(namesOf(inSql), 'everybody else in the database is judged alike in SQL and in memory').toEqual(
    namesOf(inMemory),
  );
  expect(inSql.size + complementInSql.size, 'the complement in SQL is everybody else').toBe(ids.length);
}

/** The people's names in place of their row ids, which differ from run to run. */
function namesOf(found: ReadonlySet<string>): string[] {
  return people
    .filter((_, position) => found.has(ids[position] ?? ''))
    .map(({ user_id: userId, anonymous_id: anonymousId }) => userId ?? anonymousId ?? '');
}

function checkRefusal({ text, refused }: RefusalCase): void {
  expect(problemsOf(() => parseFilterText(text))).toEqual(refused);
  if (refused.some(({ code }) => code === 'filter_not_json' || code === 'duplicate_key')) return;
  expect(
    problemsOf(() => parseFilter(JSON.parse(text))),
    'the same for a document that is parsed already',
  ).toEqual(refused);
}

function problemsOf(parse: () => Filter): unknown {
  try {
    return { accepted: printFilter(parse()) };
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return error.problems.map(({ code, path }) => ({ code, path }));
  }
}
