import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { installationEmail } from '../automation/channels/email/installation.js';
import { networksOf } from '../automation/channels/webhook/networks.js';
import { buildServer } from '../server/build.js';
import { rateLimitOf } from '../server/limits.js';
import { serviceLog } from '../server/log.js';
import { openMetrics } from '../server/metrics/registry.js';
import { keeperOf } from './keeper.js';
import { checkPort, portRefusal } from './port.js';
import { openServers } from './servers.js';
import { listenForStop, Stopped, timeForWork } from './stopping.js';
import type { Stopping } from './stopping.js';
import { out } from './terminal.js';

export interface ServeOptions {
  /** Port of the API; 0 takes a free one. */
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  /** Seconds that a stop may take. */
  readonly drain: number;
  /** Seconds of those in which `/readyz` already refuses and everything is still answered. */
  readonly notice: number;
  /** Most connections to Postgres at once. */
  readonly connections: number;
  /** Whether to print one line for a program, and nothing else, on stdout. */
  readonly json: boolean;
}

/** Runs `muster serve`: the API, and nothing that works in the background, until a signal comes. */
export async function runServe(options: ServeOptions): Promise<void> {
  const stopping = listenForStop(options.drain);
  try {
    let going = false;
    const { server, url } = await open(options, stopping, () => going);
    out.line(options.json ? JSON.stringify({ ready: true, url }) : `Muster answers on ${url}`);
    const signal = await stopping.asked;
    if (!options.json) out.line('stopping');
    going = true;
    cutAfter(server, timeForWork(options.drain));
    // Whoever presses Ctrl-C has no load balancer to tell.
    if (signal === 'SIGTERM') await sleep(Math.min(options.notice, options.drain / 2) * 1000);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await stopping.close();
  }
}

async function open(
  { port, host, connections }: ServeOptions,
  stopping: Stopping,
  isStopping: () => boolean,
): Promise<{ server: FastifyInstance; url: string }> {
  const rateLimit = rateLimitOf(process.env.MUSTER_RATE_LIMIT);
  const allowedNetworks = networksOf(process.env.MUSTER_WEBHOOK_NETWORKS);
  const email = installationEmail(process.env);
  await checkPort(port, host);
  stopping.check();
  const log = serviceLog({ level: process.env.MUSTER_LOG ?? 'warn', to: process.stderr });
  const keeper = keeperOf(log, stopping);
  const servers = await openServers({ redis: true, schema: 'check', connections, keeper });
  stopping.opened(() => servers.stop());
  const server = await buildServer({
    pool: servers.pool,
    redisUrl: servers.redisUrl,
    log,
    isStopping,
    metrics: openMetrics(servers.pool, { ofProcess: true }),
    metricsToken: process.env.MUSTER_METRICS_TOKEN,
    allowedNetworks,
    email,
    ...(rateLimit === undefined ? {} : { rateLimit }),
  });
  stopping.opened(() => server.close());
  try {
    return { server, url: await server.listen({ port, host }) };
  } catch (error) {
    throw portRefusal(error, port, host);
  }
}

/** Requests that are still under way by then are cut off, so that the connections behind them can close in order. */
function cutAfter(server: FastifyInstance, milliseconds: number): void {
  setTimeout(() => server.server.closeAllConnections(), milliseconds).unref();
}
