import type { FastifyInstance } from 'fastify';
import type { Pool } from '../database/pool.js';
import { startFolding } from '../traits/catalogue/fold.js';
import { startUpkeep } from '../traits/upkeep/start.js';

/** Milliseconds between two foldings of what the triggers appended. */
const foldEvery = 5000;
/** Milliseconds between two rounds of upkeep. */
const upkeepEvery = 60_000;

/** What a server does between calls, until it closes. */
export function runInBackground(app: FastifyInstance, pool: Pool, clock: () => number): void {
  const folding = startFolding(pool, foldEvery, (err) => {
    app.log.warn({ err }, 'traits were not folded');
  });
  const upkeep = startUpkeep(pool, {
    every: upkeepEvery,
    clock,
    onError: (err) => app.log.warn({ err }, 'the tables of ingest were not looked after'),
  });
  app.addHook('onClose', async () => {
    await Promise.all([folding.stop(), upkeep.stop()]);
  });
}
