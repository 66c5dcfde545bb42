import { parseArgs } from 'node:util';
import { runChaos, startChaosServers } from './chaos.js';
import type { ChaosResult, Progress } from './chaos.js';
import { examplesOf, neverHit, reportOf } from './report.js';

/**
 * Real processes, real servers, faults of every kind: `npm run chaos -- --seeds 20 [--faults 50] [--sends 5000] [--seed 1]
 * [--workers 3] [--recipients 100000] [--only NAME ...] [--keep] [--json]`. Exit code 1 when a law did not hold; the seed is printed with how to run it again.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    faults: { type: 'string', default: '50' },
    sends: { type: 'string', default: '5000' },
    workers: { type: 'string', default: '3' },
    recipients: { type: 'string' },
    only: { type: 'string', multiple: true },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const first = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const shape = {
  faults: Number(values.faults),
  sends: Number(values.sends),
  workers: Number(values.workers),
  ...(values.recipients !== undefined && { crowd: Number(values.recipients) }),
  ...(values.only && { only: values.only }),
};

const terminal = process.stderr.isTTY;
const progress = ({ seed, faults, of, people, at }: Progress): void => {
  if (terminal)
    process.stderr.write(`\r\u001B[Kseed ${seed}: fault ${faults} of ${of}, ${people} people, ${at}`);
};

const servers = await startChaosServers({ keep: values.keep, mixed: true, small: true });
process.stderr.write(`workers of an older version: ${servers.older.told}\n`);
if (servers.volume === null)
  process.stderr.write('no disk gets full: Postgres would need a file system that only root can mount\n');
const results: ChaosResult[] = [];
try {
  for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
    const result = await runChaos(servers, { ...shape, seed, onProgress: progress });
    results.push(result);
    if (terminal) process.stderr.write('\r\u001B[K');
    if (result.breaches.length === 0) continue;
    process.exitCode = 1;
    process.stderr.write(
      `seed ${seed} broke ${result.breaches.length} times:\n${examplesOf(result.breaches)}`,
    );
  }
} finally {
  if (terminal) process.stderr.write('\r\u001B[K');
  await servers.stop();
}
if (values.keep) process.stderr.write(`kept ${servers.folder}\n`);
const never = neverHit(results);
if (never.length > 0) {
  process.exitCode = 1;
  process.stderr.write(
    `dealt often and never hit, so the rig no longer finds its place: ${never.join(', ')}\n`,
  );
}
process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : reportOf(results, shape));
