import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { refuse } from '../errors/index.js';
import { hashOf, isLive, newKey } from './keys.js';
import type { KeyKind } from './keys.js';

/** A key as lists show it: never its text. Times are ISO 8601 in UTC. */
export interface KeyView {
  readonly id: string;
  readonly kind: KeyKind;
  readonly name: string | null;
  /** The last four characters of its text; null for keys made before they were kept. */
  readonly ending: string | null;
  /** `live`, `ending` while an overlap runs, `ended` after it, or `revoked`. */
  readonly state: 'live' | 'ending' | 'ended' | 'revoked';
  readonly created_at: string;
  readonly valid_until: string | null;
  readonly revoked_at: string | null;
}

/** A key just made: the only time that its text is known. */
export interface NewKey extends KeyView {
  readonly key: string;
}

interface KeyRow {
  readonly key_id: string;
  readonly kind: KeyKind;
  readonly name: string | null;
  readonly ending: string | null;
  readonly created_at: Date;
  readonly valid_until: Date | null;
  readonly revoked_at: Date | null;
}

const columns = 'key_id, kind, name, ending, created_at, valid_until, revoked_at';

/** Seconds that an old key goes on working after a rotation when nothing else is asked: a day. */
export const defaultOverlap = 86_400;
/** The longest overlap, in seconds: thirty days. */
export const longestOverlap = 30 * 86_400;

/** All keys of a workspace, the newest first, those that ended included. */
export async function listKeys(pool: Pool, workspaceId: string, now: number): Promise<KeyView[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<KeyRow>(
      `SELECT ${columns} FROM api_keys WHERE workspace_id = $1 ORDER BY created_at DESC, key_id`,
      [workspaceId],
    ),
  );
  return rows.map((row) => viewOf(row, now));
}

/** Makes a key. Errors: `unknown_workspace`. */
export async function createKey(
  pool: Pool,
  key: { workspaceId: string; kind: KeyKind; name?: string | undefined; now: number },
): Promise<NewKey> {
  return inWorkspace(pool, key.workspaceId, async (client) => {
    await lockWorkspace(client, key.workspaceId);
    return insertKey(client, { ...key, name: key.name ?? null });
  });
}

/**
 * Makes a key of the same kind and name in place of another, which goes on working for the overlap (seconds; 0 ends it
 * at once). An overlap that is already running is never made longer.
 *
 * Errors: `unknown_workspace`, `no_such_key`, `key_has_ended`.
 */
export async function rotateKey(
  pool: Pool,
  { workspaceId, keyId, overlap, now }: { workspaceId: string; keyId: string; overlap: number; now: number },
): Promise<{ readonly made: NewKey; readonly replaced: KeyView }> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await lockWorkspace(client, workspaceId);
    const old = await oneKey(client, workspaceId, keyId);
    if (!isLive(old, now)) refuse('key_has_ended', { id: keyId });
    const { rows } = await client.query<KeyRow>(
      `UPDATE api_keys SET valid_until = least(valid_until, $3::timestamptz) WHERE workspace_id = $1 AND key_id = $2
       RETURNING ${columns}`,
      [workspaceId, keyId, new Date(now + overlap * 1000)],
    );
    const [row = old] = rows;
    const made = await insertKey(client, { workspaceId, kind: old.kind, name: old.name, now });
    return { made, replaced: viewOf(row, now) };
  });
}

/**
 * Ends a key at once and for good; again is harmless. The last secret key that lasts cannot be revoked, because nobody
 * could make another over HTTP: rotate it.
 *
 * Errors: `unknown_workspace`, `no_such_key`, `key_is_last`.
 */
export async function revokeKey(
  pool: Pool,
  { workspaceId, keyId, now }: { workspaceId: string; keyId: string; now: number },
): Promise<KeyView> {
  return inWorkspace(pool, workspaceId, async (client) => {
    // Two calls at once must not revoke the last two keys between them.
    await lockWorkspace(client, workspaceId);
    const key = await oneKey(client, workspaceId, keyId);
    if (key.revoked_at !== null) return viewOf(key, now);
    if (key.kind === 'secret' && isLive(key, now)) await refuseLast(client, workspaceId, keyId);
    const { rows } = await client.query<KeyRow>(
      `UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND key_id = $2 RETURNING ${columns}`,
      [workspaceId, keyId, new Date(now)],
    );
    return viewOf(rows[0] ?? key, now);
  });
}

async function refuseLast(client: Client, workspaceId: string, keyId: string): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM api_keys
     WHERE workspace_id = $1 AND key_id <> $2 AND kind = 'secret' AND revoked_at IS NULL AND valid_until IS NULL
     LIMIT 1`,
    [workspaceId, keyId],
  );
  if (rowCount === 0) refuse('key_is_last', { id: keyId });
}

async function lockWorkspace(client: Client, workspaceId: string): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE',
    [workspaceId],
  );
  if (rowCount === 0) refuse('unknown_workspace', { workspace: workspaceId });
}

async function oneKey(client: Client, workspaceId: string, keyId: string): Promise<KeyRow> {
  // Compared as text: what is no uuid is simply no key.
  const { rows } = await client.query<KeyRow>(
    `SELECT ${columns} FROM api_keys WHERE workspace_id = $1 AND key_id::text = $2`,
    [workspaceId, keyId],
  );
  return rows[0] ?? refuse('no_such_key', { id: keyId });
}

async function insertKey(
  client: Client,
  { workspaceId, kind, name, now }: { workspaceId: string; kind: KeyKind; name: string | null; now: number },
): Promise<NewKey> {
  const key = newKey(kind, workspaceId);
  const { rows } = await client.query<KeyRow>(
    `INSERT INTO api_keys (workspace_id, key_hash, kind, name, ending) VALUES ($1, $2, $3, $4, $5) RETURNING ${columns}`,
    [workspaceId, hashOf(key), kind, name, key.slice(-4)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a new key was not stored');
  return { key, ...viewOf(row, now) };
}

function viewOf(row: KeyRow, now: number): KeyView {
  return {
    id: row.key_id,
    kind: row.kind,
    name: row.name,
    ending: row.ending,
    state: stateOf(row, now),
    created_at: row.created_at.toISOString(),
    valid_until: row.valid_until?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}

function stateOf(row: KeyRow, now: number): KeyView['state'] {
  if (row.revoked_at !== null) return 'revoked';
  if (row.valid_until === null) return 'live';
  return isLive(row, now) ? 'ending' : 'ended';
}
