import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { hash, readIfThere, settle } from './folders.js';

/** A Redis or Valkey that can be run: its program and the libraries that it needs besides the system's. */
export interface RedisProgram {
  readonly program: string;
  readonly libraries: readonly string[];
}

const TOOLS = ['apt-get', 'apt-cache', 'dpkg-deb', 'dpkg-query'];

/** Where the server's program is in each package. The packages of the servers proper hold only links and services. */
const CANDIDATES = [
  { name: 'redis-tools', check: 'redis-check-rdb', server: 'redis-server' },
  { name: 'valkey-tools', check: 'valkey-check-rdb', server: 'valkey-server' },
] as const;

type Candidate = (typeof CANDIDATES)[number];

/** Whether this is a Debian or one of its kin, with the tools to fetch packages. */
export function hasApt(): boolean {
  return process.platform === 'linux' && TOOLS.every((tool) => isExecutable(`/usr/bin/${tool}`));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A Redis from the distribution's packages, unpacked in `cache` and not installed; from the cache alone when it is there.
 *
 * Needs no rights beyond the cache, and takes the packages as the system's apt does: same sources, same signatures. Several
 * processes may do this at once. Throws an Error with apt's reason.
 */
export async function redisFromApt(
  cache: string,
  works: (program: RedisProgram) => boolean,
  log: (line: string) => void,
): Promise<RedisProgram> {
  // Programs of one release need not run on another that shares the cache, as a container does.
  const home = resolve(cache, `redis-${hash(readIfThere('/etc/os-release') ?? '')}-${process.arch}`);
  const kept = programIn(home);
  if (kept !== undefined && works(kept)) return kept;

  log("downloading the distribution's Redis packages into Muster's cache (they are not installed)");
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const draft = mkdtempSync(`${home}.new-`);
  try {
    await fetchInto(draft);
    const fetched = programIn(draft);
    if (fetched === undefined || !works(fetched))
      throw new Error("the distribution's Redis packages do not run here");
    settle(draft, home, (folder) => {
      const there = programIn(folder);
      return there !== undefined && works(there);
    });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  const program = programIn(home);
  if (program === undefined) throw new Error(`${home} was removed meanwhile`);
  return program;
}

/** The unpacked program, by a link of the server's name: it decides by its name which of its jobs to do. */
function programIn(folder: string): RedisProgram | undefined {
  for (const { server } of CANDIDATES) {
    const program = join(folder, 'bin', server);
    if (existsSync(program)) return { program, libraries: libraryFolders(folder) };
  }
  return undefined;
}

function libraryFolders(folder: string): string[] {
  return ['usr/lib', 'lib']
    .map((name) => join(folder, name))
    .flatMap((lib) => [lib, ...subfolders(lib)])
    .filter((lib) => existsSync(lib) && readdirSync(lib).some((file) => /\.so(\.|$)/.test(file)));
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

async function fetchInto(folder: string): Promise<void> {
  const privateApt = join(folder, 'apt');
  let reason: unknown;
  // The system's package lists first; where they are absent or outdated, lists of our own, which need no rights.
  for (const options of [[], privateOptions(privateApt)]) {
    try {
      if (options.length > 0) {
        for (const part of ['lists/partial', 'archives/partial'])
          mkdirSync(join(privateApt, part), { recursive: true });
        await run('apt-get', [...options, ...NETWORK, 'update'], folder);
      }
      const candidate = await knownCandidate(options, folder);
      const packages = await missingPackages(candidate.name, options, folder);
      await run('apt-get', [...options, ...NETWORK, 'download', ...packages], folder);
      await unpack(folder, candidate);
      rmSync(privateApt, { recursive: true, force: true });
      return;
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/** A machine without a network must hear of it soon. Root downloads as itself: apt's own account cannot write here. */
const NETWORK = [
  '-q',
  ...[
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]),
];

function privateOptions(folder: string): string[] {
  return [
    `Dir::State=${folder}`,
    `Dir::State::lists=${folder}/lists`,
    'Dir::State::status=/var/lib/dpkg/status',
    `Dir::Cache=${folder}`,
    `Dir::Cache::archives=${folder}/archives`,
  ].flatMap((option) => ['-o', option]);
}

async function knownCandidate(options: readonly string[], folder: string): Promise<Candidate> {
  for (const candidate of CANDIDATES) {
    const policy = await run('apt-cache', [...options, 'policy', candidate.name], folder);
    const version = /Candidate: (\S+)/.exec(policy)?.[1];
    if (version !== undefined && version !== '(none)') return candidate;
  }
  throw new Error('the package lists know no Redis');
}

/** The package and everything below it that this system does not have, by a walk that stops at what is installed. */
async function missingPackages(name: string, options: readonly string[], folder: string): Promise<string[]> {
  const installed = await installedPackages(folder);
  const found = new Set([name]);
  let frontier = [name];
  while (frontier.length > 0) {
    const text = await run('apt-cache', [...options, 'depends', '--important', ...frontier], folder);
    frontier = [];
    for (const choices of dependencies(text)) {
      const [first] = choices;
      if (first === undefined || choices.some((choice) => installed.has(choice) || found.has(choice)))
        continue;
      found.add(first);
      frontier.push(first);
    }
  }
  return [...found];
}

async function installedPackages(folder: string): Promise<Set<string>> {
  const text = await run(
    'dpkg-query',
    ['-W', '-f', '${db:Status-Status} ${Package}\\n${Provides}\\n'],
    folder,
  );
  const names = new Set<string>();
  let installed = false;
  for (const line of text.split('\n')) {
    const own = /^(\S+) (\S+)$/.exec(line);
    const status = own?.[1];
    if (own !== null && own[2] !== undefined && (status === 'installed' || /^[a-z-]+$/.test(status ?? ''))) {
      installed = status === 'installed';
      if (installed) names.add(own[2]);
    } else if (installed) {
      for (const provided of line.matchAll(/([a-z0-9][a-z0-9+.-]+)(?: \([^)]*\))?(?:, |$)/g)) {
        if (provided[1] !== undefined) names.add(provided[1]);
      }
    }
  }
  return names;
}

/**
 * Reads `apt-cache depends`: each group of alternatives (`|Depends`, ended by one without the bar) with the providers that
 * follow a virtual package in angle brackets.
 */
export function dependencies(text: string): string[][] {
  const groups: string[][] = [];
  let group: string[] | undefined;
  let open = false;
  for (const line of text.split('\n')) {
    const depends = /^ (\|| )(?:Pre)?Depends: (<?)([^>\s:]+)/.exec(line);
    const provider = /^ {4}(\S+)$/.exec(line);
    if (depends !== null) {
      const [, bar, virtual, name] = depends;
      if (group === undefined || !open) groups.push((group = []));
      if (virtual === '' && name !== undefined) group.push(name);
      open = bar === '|';
    } else if (provider?.[1] !== undefined) group?.push(provider[1]);
    else group = undefined;
  }
  return groups;
}

async function unpack(folder: string, { check, server }: Candidate): Promise<void> {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(folder, file), folder], folder);
    rmSync(join(folder, file));
  }
  const program = [server, check].find((name) => existsSync(join(folder, 'usr/bin', name)));
  if (program === undefined) throw new Error(`the package holds no ${server}`);
  mkdirSync(join(folder, 'bin'));
  symlinkSync(`../usr/bin/${program}`, join(folder, 'bin', server));
}

function run(command: string, args: readonly string[], folder: string): Promise<string> {
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
    ...proxies(),
  };
  return new Promise((done, fail) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return done(stdout);
      const reason =
        stderr.split('\n').find((line) => line.startsWith('E:')) ?? error.message.split('\n')[0] ?? '';
      fail(new Error(`${command} failed: ${reason.replace(/^E: /, '')}`));
    });
  });
}

/** apt takes its proxy from the environment. */
function proxies(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'ftp_proxy', 'all_proxy']) {
    const value = process.env[name] ?? process.env[name.toUpperCase()];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
