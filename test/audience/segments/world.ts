import type { Pool } from '../../../src/database/pool.js';
import { segmentKeeper } from '../../../src/audience/segments/keep.js';
import type { KeepOptions, Kept } from '../../../src/audience/segments/keep.js';
import { saveSegment } from '../../../src/audience/segments/store.js';

/** A workspace whose memberships are kept by hand, at a clock of the test's own. */
export interface World {
  readonly pool: Pool;
  readonly workspaceId: string;
  /** Milliseconds since 1970 (UTC). */
  now: number;
  save(key: string, filter: unknown): Promise<void>;
  /** Keeps until nothing is left to do, and answers all that was found. */
  keep(): Promise<Kept>;
  /** One round, whatever it leaves. */
  once(): Promise<Kept>;
  /** Members by `user_id`, each with when they entered. */
  members(key: string): Promise<Record<string, string>>;
  /** What the outbox was told about segments since the last look, as `entered admins ada at 2027-…`. */
  told(): Promise<string[]>;
}

export async function worldIn(
  pool: Pool,
  workspaceId: string,
  start: string,
  zone = 'UTC',
  options: Omit<KeepOptions, 'now'> = {},
): Promise<World> {
  await pool.query(
    `INSERT INTO workspaces (workspace_id, name, zone) VALUES ($1, $1, $2)
     ON CONFLICT (workspace_id) DO UPDATE SET zone = $2`,
    [workspaceId, zone],
  );
  const world: World = {
    pool,
    workspaceId,
    now: Date.parse(start),
    async save(key, filter) {
      await saveSegment(pool, workspaceId, { key, filter });
    },
    async keep() {
      const at = new Date(world.now).toISOString();
      // What the database notes with its own clock happened now.
      await pool.query('UPDATE segment_changes SET at = $2 WHERE workspace_id = $1', [workspaceId, at]);
      await pool.query('UPDATE segment_clocks SET swept_to = least(swept_to, $2) WHERE workspace_id = $1', [
        workspaceId,
        at,
      ]);
      const all: { changes: number; edges: number; flips: Kept['flips'][number][]; more: boolean } = {
        changes: 0,
        edges: 0,
        flips: [],
        more: false,
      };
      for (;;) {
        const kept = await keeper();
        all.changes += kept.changes;
        all.edges += kept.edges;
        all.flips.push(...kept.flips);
        const { rowCount } = await pool.query(
          `SELECT FROM segments WHERE workspace_id = $1 AND state = 'building'`,
          [workspaceId],
        );
        // A building waits for every transaction of the server that was under way.
        if (!kept.more && kept.changes === 0 && rowCount === 0) break;
      }
      return all;
    },
    once: async () => keeper(),
    async members(key) {
      const { rows } = await pool.query<{ user_id: string; entered_at: Date }>(
        `SELECT u.user_id, m.entered_at FROM segment_members m
         JOIN end_users u ON u.workspace_id = m.workspace_id AND u.id = m.end_user_id
         WHERE m.workspace_id = $1 AND m.segment_key = $2 ORDER BY u.user_id`,
        [workspaceId, key],
      );
      return Object.fromEntries(rows.map((row) => [row.user_id, row.entered_at.toISOString()]));
    },
    async told() {
      const { rows } = await pool.query<{ line: string }>(
        `WITH told AS (
           DELETE FROM outbox WHERE workspace_id = $1 AND kind LIKE 'segment%' RETURNING id, kind, user_id, payload
         )
         SELECT format('%s %s %s at %s', substr(kind, 9), payload ->> 'segment', user_id, payload ->> 'at') AS line
         FROM told ORDER BY id`,
        [workspaceId],
      );
      return rows.map(({ line }) => line);
    },
  };
  const keeper = segmentKeeper(pool, { ...options, now: () => world.now });
  return world;
}
