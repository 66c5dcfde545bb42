import type { Client, Pool } from '../../database/pool.js';
import { atomically } from '../database.js';
import type { Database } from '../database.js';
import { startRounds } from '../rounds.js';
import type { Rounds } from '../rounds.js';

/** Rows of `trait_changes` that one statement folds. */
const mostAtOnce = 50_000;

/**
 * Adds what was appended since the last time to the catalogue's counts. It changes no count that is read, only how many
 * rows a reading adds up; so when it runs, and whether it is cut short, does not matter.
 *
 * @returns how many appended rows are now folded
 */
export async function foldTraits(db: Database, workspaceId: string): Promise<number> {
  let folded = 0;
  for (;;) {
    const more = await atomically(db, workspaceId, async (client) => {
      await lockCatalogue(client, workspaceId);
      return foldSome(client, workspaceId);
    });
    folded += more;
    if (more < mostAtOnce) return folded;
  }
}

/** Folding and rebuilding of one workspace take turns; nobody who writes traits waits for this lock. */
export async function lockCatalogue(client: Client, workspaceId: string): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('muster traits ' || $1, 0))`, [
    workspaceId,
  ]);
}

async function foldSome(client: Client, workspaceId: string): Promise<number> {
  const { rows } = await client.query<{ folded: number }>(foldStatement, [workspaceId, mostAtOnce]);
  return rows[0]?.folded ?? 0;
}

// A removal moves neither first_seen nor last_seen. least and greatest pass over NULL.
const foldStatement = `
WITH taken AS (
  DELETE FROM trait_changes
  WHERE workspace_id = $1
    AND id IN (SELECT id FROM trait_changes WHERE workspace_id = $1 ORDER BY id LIMIT $2)
  RETURNING entity, key, type, delta, at
), counted AS (
  INSERT INTO trait_types AS t (workspace_id, entity, key, type, count)
  SELECT $1, entity, key, type, sum(delta) FROM taken WHERE type IS NOT NULL GROUP BY entity, key, type
  ON CONFLICT (workspace_id, entity, key, type) DO UPDATE SET count = t.count + EXCLUDED.count
), seen AS (
  INSERT INTO traits AS t (workspace_id, entity, key, first_seen, last_seen)
  SELECT $1, entity, key, min(at) FILTER (WHERE delta >= 0), max(at) FILTER (WHERE delta >= 0)
  FROM taken GROUP BY entity, key
  ON CONFLICT (workspace_id, entity, key) DO UPDATE SET
    first_seen = least(t.first_seen, EXCLUDED.first_seen),
    last_seen = greatest(t.last_seen, EXCLUDED.last_seen)
)
SELECT count(*)::integer AS folded FROM taken`;

/**
 * Folds every workspace that has something to fold, now and then, until it is stopped. Several processes may do so: a
 * workspace that one of them is at has nothing left for the next.
 *
 * @param every milliseconds between two rounds
 * @param onError hears of a round that failed; the next one tries again
 */
export function startFolding(pool: Pool, every: number, onError: (error: unknown) => void): Rounds {
  const round = async (): Promise<void> => {
    for (const workspaceId of await workspacesToFold(pool)) await foldTraits(pool, workspaceId);
  };
  return startRounds(every, round, onError);
}

async function workspacesToFold(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ workspace_id: string }>(
    'SELECT DISTINCT workspace_id FROM trait_changes',
  );
  return rows.map((row) => row.workspace_id);
}
