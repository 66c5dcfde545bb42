import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { loadTraitCatalogue } from '../../traits/catalogue/load.js';
import type { CataloguedTrait } from '../../traits/catalogue/types.js';

/** What a workspace sends: what advice about a filter can name. */
export interface Known {
  readonly traits: readonly CataloguedTrait[];
  /** Names of events, in order; the first 2,000. */
  readonly events: readonly string[];
}

const mostEvents = 2000;

export async function loadKnown(pool: Pool, workspaceId: string): Promise<Known> {
  const traits = await loadTraitCatalogue(pool, workspaceId);
  const events = await inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ event: string }>(eventNames, [workspaceId]);
    return rows.map(({ event }) => event);
  });
  return { traits, events };
}

/** Goes from name to name by the index, so that its cost is that of the names and not of the events. */
const eventNames = `
WITH RECURSIVE names AS (
  SELECT (SELECT min(event) FROM events WHERE workspace_id = $1) AS event, 1 AS place
  UNION ALL
  SELECT (SELECT min(e.event) FROM events AS e WHERE e.workspace_id = $1 AND e.event > names.event), place + 1
  FROM names WHERE names.event IS NOT NULL AND place < ${mostEvents}
)
SELECT event FROM names WHERE event IS NOT NULL`;
