import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { filterArbitrary, momentArbitrary, recordsOf } from './generator.js';
import { checkLaws, checkReasons, keyOf, type Population, type Trial } from './laws.js';
import { insertRecords } from './support.js';

const seed = 20_260_118;
const filters = 20_000;
const reasonedFilters = 400;
const people = 500;

let population: Population;

beforeAll(async () => {
  const { pool } = await testDatabase();
  const users = recordsOf(seed, people).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  await insertRecords(pool, 'laws', users);
  await pool.query('ANALYZE end_users, events');
  population = { pool, workspaceId: 'laws', users };
});

it(
  `every reader gives ${people} dirty people the same verdict under ${filters} filters, negated, widened, printed and indexed`,
  { timeout: 600_000 },
  async () => {
    const trials: Trial[] = fc
      .sample(fc.tuple(filterArbitrary, momentArbitrary), { seed, numRuns: filters })
      .map(([document, moment]) => ({ document, ...moment }));
    expect(await checkLaws(population, trials)).toEqual([]);
  },
);

it(
  `a report tells of each of ${people} dirty people under ${reasonedFilters} filters the reasons that their explanation tells`,
  { timeout: 600_000 },
  async () => {
    const trials: Trial[] = fc
      .sample(fc.tuple(filterArbitrary, momentArbitrary), { seed: seed + 1, numRuns: reasonedFilters })
      .map(([document, moment]) => ({ document, ...moment }));
    expect(await checkReasons(population, trials)).toEqual([]);
  },
);

afterAll(async () => {
  await population.pool.end();
});
