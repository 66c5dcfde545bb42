import { appendFileSync } from 'node:fs';
import { openPool } from '../../src/database/pool.js';
import { MusterError } from '../../src/errors/index.js';
import { settableClock } from './clock.js';
import { arm, passing, patchBullmq, withFailpoints } from './failpoints.js';
import type { Failpoint } from './failpoints.js';
import { startSubject } from './subject.js';
import type { SubjectSettings } from './subject.js';
import { exitCodes } from './worker-exit.js';

/** What a worker process is told at its start. */
export interface WorkerConfig {
  /** Differs between any two lives of a worker. */
  readonly name: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly oraclePort: number;
  readonly settings: SubjectSettings;
  /** Gets what the runtime warns of. */
  readonly log: string;
}

/** What it is told while it runs. */
export type WorkerOrder =
  | { readonly kind: 'arm'; readonly failpoint: Failpoint | null }
  | { readonly kind: 'block'; readonly ms: number }
  /** Sets the clock so many milliseconds ahead of the machine's, or behind. */
  | { readonly kind: 'clock'; readonly ahead: number };

const config: unknown = JSON.parse(process.argv[2] ?? 'null');
if (!isConfig(config)) throw new TypeError('a worker is started with its configuration');

const { log, name } = config;

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    process.stderr.write(`${event}: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(exitCodes.uncaught);
  });
}
// Whoever started it is gone.
process.once('disconnect', () => process.exit());

const note = (fields: object, message: string): void => {
  appendFileSync(log, `${new Date().toISOString()} ${name} ${message} ${JSON.stringify(fields)}\n`);
};

const setClock = settableClock();
patchBullmq();
try {
  const pool = withFailpoints(
    await openPool(config.databaseUrl, { applicationName: config.name, max: 6, connectTimeout: 3000 }),
  );
  const automation = await startSubject({
    ...config,
    pool,
    logger: { info: () => undefined, warn: note, error: note },
    around: (call) => passing(['deliver'], call),
    die: () => process.exit(exitCodes.poisoned),
  });
  process.on('message', (order: WorkerOrder) => {
    switch (order.kind) {
      case 'arm':
        arm(order.failpoint);
        break;
      case 'block':
        // The event loop stands still, and the processor is left to the others.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.ms);
        break;
      case 'clock':
        setClock(order.ahead);
        break;
    }
  });
  process.once('SIGTERM', () => void automation.stop().then(() => process.exit(0)));
  process.send?.('ready');
} catch (error) {
  if (!(error instanceof MusterError)) throw error;
  note({ error: error.message }, 'did not start');
  process.exit(exitCodes.unreachable);
}

function isConfig(value: unknown): value is WorkerConfig {
  return typeof value === 'object' && value !== null && 'databaseUrl' in value && 'settings' in value;
}
