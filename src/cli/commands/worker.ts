import { Command } from 'commander';
import { withConnections, withDrain, withEvicting, withExamples, withJson, wholeNumber } from '../options.js';
import { loopback } from '../port.js';
import type { WorkerOptions } from '../worker.js';

/** `muster worker`: takes people into series and performs their steps, without an API. */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description(
      'Takes people into series and performs their steps. Any number of workers may run at once on the same DATABASE_URL ' +
        'and REDIS_URL; they share the work. The schema is not changed; run `muster migrate` first.\n\n' +
        'SIGTERM: nothing further is taken, steps under way are finished, and what has not begun to send in time is given ' +
        'back to the other workers. A second signal ends the process at once, which costs others the wait for its leases.',
    )
    .option(
      '--health-port <number>',
      'port for /healthz, /readyz and /metrics; 0 takes a free one (default: none)',
      wholeNumber(0, 65_535),
    )
    .option('--host <address>', 'address of the health port; 0.0.0.0 for all of this machine', loopback)
    .option('--concurrency <number>', 'calls of channels under way at once', wholeNumber(1, 10_000), 50)
    .action(run);
  return withExamples(withJson(withEvicting(withConnections(withDrain(command)))), [
    ['muster worker', 'beside muster serve'],
    ['muster worker --health-port 9100 --drain 25', 'with a port for probes and for Prometheus'],
    ['muster worker --concurrency 200 --connections 20', 'for channels that answer slowly'],
  ]);
}

type Options = Omit<WorkerOptions, 'json' | 'healthPort' | 'allowEvictingRedis'> & {
  json?: true;
  healthPort?: number;
  allowEvictingRedis?: true;
};

async function run({ healthPort, json, allowEvictingRedis, ...options }: Options): Promise<void> {
  const { runWorker } = await import('../worker.js');
  await runWorker({
    ...options,
    healthPort: healthPort ?? null,
    allowEvictingRedis: allowEvictingRedis === true,
    json: json === true,
  });
}
