import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPool } from '../../src/database/pool.js';
import { pause } from '../../src/embedded/processes.js';
import { startBroadcasts } from './broadcasts.js';
import { bundle } from './bundle.js';
import type { Scripts } from './bundle.js';
import { allFaults, dealFaults } from './faults/index.js';
import type { Fault, Place, Rig } from './faults/index.js';
import { breaches } from './laws.js';
import type { Breach } from './laws/breach.js';
import { readHistory } from './history.js';
import { buildOlder } from './older.js';
import type { OlderVersion } from './older.js';
import { startOracle } from './oracle.js';
import type { OracleMode } from './oracle.js';
import { startPeople } from './people.js';
import { startChaosPostgres } from './postgres.js';
import type { ChaosPostgres } from './postgres.js';
import { startProxy } from './proxy.js';
import type { TcpProxy } from './proxy.js';
import { randomOf } from './random.js';
import { startChaosRedis } from './redis.js';
import type { ChaosRedis } from './redis.js';
import { otherwise, usualSettings } from './subject.js';
import type { SubjectSettings } from './subject.js';
import { saveChaosBroadcasts } from './subject/broadcasts.js';
import { saveChaosSeries, sendsPerPerson } from './subject/series.js';
import { isQuiet } from './quiet.js';
import { mountVolume } from './volume.js';
import type { Volume } from './volume.js';
import { installWitness } from './witness.js';
import { startWorkers } from './workers.js';

/** The servers of a chaos run, which its seeds share; each seed has a database, workers and a provider of its own. */
export interface ChaosServers {
  readonly folder: string;
  readonly scripts: Scripts;
  /** What a part of the workers runs, where there is such a version. */
  readonly older: OlderVersion;
  readonly postgres: ChaosPostgres;
  readonly redis: ChaosRedis;
  /** What the data of Postgres lie on, where they were given a file system of their own. */
  readonly volume: Volume | null;
  readonly postgresProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  stop(): Promise<void>;
}

export interface ServersOptions {
  /** The checkout, or a copy, whose runtime the workers run; default this one. */
  readonly root?: string;
  /** Lets a part of the workers run the oldest version that knows the schema of today. */
  readonly mixed?: boolean;
  /** Gives the data of Postgres a file system of two gigabytes in memory, where this process may mount one. */
  readonly small?: boolean;
  /** Leaves the provider's record and the workers' log in the folder. */
  readonly keep?: boolean;
}

export async function startChaosServers({
  root,
  keep,
  mixed,
  small,
}: ServersOptions = {}): Promise<ChaosServers> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-chaos-'));
  chmodSync(folder, 0o711);
  const undo: (() => Promise<void>)[] = [];
  if (keep !== true) undo.push(async () => rmSync(folder, { recursive: true, force: true }));
  const stop = async (): Promise<void> => {
    for (let next = undo.pop(); next !== undefined; next = undo.pop()) await next();
  };
  const kept = async <T>(starting: Promise<T>, end: (started: T) => Promise<void>): Promise<T> => {
    const started = await starting;
    undo.push(() => end(started));
    return started;
  };
  try {
    const scripts = await bundle(join(folder, 'programs'), root);
    const older = mixed === true ? await buildOlder(folder) : { script: null, told: 'not asked for' };
    const data = join(folder, 'data');
    mkdirSync(data, { mode: 0o711 });
    const volume = small === true ? mountVolume(data, 2048) : null;
    undo.push(async () => volume?.close());
    const postgres = await kept(startChaosPostgres(data), (server) => server.stop());
    const redis = await kept(startChaosRedis(folder), (server) => server.stop());
    const postgresProxy = await kept(startProxy(postgres), (proxy) => proxy.close());
    const redisProxy = await kept(startProxy(redis), (proxy) => proxy.close());
    return { folder, scripts, older, postgres, redis, volume, postgresProxy, redisProxy, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface ChaosOptions {
  readonly seed: number;
  /** How many faults are dealt. */
  readonly faults: number;
  /** About how many messages are due; people come in while the faults go on. */
  readonly sends: number;
  readonly workers: number;
  /** How many are there from the start whom no series takes; a broadcast goes to them from the first fault on. Default 0. */
  readonly crowd?: number;
  /** Milliseconds between the beginnings of two faults, at most; half of it on average. */
  readonly pace?: number;
  /** Which faults; default all. */
  readonly only?: readonly string[];
  readonly settings?: Partial<SubjectSettings>;
  /** How the provider behaves while faults go on and none concerns it; default `ok`. */
  readonly provider?: OracleMode;
  /** Milliseconds that everything may take to come to rest after the last fault was healed. */
  readonly patience?: number;
  /** Hears of each fault dealt with. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly seed: number;
  readonly faults: number;
  readonly of: number;
  readonly people: number;
  /** What it is at: a fault's name, or `coming to rest`. */
  readonly at: string;
}

export interface ChaosResult {
  readonly seed: number;
  /** How often each fault hit; and those that were dealt and found nothing to hit. */
  readonly hit: Readonly<Record<string, number>>;
  readonly missed: Readonly<Record<string, number>>;
  readonly people: number;
  /** Messages that the provider accepted, each counted once. */
  readonly sends: number;
  /** Calls beyond the first of a message, with the same key. */
  readonly repeats: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly stuck: number;
  /** People in launches of broadcasts, and how often it was read how those go. */
  readonly recipients: number;
  readonly samples: number;
  readonly breaches: readonly Breach[];
  /** How often a worker process was started. */
  readonly lives: number;
  readonly seconds: number;
  /** Of these, from the last heal to rest. */
  readonly rest: number;
}

const usualPace = 600;

/** One seed: faults while people come in, then rest, then the laws. */
export async function runChaos(servers: ChaosServers, options: ChaosOptions): Promise<ChaosResult> {
  const begun = performance.now();
  const { seed } = options;
  const random = randomOf(seed);
  const { crowd = 0 } = options;
  const settings = { ...usualSettings, ...options.settings };
  const name = `chaos_${seed}_${Math.round(begun)}`;
  const databaseUrl = await servers.postgres.newDatabase(name);
  await servers.redis.admin.flushall();
  await installWitness(databaseUrl);
  const setUp = await openPool(databaseUrl, { max: 1 });
  try {
    await saveChaosSeries(setUp);
    await saveChaosBroadcasts(setUp, crowd, crowd > 0 ? 0.2 : 60);
  } finally {
    await setUp.end();
  }

  const throughProxy = proxied(databaseUrl, servers.postgresProxy.port);
  const oracle = await startOracle(servers.scripts.oracle, join(servers.folder, `${name}.calls`), seed);
  const people = await startPeople(throughProxy, random.fork('people'), crowd);
  const broadcasts = await startBroadcasts({ throughProxy, databaseUrl, every: crowd > 0 ? 300 : 100 });
  const workers = startWorkers({
    count: options.workers,
    programs: [
      { script: servers.scripts.worker, settings },
      {
        script: servers.older.script ?? servers.scripts.worker,
        settings: { ...settings, ...otherwise(settings) },
      },
    ],
    databaseUrl: throughProxy,
    redisUrl: `redis://:${servers.redis.password}@127.0.0.1:${servers.redisProxy.port}`,
    oraclePort: oracle.port,
    log: join(servers.folder, 'workers.log'),
  });
  try {
    const rig: Rig = { ...servers, databaseUrl, oracle, workers, people, broadcasts, settings };
    await workers.one(random);
    if (options.provider !== undefined) await oracle.setMode(options.provider);
    const { hit, missed } = await inject(rig, options);
    await oracle.setMode({ kind: 'ok' });
    const healed = performance.now();
    // A crowd has its time as well: three hundred of them a second, however busy the machine.
    const patience = healed + (options.patience ?? 120_000 + crowd * 3.3);
    options.onProgress?.({ ...at(rig, options, options.faults), at: 'coming to rest' });
    // What does not come to rest is named by the laws.
    while (!(await isQuiet(databaseUrl)) && performance.now() < patience) await pause(100);
    const ended = performance.now();

    const history = await readHistory(databaseUrl, oracle, people, broadcasts);
    const found = [
      ...breaches(history),
      ...workers.crashes().map((what): Breach => ({ law: 'crash', what })),
      ...workers.overdue().map((what): Breach => ({ law: 'drained', what })),
    ];
    const accepted = history.calls.filter((call) => call.accepted);
    const sends = new Set(accepted.map((call) => call.key)).size;
    const count = (law: Breach['law']): number => found.filter((breach) => breach.law === law).length;
    return {
      seed,
      hit,
      missed,
      people: people.all.length,
      sends,
      repeats: history.calls.length - new Set(history.calls.map((call) => call.key)).size,
      lost: count('delivered'),
      duplicates: count('distinct'),
      stuck: count('stuck'),
      recipients: history.broadcasts.recipients.length,
      samples: history.broadcasts.watched.samples,
      breaches: found,
      lives: workers.started(),
      seconds: (ended - begun) / 1000,
      rest: (ended - healed) / 1000,
    };
  } finally {
    await workers.stop();
    await people.stop();
    await broadcasts.stop();
    await oracle.stop();
    await servers.postgres.dropDatabase(name);
  }
}

function proxied(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl);
  url.port = String(port);
  return url.href;
}

function at(rig: Rig, options: ChaosOptions, faults: number): Omit<Progress, 'at'> {
  return { seed: options.seed, faults, of: options.faults, people: rig.people.all.length };
}

/** Deals the faults one after the other; those of different places overlap. Returns when all are healed. */
async function inject(
  rig: Rig,
  options: ChaosOptions,
): Promise<{ hit: Record<string, number>; missed: Record<string, number> }> {
  const random = randomOf(options.seed);
  const chosen = allFaults.filter(
    ({ name, needs }) =>
      (options.only?.includes(name) ?? true) && (needs === undefined || rig.volume !== null),
  );
  if (chosen.length === 0) throw new Error('there is no fault of these names, or none that can be done here');
  const faults = dealFaults(random.fork('deal'), options.faults, chosen);
  const pauses = random.fork('pauses');
  const people = Math.ceil(options.sends / sendsPerPerson);
  const hit: Record<string, number> = {};
  const missed: Record<string, number> = {};
  const busy = new Map<Place, Promise<void>>();
  let asked = 0;
  const arrive = (upTo: number): void => {
    const count = Math.min(people, upTo) - asked;
    asked += count;
    if (count > 0) rig.people.identify(count, options.pace ?? usualPace);
  };
  const launching: Promise<boolean>[] = [];
  const launchAt =
    options.crowd === undefined ? [1 / 3, 2 / 3].map((part) => Math.floor(part * faults.length)) : [0];
  // The first fault must find something under way.
  arrive(Math.ceil(people / faults.length));
  for (const [index, fault] of faults.entries()) {
    await pause(pauses.int(0, options.pace ?? usualPace));
    await busy.get(fault.place);
    options.onProgress?.({ ...at(rig, options, index), at: fault.name });
    if (launchAt.includes(index)) launching.push(rig.broadcasts.launch());
    busy.set(fault.place, tally(fault, rig, random.fork(`fault ${index}`), hit, missed));
    arrive(Math.ceil(((index + 2) / faults.length) * people));
  }
  await Promise.all(busy.values());
  await rig.people.settled();
  await Promise.all(launching);
  return { hit, missed };
}

async function tally(
  fault: Fault,
  rig: Rig,
  random: ReturnType<typeof randomOf>,
  hit: Record<string, number>,
  missed: Record<string, number>,
): Promise<void> {
  const counts = (await fault.inject(rig, random)) ? hit : missed;
  counts[fault.name] = (counts[fault.name] ?? 0) + 1;
}
