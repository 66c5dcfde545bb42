import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';

/** `write` may only send data; `secret` may do everything. */
export type KeyKind = 'write' | 'secret';

export interface KeyHolder {
  readonly workspaceId: string;
  readonly kind: KeyKind;
}

const shape = /^mk_(?:secret|write)_([a-z0-9][a-z0-9-]{0,62})_[A-Za-z0-9]{32,128}$/;

/** A new key: `mk_secret_WORKSPACE_` or `mk_write_WORKSPACE_`, then 192 random bits in hexadecimal. */
export function newKey(kind: KeyKind, workspaceId: string): string {
  return `mk_${kind}_${workspaceId}_${randomBytes(24).toString('hex')}`;
}

/** Whether a text could be a key of this kind and workspace. */
export function isKeyOf(text: unknown, kind: KeyKind, workspaceId: string): text is string {
  return typeof text === 'string' && text.startsWith(`mk_${kind}_`) && shape.exec(text)?.[1] === workspaceId;
}

/** Makes the key valid for the workspace; only its SHA-256 is stored. Doing it again changes nothing. */
export async function storeKey(
  db: Pool | ClientBase,
  { key, kind, workspaceId }: { key: string; kind: KeyKind; workspaceId: string },
): Promise<void> {
  await db.query(
    'INSERT INTO api_keys (workspace_id, key_hash, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [workspaceId, hashOf(key), kind],
  );
}

/**
 * Whose key this is, or null. The kind is the stored one, whatever the key's text claims. Every stored hash of the
 * workspace is compared, each in constant time, so that the answer's delay says nothing about a hash.
 */
export async function holderOf(db: Pool | ClientBase, key: string): Promise<KeyHolder | null> {
  const workspaceId = shape.exec(key)?.[1];
  if (workspaceId === undefined) return null;
  const { rows } = await db.query<{ key_hash: Buffer; kind: KeyKind }>(
    'SELECT key_hash, kind FROM api_keys WHERE workspace_id = $1',
    [workspaceId],
  );
  const wanted = hashOf(key);
  let holder: KeyHolder | null = null;
  for (const { key_hash, kind } of rows) {
    if (key_hash.length === wanted.length && timingSafeEqual(key_hash, wanted))
      holder = { workspaceId, kind };
  }
  return holder;
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
