import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../../../src/database/migrate.js';
import { openPool } from '../../../src/database/pool.js';
import { startEmbedded } from '../../../src/embedded/index.js';
import { buildServer } from '../../../src/server/build.js';
import { fuzzRound } from './round.js';

/**
 * The laws of `fuzz.test.ts` for as many calls as asked: `npm run fuzz:api -- --calls 40000 [--seed N]`. Every round of 600
 * calls has a new workspace and the next seed; the exit code is 1 when an answer broke a law. `--seen` lists what each
 * route answered.
 */
const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '6000' },
    seed: { type: 'string' },
    slowest: { type: 'string', default: '2000' },
    seen: { type: 'boolean', default: false },
  },
});
const perRound = 600;
let seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);

const dataDir = mkdtempSync(join(tmpdir(), 'muster-fuzz-'));
const given = process.env['DATABASE_URL'];
const embedded =
  given === undefined
    ? await startEmbedded({ dataDir, postgres: true, redis: false })
    : { databaseUrl: given, stop: async () => {} };
const pool = await openPool(embedded.databaseUrl ?? '');
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const seen = new Map<string, Map<string, number>>();
const kinds = new Map<string, number>();
try {
  await migrate(pool);
  const server = await buildServer({ pool });
  const service = { url: await server.listen({ port: 0, host: '127.0.0.1' }), routes: server.routeTable };
  for (let left = Number(values.calls); left > 0; left -= perRound) {
    const calls = Math.min(left, perRound);
    const { faults, reached } = await fuzzRound({
      pool,
      service,
      seed,
      calls,
      slowest: Number(values.slowest),
    });
    for (const [route, counts] of reached) {
      const sum = seen.get(route) ?? new Map<string, number>();
      for (const [status, count] of counts) sum.set(status, (sum.get(status) ?? 0) + count);
      seen.set(route, sum);
    }
    write(`seed ${seed}: ${calls} calls, ${faults.length} faults`);
    for (const { what, route, number, curl, answer } of faults) {
      // One of a kind is enough to read.
      const kind = `${route}: ${what.join('; ').replaceAll(/\d+/g, 'N')}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (kinds.get(kind) === 1)
        write(`${route}: ${what.join('; ')} (--seed ${seed}, call ${number})\n  ${curl}\n  ${answer}`);
      process.exitCode = 1;
    }
    seed += 1;
  }
  await server.close();
  for (const [kind, count] of [...kinds].toSorted(([, a], [, b]) => b - a)) write(`${count} x ${kind}`);
  if (values.seen)
    for (const [route, counts] of seen)
      write(`${route} ${[...counts].map(([kind, count]) => `${kind}: ${count}`).join(', ')}`);
} finally {
  await pool.end();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
