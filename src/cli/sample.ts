import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listSeries, saveSeries } from '../automation/series/store.js';
import { exampleSeries, loadSeries } from '../automation/series/file.js';
import type { Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { matchKey, newKey, readKeys, storeKey } from '../server/keys.js';
import { importUsers } from '../traits/import.js';
import { sampleUsersCsv } from '../traits/sample.js';
import { localKeys, writeLocalKeys } from './keys-file.js';
import type { LocalKeys } from './keys-file.js';

export const sampleWorkspace = 'sample';

/** Makes a workspace unless it is there; says whether it did. */
export async function makeWorkspace(pool: Pool, workspaceId: string, name: string): Promise<boolean> {
  const { rowCount } = await inWorkspace(pool, workspaceId, (client) =>
    client.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      workspaceId,
      name,
    ]),
  );
  return rowCount === 1;
}

/**
 * The keys of the local workspace, valid in this database. One that was rotated, revoked or has ended there is replaced
 * by a new one, in the file too, so that what a start prints works, and goes on to.
 *
 * Errors: `keys_unreadable`.
 */
export async function openLocalKeys(pool: Pool, folder: string, workspaceId: string): Promise<LocalKeys> {
  const found = localKeys(folder, workspaceId);
  await storeLocalKeys(pool, workspaceId, found);
  const stored = await readKeys(pool, workspaceId);
  const lasting = (kind: keyof LocalKeys): string => {
    const key = matchKey(stored, found[kind]);
    return key?.revoked_at === null && key.valid_until === null ? found[kind] : newKey(kind, workspaceId);
  };
  const keys = { secret: lasting('secret'), write: lasting('write') };
  if (keys.secret === found.secret && keys.write === found.write) return found;
  await storeLocalKeys(pool, workspaceId, keys);
  writeLocalKeys(folder, workspaceId, keys);
  return keys;
}

async function storeLocalKeys(pool: Pool, workspaceId: string, keys: LocalKeys): Promise<void> {
  await storeKey(pool, { key: keys.secret, kind: 'secret', workspaceId });
  await storeKey(pool, { key: keys.write, kind: 'write', workspaceId });
}

/** How many people a workspace has. */
export async function countPeople(pool: Pool, workspaceId: string): Promise<number> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<{ count: string }>('SELECT count(*) FROM end_users WHERE workspace_id = $1', [workspaceId]),
  );
  return Number(rows[0]?.count ?? 0);
}

/** Saves the welcome series unless the workspace has it in some form: what was edited or paused there stays. */
export async function saveWelcome(pool: Pool, workspaceId: string): Promise<void> {
  const { source, key } = await loadSeries(exampleSeries.welcome);
  const present = await listSeries(pool, workspaceId);
  if (!present.some((series) => series.key === key)) await saveSeries(pool, workspaceId, source);
}

/** Imports the people of the sample, whose times lie around `now` (milliseconds since 1970, UTC). */
export async function importSample(pool: Pool, now: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-sample-'));
  try {
    const source = join(folder, 'people.csv');
    await writeFile(source, sampleUsersCsv(now));
    await importUsers(pool, { workspaceId: sampleWorkspace, source });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
