import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { refuse } from '../errors/index.js';
import { canReach, postgresAccount, runSlowlyAs } from './account.js';
import { installedBinaries, runnableBinaries } from './binaries.js';
import type { Binaries } from './binaries.js';
import { keptSecret, nameOfPath, readIfThere, sharedRootFolder } from './folders.js';
import { startGuarded } from './guard.js';
import type { Account, Guarded } from './guard.js';
import { lastLines, trimLog } from './logs.js';
import { freePort } from './ports.js';
import { gone, pause, postgresProcessesIn, signalled, worksIn } from './processes.js';
import { joinRunning, logPath, pipePath, recordStarted, stopOrphan } from './server.js';
import type { Held } from './server.js';

export interface PostgresOptions {
  /** Muster's data folder; must exist. */
  readonly folder: string;
  /** Server settings beyond the defaults, such as `fsync`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
  /** The programs; default the installed ones. */
  readonly binaries?: Binaries;
  /** How a free port is found; default the system picks one. */
  readonly pickPort?: () => Promise<number>;
  /** Where root keeps what another account must reach; default places of the system's. */
  readonly sharedFolders?: { readonly programs: readonly string[]; readonly data: readonly string[] };
}

export interface HeldPostgres extends Held {
  readonly url: string;
  /** The server's own data folder. */
  readonly data: string;
}

const USER = 'muster';
const DATABASE = 'muster';
const SHARED_DATA = ['/var/lib/muster', '/var/tmp/muster-root-data'];
/** The file that says where the data are when they cannot be in the data folder. */
const pointerName = 'postgres-data-is-in';
const PORT_TRIES = 5;
/** Recovery after a crash may take its time; a start that neither fails nor succeeds for this long is given up. */
const START_TIMEOUT = 120_000;

/** Starts or joins the folder's Postgres. Under the folder's lock. */
export async function holdPostgres(options: PostgresOptions): Promise<HeldPostgres> {
  const { folder } = options;
  const log = options.log ?? (() => undefined);
  const password = keptSecret(join(folder, 'postgres-password'));
  const url = (port: number): string => `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  const place = dataPlace(options, log);
  const joined = await joinRunning(folder, 'postgres', place.data, ({ port }) =>
    answers(url(port), place.data),
  );
  if (joined !== undefined) {
    log('using the Postgres that runs already');
    return { ...joined, url: url(joined.port), data: place.data };
  }
  const reach = { log, ...(options.sharedFolders && { sharedFolders: options.sharedFolders.programs }) };
  const binaries = runnableBinaries(options.binaries ?? installedBinaries(), place.account, reach);
  await clearOrphan(place.data);
  const version = readIfThere(join(place.data, 'PG_VERSION'))?.trim();
  if (version === undefined) {
    log('preparing a new Postgres data folder');
    await initialise(binaries, place, password);
  } else if (version !== binaries.version.split('.')[0]) {
    refuse('postgres_data', { folder: place.data, reason: `it belongs to Postgres ${version}` });
  }
  const { guarded, port } = await startServer(binaries, place, options, url);
  try {
    await ensureDatabase(url(port));
  } catch (error) {
    await guarded.release();
    throw error;
  }
  log(`Postgres ${/^\d+\.\d+/.exec(binaries.version)?.[0] ?? ''} listens on 127.0.0.1:${port}`);
  const held = recordStarted(folder, 'postgres', guarded, port, place.data);
  return { ...held, url: url(port), data: place.data };
}

/** Whether an embedded Postgres has been started with this data folder before. */
export function hasPostgresData(folder: string): boolean {
  return existsSync(join(folder, 'postgres')) || existsSync(join(folder, pointerName));
}

interface Place {
  readonly data: string;
  readonly account: Account | undefined;
}

/**
 * Where the data live: in Muster's data folder, or, when root's Postgres account cannot go there, in a place of root's
 * that is named after the folder. A file in the data folder points to it.
 */
function dataPlace(options: PostgresOptions, log: (line: string) => void): Place {
  const folder = realpathSync(options.folder);
  const usual = join(folder, 'postgres');
  const account = postgresAccount(usual);
  if (account === undefined) return { data: usual, account };
  const pointer = join(folder, pointerName);
  const pointed = pointedTo(pointer, folder);
  if (pointed !== undefined) {
    log(`Postgres keeps its data in ${pointed}`);
    return { data: pointed, account: postgresAccount(pointed) };
  }
  if (canReach(account, folder)) return { data: usual, account };
  if (readIfThere(join(usual, 'PG_VERSION')) !== undefined) {
    // Starting an empty database elsewhere would look like lost data.
    refuse('postgres_data', { folder: usual, reason: 'the account of its owner can no longer go there' });
  }
  const home = sharedRootFolder(options.sharedFolders?.data ?? SHARED_DATA);
  if (home === undefined) {
    return refuse('postgres_data', {
      folder,
      reason: `only root can go there, and ${SHARED_DATA.join(' and ')} are not safe`,
    });
  }
  const data = join(realpathSync(home), nameOfPath(folder));
  writeFileSync(pointer, `${data}\n`);
  writeFileSync(ownerFile(data), `${folder}\n`);
  log(`Postgres keeps its data in ${data}, because its account cannot go into ${folder}`);
  return { data, account };
}

/**
 * Where the pointer leads. A data folder that was moved keeps its data; a copy of one does not get the original's, as
 * two folders would then start and stop one server.
 */
function pointedTo(pointer: string, folder: string): string | undefined {
  const data = readIfThere(pointer)?.trim();
  if (data === undefined || !existsSync(join(data, 'PG_VERSION'))) return undefined;
  const owner = readIfThere(ownerFile(data))?.trim();
  const copied =
    owner !== undefined && owner !== folder && readIfThere(join(owner, basename(pointer)))?.trim() === data;
  if (copied) return undefined;
  writeFileSync(ownerFile(data), `${folder}\n`);
  return realpathSync(data);
}

function ownerFile(data: string): string {
  return `${data}.belongs-to`;
}

/** A server whose guard was killed may still run on the data; two on the same data would be refused by Postgres. */
async function clearOrphan(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = Number(readIfThere(file)?.split('\n')[0] ?? Number.NaN);
  if (!Number.isInteger(pid)) return;
  await stopOrphan(pid, data, 'postgres');
  await endSessions(data);
  // Left behind by a killed server; its id may belong to a stranger by now, which Postgres would take for itself.
  if (!worksIn(pid, data)) rmSync(file, { force: true });
}

/**
 * Sessions of a server that was killed end when they next wait for something, which one that computes may not do for hours; until then
 * Postgres refuses to start. Nothing is lost: the recovery keeps what was committed and drops the rest, as for the sessions before them.
 */
async function endSessions(data: string): Promise<void> {
  await Promise.all(
    postgresProcessesIn(data).map(async (pid) => {
      if (!signalled(pid, 'SIGQUIT') || (await gone(pid, 1_000))) return;
      if (signalled(pid, 'SIGKILL')) await gone(pid, 5_000);
    }),
  );
}

/** Made under another name and then moved, so that a start that is cut short leaves no half-made data folder. */
async function initialise(binaries: Binaries, { data, account }: Place, password: string): Promise<void> {
  const home = dirname(data);
  if (existsSync(data) && readdirSync(data).length > 0) {
    refuse('postgres_data', { folder: data, reason: 'it is not empty, and holds no Postgres data' });
  }
  const name = `${data}.new-`;
  for (const entry of readdirSync(home)) {
    if (join(home, entry).startsWith(name)) rmSync(join(home, entry), { recursive: true, force: true });
  }
  const draft = `${name}${randomBytes(4).toString('hex')}`;
  mkdirSync(draft, { mode: 0o700 });
  const secret = join(draft, 'password');
  writeFileSync(secret, password, { mode: 0o600 });
  if (account !== undefined) {
    chownSync(secret, account.uid, account.gid);
    chownSync(draft, account.uid, account.gid);
  }
  const inner = join(draft, 'data');
  const made = await runSlowlyAs(account, join(binaries.folder, 'bin', 'initdb'), [
    `--pgdata=${inner}`,
    `--username=${USER}`,
    `--pwfile=${secret}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
  ]);
  if (made.ok) {
    rmSync(data, { recursive: true, force: true });
    renameSync(inner, data);
  }
  rmSync(draft, { recursive: true, force: true });
  if (!made.ok) refuse('postgres_start', { reason: lastLine(made.output), log: home });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

async function startServer(
  binaries: Binaries,
  place: Place,
  options: PostgresOptions,
  url: (port: number) => string,
): Promise<{ guarded: Guarded; port: number }> {
  const log = logPath(options.folder, 'postgres');
  for (let attempt = 1; ; attempt += 1) {
    const logged = trimLog(log);
    const port = await (options.pickPort ?? freePort)();
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      timezone: 'UTC',
      log_timezone: 'UTC',
      max_connections: '100',
      shared_buffers: '256MB',
      ...options.settings,
    };
    const guarded = await startGuarded({
      command: [
        join(binaries.folder, 'bin', 'postgres'),
        '-D',
        place.data,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      pipe: pipePath(options.folder, 'postgres'),
      log,
      signal: 'INT',
      account: place.account,
    });
    if (await becomesReady(guarded, url(port), place.data)) return { guarded, port };
    await guarded.release();
    const said = lastLines(log, logged);
    const taken = /could not bind|could not create any TCP/i.test(said);
    if (!taken || attempt === PORT_TRIES) {
      refuse('postgres_start', { reason: fatalLine(said), log });
    }
  }
}

function fatalLine(said: string): string {
  const lines = said.split('\n').filter((line) => line !== '');
  const fatal =
    lines.findLast((line) => /(FATAL|PANIC|error while loading)/.test(line)) ??
    lines.at(-1) ??
    'it ended at once';
  return fatal.replace(/^.*?(FATAL|PANIC):\s*/, '');
}

/** Reads the file that the server writes, which costs it nothing, and then asks it once for real. */
async function becomesReady(guarded: Guarded, url: string, data: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT;
  const database = new URL(url);
  database.pathname = '/postgres';
  while (guarded.running() && Date.now() < deadline) {
    const status = readIfThere(join(data, 'postmaster.pid'))?.split('\n')[7]?.trim();
    if (status === 'ready' && (await answers(database.href, data))) return true;
    await pause(10);
  }
  return false;
}

/** Whether this very server answers to our password. A wait for it is bounded. */
async function answers(url: string, data: string): Promise<boolean> {
  try {
    return await withClient(url, async (client) => {
      const { rows } = await client.query<{ data: string }>(
        `SELECT current_setting('data_directory') AS data`,
      );
      return rows[0]?.data === data;
    });
  } catch {
    return false;
  }
}

/** Asked at each start, as the first one may have been cut short. */
async function ensureDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  await withClient(maintenance.href, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
