import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { takeTurn } from './turn.js';

const hour = 3_600_000;

/**
 * Gives back the room of names that nothing has any more: trait keys that nobody has and nobody declared, and events of which
 * none is stored. Names of the last hour stay, because a call may be about to use them. Only where half of the room is
 * taken; elsewhere nobody needs it. While another process is at it, nothing happens.
 *
 * @returns how many names were given back
 */
export async function freeNames(pool: Pool, { now }: { readonly now: number }): Promise<number> {
  return inTransaction(pool, async (client) => {
    if (!(await takeTurn(client, 'names'))) return 0;
    const { rows } = await client.query<{ workspace_id: string; of_events: boolean }>(crowded);
    let freed = 0;
    for (const { workspace_id: workspaceId, of_events: ofEvents } of rows) {
      const text = ofEvents ? freeEvents : freeTraits;
      const { rowCount } = await client.query(text, [workspaceId, new Date(now - hour)]);
      freed += rowCount ?? 0;
    }
    return freed;
  });
}

// In no workspace on purpose: it is asked which of them are crowded.
const crowded = `
SELECT workspace_id, kind = 'event' AS of_events FROM known_names GROUP BY workspace_id, kind = 'event'
HAVING greatest(2 * count(*), 4 * count(*) FILTER (WHERE by_write_key)) >= CASE WHEN kind = 'event' THEN 2000 ELSE 10000 END`;

// The catalogue cuts very long keys where the names of this table go on.
const freeTraits = `
DELETE FROM known_names AS k
WHERE k.workspace_id = $1 AND k.kind <> 'event' AND k.since < $2
  AND NOT EXISTS (
    SELECT FROM trait_types AS t
    WHERE t.workspace_id = $1 AND t.entity = k.kind AND t.key = left(k.name, 200) AND t.count > 0
  )
  AND NOT EXISTS (
    SELECT FROM traits AS t WHERE t.workspace_id = $1 AND t.entity = k.kind AND t.key = left(k.name, 200)
      AND (t.declared_type IS NOT NULL OR t.last_seen >= $2)
  )
  AND NOT EXISTS (SELECT FROM trait_changes AS c WHERE c.workspace_id = $1 AND c.entity = k.kind AND c.key = left(k.name, 200))`;

const freeEvents = `
DELETE FROM known_names AS k
WHERE k.workspace_id = $1 AND k.kind = 'event' AND k.since < $2
  AND NOT EXISTS (SELECT FROM events AS e WHERE e.workspace_id = $1 AND e.event = k.name)`;
