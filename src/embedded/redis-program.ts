import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { MusterError, refuse } from '../errors/index.js';
import { cacheFolder, readIfThere } from './folders.js';
import { hasApt, redisFromApt } from './redis-packages.js';
import type { RedisProgram } from './redis-packages.js';

export type { RedisProgram } from './redis-packages.js';

export interface FindOptions {
  /** Where to look for a server first; default `PATH`. */
  readonly path?: string;
  /** Where downloaded packages are kept; default this user's cache. */
  readonly cache?: string;
  readonly log?: (line: string) => void;
}

/** BullMQ warns below this. */
const OLDEST = [6, 2];

/**
 * Finds a Redis: on the PATH, else in the cache, else among the distribution's packages, which are downloaded and unpacked
 * into the cache and never installed. Throws `redis_missing` with this platform's one-line install.
 */
export async function findRedis(options: FindOptions = {}): Promise<RedisProgram> {
  const path = options.path ?? process.env['PATH'] ?? '';
  let tooOld = '';
  for (const name of ['redis-server', 'valkey-server']) {
    for (const program of onPath(name, path)) {
      const version = redisVersion({ program, libraries: [] });
      if (version !== undefined && isNewEnough(version)) return { program, libraries: [] };
      if (version !== undefined)
        tooOld = `${program} is version ${version}, and Muster needs ${OLDEST.join('.')} or later`;
    }
  }
  if (!hasApt()) {
    return refuse('redis_missing', {
      reason: tooOld || 'no redis-server or valkey-server on the PATH',
      install: installLine(),
    });
  }
  try {
    return await redisFromApt(options.cache ?? cacheFolder(), works, options.log ?? (() => undefined));
  } catch (error) {
    if (error instanceof MusterError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    return refuse('redis_missing', { reason: tooOld || why, install: installLine() }, { cause: error });
  }
}

function onPath(name: string, path: string): string[] {
  return path
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .filter((program) => {
      try {
        accessSync(program, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The environment that lets the program find its libraries. */
export function redisEnvironment({ libraries }: RedisProgram): Record<string, string> {
  return libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') };
}

function redisVersion(program: RedisProgram): string | undefined {
  const { status, stdout } = spawnSync(program.program, ['--version'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...redisEnvironment(program) },
  });
  return status === 0 ? /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldMajor = 0, oldMinor = 0] = OLDEST;
  return major > oldMajor || (major === oldMajor && minor >= oldMinor);
}

function works(program: RedisProgram): boolean {
  const version = redisVersion(program);
  return version !== undefined && isNewEnough(version);
}

const INSTALLS: readonly (readonly [RegExp, string])[] = [
  [/\b(debian|ubuntu)\b/, 'sudo apt-get install redis-server'],
  [/\balpine\b/, 'apk add redis'],
  [/\b(fedora|rhel|centos)\b/, 'sudo dnf install valkey'],
  [/\barch\b/, 'sudo pacman -S valkey'],
  [/\bsuse\b/, 'sudo zypper install redis'],
];

/** The command that installs a Redis here. */
export function installLine(
  platform: string = process.platform,
  release = readIfThere('/etc/os-release') ?? readIfThere('/usr/lib/os-release') ?? '',
): string {
  if (platform === 'darwin') return 'brew install redis';
  const ids = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((match) => match[1] ?? '').join(' ');
  return INSTALLS.find(([id]) => id.test(ids))?.[1] ?? 'sudo apt-get install redis-server';
}
