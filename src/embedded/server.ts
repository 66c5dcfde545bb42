import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { refuse } from '../errors/index.js';
import { STOP_TIMEOUT, holdGuarded, isGuarded } from './guard.js';
import type { Guarded } from './guard.js';
import { gone, isAlive, pause, signalled, worksIn } from './processes.js';
import { readState, recordServer } from './state.js';
import type { RunningServer, ServerName } from './state.js';

/** One server that this process uses, started here or joined. */
export interface Held {
  readonly name: ServerName;
  readonly pid: number;
  readonly port: number;
  readonly hold: number;
  /** True when this process started it. */
  readonly started: boolean;
}

export function pipePath(folder: string, name: ServerName): string {
  return join(folder, `${name}.pipe`);
}

export function logPath(folder: string, name: ServerName): string {
  return join(folder, `${name}.log`);
}

/**
 * Joins the server that another Muster runs in this folder, or clears away what a crashed one left and returns undefined.
 * `worksAt` is where this folder's server would work. Under the folder's lock. Throws `embedded_silent` when it is in use
 * but does not answer.
 */
export async function joinRunning(
  folder: string,
  name: ServerName,
  worksAt: string,
  answers: (server: RunningServer) => Promise<boolean>,
): Promise<Held | undefined> {
  const server = readState(folder)[name];
  // A copied data folder says what runs in the original, which is none of ours.
  if (server === undefined || server.folder !== worksAt) return undefined;
  const hold = holdGuarded(pipePath(folder, name));
  if (hold !== undefined) {
    const deadline = Date.now() + 10_000;
    while (isGuarded(hold) && worksIn(server.pid, server.folder)) {
      if (await answers(server)) {
        recordServer(folder, name, { ...server, users: [...server.users.filter(isAlive), process.pid] });
        return { name, pid: server.pid, port: server.port, hold, started: false };
      }
      if (Date.now() > deadline) {
        closeSync(hold);
        refuse('embedded_silent', { server: title(name), folder, pid: server.pid });
      }
      await pause(50);
    }
    closeSync(hold);
  }
  await stopOrphan(server.pid, server.folder, name);
  recordServer(folder, name, undefined);
  return undefined;
}

/** What people call it. */
export function title(name: ServerName): string {
  return name === 'postgres' ? 'Postgres' : 'Redis';
}

/** Stops a server that nobody guards, harder each time, and never a stranger that has its process id. */
export async function stopOrphan(pid: number, folder: string, name: ServerName): Promise<void> {
  const signals: NodeJS.Signals[] =
    name === 'postgres' ? ['SIGINT', 'SIGQUIT', 'SIGKILL'] : ['SIGTERM', 'SIGKILL'];
  for (const signal of signals) {
    if (!worksIn(pid, folder)) return;
    if (!signalled(pid, signal)) return;
    if (await gone(pid, signal === 'SIGKILL' ? 5_000 : 10_000)) return;
  }
}

/** Notes in the folder's state that this process runs the server. Under the folder's lock. */
export function recordStarted(
  folder: string,
  name: ServerName,
  guarded: Guarded,
  port: number,
  worksAt: string,
): Held {
  recordServer(folder, name, { pid: guarded.pid, port, folder: worksAt, users: [process.pid] });
  return { name, pid: guarded.pid, port, hold: guarded.hold, started: true };
}

/**
 * Lets go of the server, and waits until it has stopped when this was its last user. Under the folder's lock, so that
 * nobody joins a server that is about to stop.
 */
export async function leave(folder: string, held: Held): Promise<void> {
  const server = readState(folder)[held.name];
  const ours = server !== undefined && server.pid === held.pid ? server : undefined;
  const others = without(ours?.users ?? [], process.pid).filter(isAlive);
  closeSync(held.hold);
  if (ours !== undefined && others.length > 0) {
    recordServer(folder, held.name, { ...ours, users: others });
    return;
  }
  await gone(held.pid, STOP_TIMEOUT);
  if (ours !== undefined) recordServer(folder, held.name, undefined);
}

/** One process may use a server several times, so only one of its entries goes. */
function without(users: readonly number[], pid: number): number[] {
  const at = users.indexOf(pid);
  return users.filter((_, index) => index !== at);
}
