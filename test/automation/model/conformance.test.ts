import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Pool } from '../../../src/database/pool.js';
import { testDatabase } from '../../support/database.js';
import type { ModelSide } from './model-side.js';
import { onModel, seenOf } from './model-side.js';
import { resolve, sequences } from './operations.js';
import type { Operation } from './operations.js';
import { RealSide } from './real-side.js';

/**
 * The simulation is worth what its model is: the same statements, in any order and with right, stale and wrong claims,
 * done to the model and by the functions of production to a real Postgres, answer the same and leave the same behind.
 */

let pool: Pool | undefined;
beforeAll(async () => {
  ({ pool } = await testDatabase());
});

const done = new Map<string, number>();

test('each statement answers on the model what it answers on Postgres, and leaves the same behind', async () => {
  if (pool === undefined) throw new Error('there is no database');
  const real = new RealSide(pool);
  await fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      const model: ModelSide = { db: await real.begin(), inRedis: null };
      const told: Operation[] = [];
      expect(seen(model)).toEqual(await real.see());
      for (const [index, each] of sequence.entries()) {
        const operation = resolve(model.db, each, index);
        if (operation === null) continue;
        told.push(operation);
        const answer = onModel(model, operation);
        expect([told, await real.do(operation)]).toEqual([told, answer]);
        expect([told, await real.see()]).toEqual([told, seen(model)]);
        count(operation, answer);
      }
    }),
    { seed: 20_261_121, numRuns: Number(process.env['MUSTER_SEQUENCES'] ?? 30), endOnFailure: true },
  );
  // What nothing was ever granted to proves nothing.
  expect(granted.filter((kind) => (done.get(kind) ?? 0) < 2)).toEqual([]);
});

/** The model a second later, as the other side. */
function seen(model: ModelSide): string[] {
  model.db.now += 1000;
  return seenOf(model);
}

const granted = [
  'claim',
  'begin',
  'finish',
  'defer',
  'postpone',
  'park',
  'release',
  'renew',
  'sweep',
  'poke',
];

/** Counts what changed something, by kind. */
function count({ kind }: Operation, answer: unknown): void {
  const text = JSON.stringify(answer);
  if (/true|"its"|"send"|[1-9]/.test(text)) done.set(kind, (done.get(kind) ?? 0) + 1);
}
