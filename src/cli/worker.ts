import { networksOf } from '../automation/channels/webhook/networks.js';
import { startAutomation } from '../automation/index.js';
import { buildHealthServer } from '../server/health.js';
import { serviceLog } from '../server/log.js';
import { checkPort, portRefusal } from './port.js';
import { openServers } from './servers.js';
import { listenForStop, Stopped, timeForWork } from './stopping.js';
import type { Stopping } from './stopping.js';
import { out } from './terminal.js';

export interface WorkerOptions {
  /** Port for `/healthz`, `/readyz` and `/metrics`; 0 takes a free one, null opens none. */
  readonly healthPort: number | null;
  /** Address of that port. */
  readonly host: string;
  /** Seconds that a stop may take. */
  readonly drain: number;
  /** Steps performed at once. */
  readonly concurrency: number;
  /** Most connections to Postgres at once. */
  readonly connections: number;
  /** Whether to print one line for a program, and nothing else, on stdout. */
  readonly json: boolean;
}

/** Runs `muster worker`: everything that works in the background, and no API, until a signal comes. */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const stopping = listenForStop(options.drain);
  try {
    let going = false;
    const url = await open(options, stopping, () => going);
    if (options.json) out.line(JSON.stringify({ ready: true, health_url: url }));
    else out.line(url === null ? 'Muster works' : `Muster works; ${url}/readyz says how`);
    await stopping.asked;
    going = true;
    if (!options.json) out.line('stopping');
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await stopping.close();
  }
}

async function open(
  { healthPort, host, drain, concurrency, connections }: WorkerOptions,
  stopping: Stopping,
  isStopping: () => boolean,
): Promise<string | null> {
  const allowedNetworks = networksOf(process.env.MUSTER_WEBHOOK_NETWORKS);
  if (healthPort !== null) await checkPort(healthPort, host);
  stopping.check();
  const servers = await openServers({ redis: true, schema: 'check', connections });
  stopping.opened(() => servers.stop());
  const { pool, redisUrl } = servers;
  const log = serviceLog({ level: process.env.MUSTER_LOG ?? 'warn', to: process.stderr });
  const health = healthPort === null ? null : await buildHealthServer({ pool, log, isStopping });
  // Registered before the automation is, and so closed after it: it answers until the last step is over.
  if (health !== null) stopping.opened(() => health.close());
  const automation = await startAutomation({
    pool,
    redisUrl,
    logger: log,
    concurrency,
    drain: timeForWork(drain),
    webhooks: { allowedNetworks },
  });
  stopping.opened(() => automation.stop());
  if (health === null || healthPort === null) return null;
  try {
    return await health.listen({ port: healthPort, host });
  } catch (error) {
    throw portRefusal(error, healthPort, host);
  }
}
