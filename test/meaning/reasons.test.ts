import { expect, it } from 'vitest';
import { checkReasons } from './laws.js';
import { seed, trialsOf, usePopulation } from './laws-half.js';

const filters = 400;
const population = usePopulation();

it(
  `a report tells of each of 500 dirty people under ${filters} filters the reasons that their explanation tells`,
  { timeout: 600_000 },
  async () => {
    expect(await checkReasons(population(), trialsOf(seed + 1, filters))).toEqual([]);
  },
);
