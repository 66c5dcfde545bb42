import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';
import { startEmbedded } from '../../src/embedded/index.js';
import { filterArbitrary, momentArbitrary, recordsOf } from './generator.js';
import { checkLaws, checkReasons, keyOf } from './laws.js';
import { insertRecords } from './support.js';

/**
 * The laws of `laws.test.ts` for as long as asked: `npm run fuzz -- --minutes 30 [--seed N]`. Every round has a new
 * population and a seed that is printed; the exit code is 1 when a law did not hold.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } },
});
const until = Date.now() + Number(values.minutes) * 60_000;
let seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);

const dataDir = mkdtempSync(join(tmpdir(), 'muster-fuzz-'));
const embedded =
  process.env['DATABASE_URL'] === undefined
    ? await startEmbedded({ dataDir, postgres: true, redis: false })
    : { databaseUrl: process.env['DATABASE_URL'], stop: async () => {} };
const pool = await openPool(embedded.databaseUrl ?? '');
let filters = 0;
try {
  await migrate(pool);
  while (Date.now() < until && process.exitCode === undefined) {
    const users = recordsOf(seed, 500).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const workspaceId = `fuzz-${seed}`;
    await insertRecords(pool, workspaceId, users);
    await pool.query('ANALYZE end_users, events');
    const trials = fc
      .sample(fc.tuple(filterArbitrary, momentArbitrary), { seed, numRuns: 2_000 })
      .map(([document, moment]) => ({ document, ...moment }));
    const population = { pool, workspaceId, users };
    const found = [...(await checkLaws(population, trials)), ...(await checkReasons(population, trials))];
    filters += trials.length;
    process.stdout.write(
      `seed ${seed}: ${trials.length} filters x ${users.length} people, ${found.length} disagreements\n`,
    );
    if (found.length > 0) {
      process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      process.exitCode = 1;
    }
    await pool.query('DELETE FROM events WHERE workspace_id = $1', [workspaceId]);
    await pool.query('DELETE FROM end_users WHERE workspace_id = $1', [workspaceId]);
    await pool.query('DELETE FROM companies WHERE workspace_id = $1', [workspaceId]);
    seed += 1;
  }
  process.stdout.write(`${filters} filters in all\n`);
} finally {
  await pool.end();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
