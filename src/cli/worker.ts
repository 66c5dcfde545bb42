import { installationEmail } from '../automation/channels/email/installation.js';
import { networksOf } from '../automation/channels/webhook/networks.js';
import { startAutomation } from '../automation/index.js';
import { automationChecks } from '../server/automation-checks.js';
import { buildHealthServer } from '../server/health.js';
import { serviceLog } from '../server/log.js';
import { openMetrics } from '../server/metrics/registry.js';
import { keeperOf } from './keeper.js';
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
  /** Whether to run on a Redis that may throw jobs away. */
  readonly allowEvictingRedis: boolean;
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
  { healthPort, host, drain, concurrency, connections, allowEvictingRedis }: WorkerOptions,
  stopping: Stopping,
  isStopping: () => boolean,
): Promise<string | null> {
  const allowedNetworks = networksOf(process.env.MUSTER_WEBHOOK_NETWORKS);
  const email = installationEmail(process.env);
  if (healthPort !== null) await checkPort(healthPort, host);
  stopping.check();
  const log = serviceLog({ level: process.env.MUSTER_LOG ?? 'warn', to: process.stderr });
  const keeper = keeperOf(log, stopping);
  const servers = await openServers({ redis: true, schema: 'check', connections, keeper });
  stopping.opened(() => servers.stop());
  const { pool, redisUrl } = servers;
  const metrics = openMetrics(pool, { ofProcess: true, health: () => automation.health() });
  const automation = await startAutomation({
    pool,
    redisUrl,
    logger: log,
    concurrency,
    evicting: allowEvictingRedis ? 'degrade' : 'refuse',
    drain: timeForWork(drain),
    webhooks: { allowedNetworks },
    email: { installation: email, allowedNetworks },
    slack: { allowedNetworks },
    observe: metrics.observer,
  });
  const health = await buildHealthServer({
    pool,
    log,
    isStopping,
    metrics,
    metricsToken: process.env.MUSTER_METRICS_TOKEN,
    checks: automationChecks(automation),
  });
  stopping.opened(async () => {
    await automation.stop();
    // Last, so that it answers until the last step is over.
    await health.close();
  });
  if (healthPort === null) return null;
  try {
    return await health.listen({ port: healthPort, host });
  } catch (error) {
    throw portRefusal(error, healthPort, host);
  }
}
