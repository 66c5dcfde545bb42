import { join } from 'node:path';
import { readIfThere, writePrivate } from './folders.js';

/** A server that was started in this data folder and, unless it crashed since, still runs. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** The folder that the server works in, as the system reports it. */
  readonly folder: string;
  /** Processes that use it now; only a hint for who stops it, the guard knows better. */
  readonly users: readonly number[];
}

export type ServerName = 'postgres' | 'redis';

/** What `run.json` in the data folder holds. It is read and written only under the folder's lock. */
export type RunState = Partial<Record<ServerName, RunningServer>>;

/** What the file says; a file that is missing or damaged says that nothing runs. */
export function readState(folder: string): RunState {
  const state: RunState = {};
  let value: unknown;
  try {
    value = JSON.parse(readIfThere(join(folder, 'run.json')) ?? '{}');
  } catch {
    return state;
  }
  if (typeof value !== 'object' || value === null) return state;
  const postgres = 'postgres' in value ? asServer(value.postgres) : undefined;
  const redis = 'redis' in value ? asServer(value.redis) : undefined;
  if (postgres !== undefined) state.postgres = postgres;
  if (redis !== undefined) state.redis = redis;
  return state;
}

function asServer(value: unknown): RunningServer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('pid' in value && 'port' in value && 'folder' in value && 'users' in value)) return undefined;
  const { pid, port, folder, users } = value;
  if (typeof pid !== 'number' || typeof port !== 'number' || typeof folder !== 'string') return undefined;
  const isUsers = Array.isArray(users) && users.every((user): user is number => typeof user === 'number');
  return isUsers ? { pid, port, folder, users } : undefined;
}

export function recordServer(folder: string, name: ServerName, server: RunningServer | undefined): void {
  const state = readState(folder);
  if (server === undefined) delete state[name];
  else state[name] = server;
  writePrivate(join(folder, 'run.json'), `${JSON.stringify(state, null, 2)}\n`);
}
