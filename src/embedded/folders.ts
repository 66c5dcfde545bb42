import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** This user's cache of downloaded and copied programs: `MUSTER_CACHE`, else the usual place for caches. */
export function cacheFolder(): string {
  const own = process.env['MUSTER_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg.startsWith('/') ? xdg : join(homedir(), '.cache'), 'muster');
}

/** The cache, or for a user without a writable home a place in the data folder. */
export function usableCache(dataFolder: string): string {
  const cache = cacheFolder();
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    accessSync(cache, constants.W_OK);
    return cache;
  } catch {
    return join(dataFolder, 'cache');
  }
}

/** Makes the folder when it is missing. Root's lets others pass through, not look: Postgres' account lives below it. */
export function makeDataFolder(folder: string, root: boolean): void {
  // Only the folder itself is private; folders above it are made as any program makes them.
  mkdirSync(dirname(folder), { recursive: true });
  const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
  // An empty folder of root's own, such as mkdtemp makes, holds nothing that the passage could lay open.
  if (isNew || (root && statSync(folder).uid === 0 && readdirSync(folder).length === 0)) {
    chmodSync(folder, root ? 0o711 : 0o700);
  }
}

/**
 * A folder of root's that every account can reach, the first of `candidates` that is or can be made safe: owned by root
 * and writable by nobody else, so that nobody can slip root another program or data. Undefined when none is.
 */
export function sharedRootFolder(candidates: readonly string[]): string | undefined {
  return candidates.find((folder) => {
    try {
      if (mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(folder, 0o755);
      const found = lstatSync(folder);
      return (
        found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0 && (found.mode & 0o011) === 0o011
      );
    } catch {
      return false;
    }
  });
}

/** A short name for a path that tells it from every other path. */
export function nameOfPath(path: string): string {
  return `${basename(dirname(path)).replace(/[^A-Za-z0-9-]/g, '') || 'data'}-${hash(path)}`;
}

export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Writes so that a reader sees the old text or the new, and only this user can read either. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  renameSync(draft, path);
}

/** A secret of 32 hex digits, made once and kept in a file that only this user can read. */
export function keptSecret(path: string): string {
  const kept = readIfThere(path)?.trim();
  if (kept !== undefined && /^[0-9a-f]{32}$/.test(kept)) return kept;
  const secret = randomBytes(16).toString('hex');
  writePrivate(path, `${secret}\n`);
  return secret;
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Puts a finished folder in its place in one step. When another process was first, its folder stays and ours goes, unless
 * `usable` says that theirs is broken.
 */
export function settle(draft: string, target: string, usable: (folder: string) => boolean): void {
  for (;;) {
    try {
      renameSync(draft, target);
      return;
    } catch (error) {
      const taken =
        error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
      if (!taken) throw error;
    }
    if (usable(target)) {
      rmSync(draft, { recursive: true, force: true });
      return;
    }
    const broken = `${target}.broken-${randomBytes(4).toString('hex')}`;
    try {
      renameSync(target, broken);
    } catch {
      continue;
    }
    rmSync(broken, { recursive: true, force: true });
  }
}
