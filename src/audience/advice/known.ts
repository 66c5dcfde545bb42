import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { eventsIn } from '../../filter/named-in.js';
import { loadTraitCatalogue } from '../../traits/catalogue/load.js';
import type { CataloguedTrait } from '../../traits/catalogue/types.js';

/** What a workspace sends: what advice about a filter can name. */
export interface Known {
  readonly traits: readonly CataloguedTrait[];
  /** Names of events, in order; the first 2,000. */
  readonly events: readonly string[];
  /** Keys of the properties of the latest 1,000 events of a name, for those that a document asks about. */
  readonly properties: ReadonlyMap<string, readonly string[]>;
}

const mostEvents = 2000;
/** Of so many events the properties are looked at, in so many of their latest ones. */
const mostAsked = 50;
const latestEvents = 1000;

/** @param document of whatever shape, with all filters that advice is to be about */
export async function loadKnown(pool: Pool, workspaceId: string, document: unknown): Promise<Known> {
  const traits = await loadTraitCatalogue(pool, workspaceId);
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ event: string }>(eventNames, [workspaceId]);
    const events = rows.map(({ event }) => event);
    const asked = eventsIn(document).filter((event) => events.includes(event));
    const keys = await client.query<{ event: string; keys: string[] }>(propertyKeys, [
      workspaceId,
      asked.slice(0, mostAsked),
    ]);
    return { traits, events, properties: new Map(keys.rows.map((row) => [row.event, row.keys])) };
  });
}

const propertyKeys = `
SELECT asked.event, ARRAY(
  SELECT DISTINCT key FROM (
    SELECT e.properties FROM events AS e WHERE e.workspace_id = $1 AND e.event = asked.event COLLATE "C"
    ORDER BY e.occurred_at DESC LIMIT ${latestEvents}
  ) AS latest CROSS JOIN LATERAL jsonb_object_keys(latest.properties) AS key ORDER BY key
) AS keys FROM unnest($2::text[]) AS asked (event)`;

/** Goes from name to name by the index, so that its cost is that of the names and not of the events. */
const eventNames = `
WITH RECURSIVE names AS (
  SELECT (SELECT min(event) FROM events WHERE workspace_id = $1) AS event, 1 AS place
  UNION ALL
  SELECT (SELECT min(e.event) FROM events AS e WHERE e.workspace_id = $1 AND e.event > names.event), place + 1
  FROM names WHERE names.event IS NOT NULL AND place < ${mostEvents}
)
SELECT event FROM names WHERE event IS NOT NULL`;
