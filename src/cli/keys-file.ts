import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refuse } from '../errors/index.js';
import { isKeyOf, newKey } from '../server/keys.js';

export interface LocalKeys {
  readonly secret: string;
  readonly write: string;
}

/**
 * The keys of a local workspace: read from `keys.json` in the data folder, or made and written there, readable by
 * this account only. The database holds their hashes alone, so this file is where a second start finds them.
 *
 * Errors: `keys_unreadable`.
 */
export function localKeys(folder: string, workspaceId: string): LocalKeys {
  const found = readLocalKeys(folder, workspaceId);
  if (found !== null) return found;
  const keys = { secret: newKey('secret', workspaceId), write: newKey('write', workspaceId) };
  writeLocalKeys(folder, workspaceId, keys);
  return keys;
}

/** The keys that the file has for the workspace, or null. Errors: `keys_unreadable`. */
export function readLocalKeys(folder: string, workspaceId: string): LocalKeys | null {
  const file = fileIn(folder);
  const stored = readStored(file);
  const found = Object.hasOwn(stored, workspaceId) ? stored[workspaceId] : undefined;
  if (found === undefined) return null;
  return asKeys(found, workspaceId) ?? refuse('keys_unreadable', { file });
}

/** Writes the workspace's keys and leaves those of others. Errors: `keys_unreadable`. */
export function writeLocalKeys(folder: string, workspaceId: string, keys: LocalKeys): void {
  const file = fileIn(folder);
  const stored = readStored(file);
  mkdirSync(folder, { recursive: true });
  const entry = { secret_key: keys.secret, write_key: keys.write };
  // Renamed into place, so that a crash leaves the old file or the new one, never half of one.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify({ ...stored, [workspaceId]: entry }, null, 2)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

const fileIn = (folder: string): string => join(folder, 'keys.json');

function readStored(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    return refuse('keys_unreadable', { file }, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below, together with a document of another shape.
  }
  return refuse('keys_unreadable', { file });
}

function asKeys(value: unknown, workspaceId: string): LocalKeys | null {
  if (!isObject(value)) return null;
  const { secret_key: secret, write_key: write } = value;
  const valid = isKeyOf(secret, 'secret', workspaceId) && isKeyOf(write, 'write', workspaceId);
  return valid ? { secret, write } : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
