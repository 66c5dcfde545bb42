import { installationEmail } from '../automation/channels/email/installation.js';
import { networksOf } from '../automation/channels/webhook/networks.js';
import { startAutomation } from '../automation/index.js';
import { zoneOf } from '../audience/workspace.js';
import { databaseAddress } from '../database/unreachable.js';
import { momentOf } from '../filter/time.js';
import { automationChecks } from '../server/automation-checks.js';
import { buildServer } from '../server/build.js';
import { rateLimitOf } from '../server/limits.js';
import { serviceLog } from '../server/log.js';
import { openMetrics } from '../server/metrics/registry.js';
import { dataDir } from './data-dir.js';
import { keeperOf } from './keeper.js';
import type { LocalKeys } from './keys-file.js';
import { checkPort, loopback, portRefusal } from './port.js';
import {
  countPeople,
  importSample,
  makeWorkspace,
  openLocalKeys,
  sampleWorkspace,
  saveWelcome,
} from './sample.js';
import { openServers } from './servers.js';
import type { Servers } from './servers.js';
import { listenForStop, Stopped, timeForWork } from './stopping.js';
import type { Stopping } from './stopping.js';
import { duration, number, out } from './terminal.js';
import { showTour } from './tour.js';

export interface ServiceOptions {
  /** Port of the API on the loopback address; 0 takes a free one. */
  readonly port: number;
  /** Whether to load the sample and to show the main job on it. */
  readonly sample: boolean;
  /** Seconds that a stop may take. */
  readonly drain: number;
  /** Whether to run on a Redis that may throw jobs away. */
  readonly allowEvictingRedis: boolean;
  /** Whether to print one line for a program, and nothing else, on stdout. */
  readonly json: boolean;
}

interface Running {
  readonly servers: Servers;
  readonly url: string;
  readonly keys: LocalKeys;
}

/**
 * Runs `muster start`: opens everything, says so, serves until a signal comes, and closes everything in the opposite
 * order, also when a step fails.
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const stopping = listenForStop(options.drain);
  try {
    const started = performance.now();
    const running = await open(options, stopping);
    if (options.json) {
      out.line(JSON.stringify(readyLine(running)));
    } else {
      if (options.sample) await tour(running);
      stopping.check();
      printReady(running, performance.now() - started);
    }
    await stopping.asked;
    if (!options.json) out.line('\nstopping');
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await stopping.close();
  }
}

async function open(options: ServiceOptions, stopping: Stopping): Promise<Running> {
  const rateLimit = rateLimitOf(process.env.MUSTER_RATE_LIMIT);
  const allowedNetworks = networksOf(process.env.MUSTER_WEBHOOK_NETWORKS);
  const email = installationEmail(process.env);
  await checkPort(options.port, loopback);
  stopping.check();
  const log = serviceLog({ level: process.env.MUSTER_LOG ?? 'warn', to: process.stderr });
  const keeper = keeperOf(log, stopping);
  const servers = await openServers({ redis: true, schema: 'bring', keeper });
  stopping.opened(() => servers.stop());
  const { pool, redisUrl } = servers;

  await makeWorkspace(pool, sampleWorkspace, 'Sample');
  const keys = await openLocalKeys(pool, dataDir(), sampleWorkspace);
  if (options.sample) await loadSample(servers, options);
  stopping.check();

  const metrics = openMetrics(pool, { ofProcess: true, health: () => automation.health() });
  const automation = await startAutomation({
    pool,
    redisUrl,
    logger: log,
    evicting: options.allowEvictingRedis ? 'degrade' : 'refuse',
    drain: timeForWork(options.drain),
    observe: metrics.observer,
    webhooks: { allowedNetworks },
    email: { installation: email, allowedNetworks },
    slack: { allowedNetworks },
  });
  stopping.opened(() => automation.stop());
  const server = await buildServer({
    pool,
    log,
    redisUrl,
    allowedNetworks,
    email,
    metrics,
    metricsToken: process.env.MUSTER_METRICS_TOKEN,
    checks: automationChecks(automation),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    onFact: () => automation.nudge(),
  });
  stopping.opened(() => server.close());
  try {
    const url = await server.listen({ port: options.port, host: loopback });
    return { servers, url, keys };
  } catch (error) {
    throw portRefusal(error, options.port, loopback);
  }
}

async function loadSample({ pool }: Servers, options: ServiceOptions): Promise<void> {
  const present = await countPeople(pool, sampleWorkspace);
  if (present === 0) await importSample(pool, Date.now());
  await saveWelcome(pool, sampleWorkspace);
  if (options.json) return;
  const count = present === 0 ? await countPeople(pool, sampleWorkspace) : present;
  const what = present === 0 ? 'imported' : 'found again';
  out.line(
    `${out.style('green', '✓')} ${number(count)} people ${what} in the workspace ${sampleWorkspace}\n`,
  );
}

async function tour({ servers: { pool }, url, keys }: Running): Promise<void> {
  const moment = momentOf(Date.now(), await zoneOf(pool, sampleWorkspace));
  await showTour(out, { pool, workspaceId: sampleWorkspace, moment, url, writeKey: keys.write });
}

function readyLine({ servers, url, keys }: Running): Record<string, unknown> {
  return {
    ready: true,
    url,
    workspace: sampleWorkspace,
    secret_key: keys.secret,
    write_key: keys.write,
    database_url: servers.databaseUrl,
    redis_url: servers.redisUrl,
  };
}

function printReady({ servers, url, keys }: Running, milliseconds: number): void {
  const { embedded, databaseUrl, redisUrl } = servers;
  out.line(
    `${out.style(['green', 'bold'], 'Muster is ready')}  ${out.style('dim', duration(milliseconds))}\n`,
  );
  out.line(`  ${name('API')} ${out.style('bold', url)}   ${out.style('dim', `${url}/openapi.json`)}`);
  out.line(`  ${name('workspace')} ${sampleWorkspace}`);
  out.line(`  ${name('secret key')} ${keys.secret}`);
  out.line(`  ${name('write key')} ${keys.write}`);
  out.line(`  ${name('Postgres')} ${databaseAddress(databaseUrl)}${embedded.postgres ? ', embedded' : ''}`);
  out.line(`  ${name('Redis')} ${redisAddress(redisUrl)}${embedded.redis ? ', embedded' : ''}`);
  out.line(`\n  Try in another terminal: npx muster preview admins`);
  out.line(`  Ctrl-C stops everything.`);
}

/** A Redis address without its password. */
function redisAddress(url: string): string {
  if (!URL.canParse(url)) return 'REDIS_URL';
  const { host, pathname } = new URL(url);
  return host === '' ? pathname : host;
}

const name = (text: string): string => out.style('dim', text.padEnd(11));
