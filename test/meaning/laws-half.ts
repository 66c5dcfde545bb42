import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { filterArbitrary, momentArbitrary, recordsOf } from './generator.js';
import { checkLaws, keyOf, type Population, type Trial } from './laws.js';
import { insertRecords } from './support.js';

export const seed = 20_260_118;
const filters = 20_000;
const people = 500;

/** Filters with the moments at which they are asked, the same ones for the same seed. */
export function trialsOf(seedOfTrials: number, count: number): Trial[] {
  return fc
    .sample(fc.tuple(filterArbitrary, momentArbitrary), { seed: seedOfTrials, numRuns: count })
    .map(([document, moment]) => ({ document, ...moment }));
}

/** 500 dirty people in a database of the file's own. */
export function usePopulation(): () => Population {
  let population: Population | undefined;
  beforeAll(async () => {
    const { pool } = await testDatabase();
    const users = recordsOf(seed, people).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    await insertRecords(pool, 'laws', users);
    await pool.query('ANALYZE end_users, events');
    population = { pool, workspaceId: 'laws', users };
  });
  afterAll(async () => {
    await population?.pool.end();
  });
  return () => {
    if (population === undefined) throw new Error('the people are there only inside tests');
    return population;
  };
}

/** The laws under one half of the filters: two files, so that two workers of the test runner share them. */
export function testHalfOfTheLaws(half: 'first' | 'second'): void {
  const population = usePopulation();
  it(
    `every reader gives ${people} dirty people the same verdict under the ${half} half of ${filters} filters, negated, widened, printed and indexed`,
    { timeout: 600_000 },
    async () => {
      const trials = trialsOf(seed, filters);
      const middle = filters / 2;
      const mine = half === 'first' ? trials.slice(0, middle) : trials.slice(middle);
      expect(mine).toHaveLength(middle);
      expect(await checkLaws(population(), mine)).toEqual([]);
    },
  );
}
