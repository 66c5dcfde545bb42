import type { Database } from '../database.js';
import { runStatement } from '../database.js';

/** An event name that a workspace has events of. */
export interface CataloguedEvent {
  readonly event: string;
  /** Events of it that are kept. */
  readonly count: number;
  /** False where there are more than `count`: they are counted up to 10,000. */
  readonly count_exact: boolean;
  /** When the first and the last of them happened. */
  readonly first_seen: Date;
  readonly last_seen: Date;
  /** Names of the properties of its last 100 events. */
  readonly properties: readonly string[];
}

export interface ListEvents {
  readonly workspaceId: string;
  /** Only names that begin with it, in any letter case. */
  readonly prefix?: string | undefined;
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface EventsPage {
  readonly events: CataloguedEvent[];
  /** What brings the next page as `after`; null on the last one. */
  readonly next: string | null;
}

/** Events of one name are counted up to this many, so that a page costs the same whatever is stored. */
const mostCounted = 10_000;

/** The event names of a workspace in the order of their characters, page by page. */
export async function listEvents(
  db: Database,
  { workspaceId, prefix = '', limit = 100, after = '' }: ListEvents,
): Promise<EventsPage> {
  const plain = [prefix, after].map((text) => text.replaceAll('\0', ''));
  const { rows } = await runStatement<CataloguedEvent>(db, workspaceId, {
    text: statement,
    values: [workspaceId, ...plain, limit + 1],
  });
  const events = rows.slice(0, limit);
  return { events, next: rows.length > limit ? (events.at(-1)?.event ?? null) : null };
}

const ofName = 'FROM events AS e WHERE e.workspace_id = $1 AND e.event = name.event';

const begins = 'starts_with(lower(name.event), lower($2::text))';

// One look into the index for each name, and not one for each event.
const statement = `
WITH RECURSIVE name (event, before) AS (
  (
    SELECT e.event, 0 FROM events AS e
    WHERE e.workspace_id = $1 AND e.event > $3::text ORDER BY e.event LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT e.event FROM events AS e WHERE e.workspace_id = $1 AND e.event > name.event ORDER BY e.event LIMIT 1
  ), name.before + ${begins}::integer
  FROM name WHERE name.event IS NOT NULL AND name.before < $4::integer
)
SELECT name.event, least(counted.count, ${mostCounted})::integer AS count, counted.count <= ${mostCounted} AS count_exact,
  (SELECT e.occurred_at ${ofName} ORDER BY e.occurred_at LIMIT 1) AS first_seen,
  (SELECT e.occurred_at ${ofName} ORDER BY e.occurred_at DESC LIMIT 1) AS last_seen,
  ARRAY(
    SELECT DISTINCT key COLLATE "C"
    FROM (SELECT e.properties ${ofName} ORDER BY e.occurred_at DESC LIMIT 100) AS latest
    CROSS JOIN LATERAL jsonb_object_keys(latest.properties) AS key ORDER BY 1 LIMIT 100
  ) AS properties
FROM name
CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT ${ofName} LIMIT ${mostCounted + 1}) AS few) AS counted
WHERE ${begins}
ORDER BY name.event LIMIT $4::integer`;
