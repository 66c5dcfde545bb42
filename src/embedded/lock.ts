import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refuse } from '../errors/index.js';
import { pause, processMark } from './processes.js';

interface Owner {
  readonly pid: number;
  readonly mark: string;
  readonly token: string;
}

const BREAKING_TAKES_AT_MOST = 10_000;

/**
 * Runs `work` while no other process, and nobody else in this one, runs under the same folder's lock.
 *
 * The lock of a process that died is taken over. Throws `embedded_busy` after `patience` milliseconds of waiting.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>, patience = 120_000): Promise<T> {
  const path = join(folder, 'lock');
  const token = randomBytes(8).toString('hex');
  const me: Owner = { pid: process.pid, mark: processMark(process.pid) ?? '', token };
  const started = Date.now();
  while (!create(path, JSON.stringify(me))) {
    const owner = readOwner(path);
    if (owner !== undefined && processMark(owner.pid) !== owner.mark) breakStale(path, owner.token);
    else if (Date.now() - started > patience) {
      refuse('embedded_busy', { pid: owner?.pid ?? '?', folder, seconds: Math.round(patience / 1000) });
    } else await pause(20);
  }
  try {
    return await work();
  } finally {
    if (readOwner(path)?.token === token) rmSync(path, { force: true });
  }
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when there is no lock, or one that its owner has not finished writing. */
function readOwner(path: string): Owner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return abandoned(path) ? { pid: -1, mark: '', token: '' } : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('pid' in value && 'mark' in value && 'token' in value)) return undefined;
  const { pid, mark, token } = value;
  if (typeof pid !== 'number' || typeof mark !== 'string' || typeof token !== 'string') return undefined;
  return { pid, mark, token };
}

/** An empty lock belongs to somebody who died between making and writing it, unless it is quite new. */
function abandoned(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > BREAKING_TAKES_AT_MOST;
  } catch {
    return false;
  }
}

/**
 * Removes a dead owner's lock. Two that saw the same dead owner must not both remove, or the second would remove the
 * first one's new lock; so removing has a lock of its own, held for an instant, and looks again under it.
 */
export function breakStale(path: string, token: string): void {
  const breaking = `${path}.break`;
  if (!create(breaking, '')) {
    if (abandoned(breaking)) rmSync(breaking, { force: true });
    return;
  }
  try {
    if (readOwner(path)?.token === token) rmSync(path, { force: true });
  } finally {
    rmSync(breaking, { force: true });
  }
}
