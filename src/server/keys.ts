import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';

/** `write` may only send data, `bounces` only tell of bounces and complaints; `secret` may do everything. */
export const keyKinds = ['write', 'secret', 'bounces'] as const;
export type KeyKind = (typeof keyKinds)[number];

export interface KeyHolder {
  readonly workspaceId: string;
  readonly kind: KeyKind;
  /** The key's name in lists and in the count of its calls; says nothing about its text. */
  readonly keyId: string;
}

const shape = /^mk_(?:secret|write|bounces)_([a-z0-9][a-z0-9-]{0,62})_[A-Za-z0-9]{32,128}$/;
// Keys from before the checksum have 48 digits and nothing after them.
const checked = /^(mk_(?:secret|write|bounces)_[a-z0-9][a-z0-9-]{0,62}_[0-9a-f]{48})x([0-9a-f]{8})$/;
const unchecked = /^mk_(?:secret|write|bounces)_[a-z0-9][a-z0-9-]{0,62}_[0-9a-f]{48}$/;

/**
 * A new key: `mk_`, its kind and its workspace, 192 random bits in hexadecimal, then `x` and a checksum of
 * all before it, so that a key that was copied badly is told from one that was revoked.
 */
export function newKey(kind: KeyKind, workspaceId: string): string {
  const body = `mk_${kind}_${workspaceId}_${randomBytes(24).toString('hex')}`;
  return `${body}x${checksumOf(body)}`;
}

/** Whether no key of this text was ever made: it is none of ours, or its checksum is wrong. */
export function isMistyped(key: string): boolean {
  const [, body, checksum] = checked.exec(key) ?? [];
  if (body === undefined) return !unchecked.test(key);
  return checksum !== checksumOf(body);
}

/** The workspace that a key names in its text, or null for what has not the shape of a key. */
export function workspaceIn(key: string): string | null {
  return shape.exec(key)?.[1] ?? null;
}

/** Whether a text could be a key of this kind and workspace. */
export function isKeyOf(text: unknown, kind: KeyKind, workspaceId: string): text is string {
  return typeof text === 'string' && text.startsWith(`mk_${kind}_`) && workspaceIn(text) === workspaceId;
}

/** Makes the key valid for the workspace; only its SHA-256 is stored. Doing it again changes nothing. */
export async function storeKey(
  pool: Pool,
  {
    key,
    kind,
    workspaceId,
    name = null,
  }: { key: string; kind: KeyKind; workspaceId: string; name?: string | null },
): Promise<void> {
  await inWorkspace(pool, workspaceId, (client) =>
    client.query(
      `INSERT INTO api_keys (workspace_id, key_hash, kind, name, ending) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING`,
      [workspaceId, hashOf(key), kind, name, key.slice(-4)],
    ),
  );
}

/** A key as the database has it. */
export interface StoredKey {
  readonly key_id: string;
  readonly key_hash: Buffer;
  readonly kind: KeyKind;
  readonly valid_until: Date | null;
  readonly revoked_at: Date | null;
}

/** Every key of a workspace, ended ones included. */
export async function readKeys(pool: Pool, workspaceId: string): Promise<readonly StoredKey[]> {
  return inWorkspace(pool, workspaceId, (client) => selectKeys(client, workspaceId));
}

/** The same, in the caller's transaction. */
export async function selectKeys(client: Client, workspaceId: string): Promise<readonly StoredKey[]> {
  const { rows } = await client.query<StoredKey>(
    'SELECT key_id, key_hash, kind, valid_until, revoked_at FROM api_keys WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows;
}

/**
 * The stored key that this text is, or null. The kind is the stored one, whatever the text claims. Every hash is
 * compared, each in constant time, so that the answer's delay says nothing about a hash.
 */
export function matchKey(keys: readonly StoredKey[], key: string): StoredKey | null {
  const wanted = hashOf(key);
  let found: StoredKey | null = null;
  for (const stored of keys) {
    const { key_hash } = stored;
    if (key_hash.length === wanted.length && timingSafeEqual(key_hash, wanted)) found = stored;
  }
  return found;
}

/** Whether a stored key still opens anything. `now` is in milliseconds since 1970 (UTC). */
export function isLive(
  { valid_until, revoked_at }: Pick<StoredKey, 'valid_until' | 'revoked_at'>,
  now: number,
): boolean {
  return revoked_at === null && (valid_until === null || now < valid_until.getTime());
}

export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}

function checksumOf(body: string): string {
  return createHash('sha256').update(`checksum:${body}`, 'utf8').digest('hex').slice(0, 8);
}
