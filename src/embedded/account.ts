import { execFile, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { refuse } from '../errors/index.js';
import type { Account } from './guard.js';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The account that Postgres runs under, or undefined for our own. Postgres refuses to run as root, so root lends it an
 * unprivileged account that is there already; a data folder that has an owner keeps it. No account is ever created.
 */
export function postgresAccount(dataFolder: string): Account | undefined {
  if (!isRoot()) return undefined;
  const owner = ownerOf(dataFolder);
  if (owner !== undefined && owner.uid !== 0) return owner;
  for (const name of ['nobody', 'daemon', 'bin']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid };
  }
  return refuse('postgres_account', { reason: 'there is no account such as `nobody`' });
}

function ownerOf(folder: string): Account | undefined {
  try {
    const { uid, gid } = statSync(folder);
    return { uid, gid };
  } catch {
    return undefined;
  }
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
  return status === 0 ? Number(stdout.trim()) : undefined;
}

export interface Ran {
  readonly ok: boolean;
  /** What it wrote, or why it could not run. */
  readonly output: string;
}

/** Runs a command as the account, with none of our groups. For commands that take a few milliseconds. */
export function runAs(account: Account | undefined, command: string, args: readonly string[]): Ran {
  const { status, error, stdout, stderr } = spawnSync(command, args, settings(account));
  if (error !== undefined) return { ok: false, output: error.message };
  return { ok: status === 0, output: `${stdout}${stderr}`.trim() };
}

/** The same without holding up this process. */
export function runSlowlyAs(
  account: Account | undefined,
  command: string,
  args: readonly string[],
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, settings(account), (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      resolve({ ok: error === null, output: output === '' && error !== null ? error.message : output });
    });
  });
}

function settings(account: Account | undefined): {
  cwd: string;
  encoding: 'utf8';
  env: Record<string, string>;
  uid?: number;
  gid?: number;
} {
  return {
    cwd: '/',
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  };
}

/** Whether the account may go into the folder. Asked of the system, which knows every kind of permission. */
export function canReach(account: Account | undefined, folder: string): boolean {
  return account === undefined || runAs(account, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder]).ok;
}
