import type { Client } from '../../database/pool.js';
import type { RecordEvent } from './record-event.js';

/** One event of a set; the message ids in it differ. The rest is as in `RecordEvent`. */
export type RecordEventsItem = Omit<RecordEvent, 'workspaceId' | 'by'>;

/**
 * `live`: as they happen. `history`: from a file, years later perhaps, so that message ids are also looked for among the
 * events, which are kept for longer than the list of message ids; nothing is announced. `announced`: the same, and series start.
 */
export type Arrival = 'live' | 'history' | 'announced';

/**
 * What `recordEvent` does with one event, done with many by one statement: what is left is the same as if they had come
 * one after another, in the order given. Somebody may have done several of them.
 *
 * @returns how many were stored; the others have a message id that is known
 */
export async function recordEvents(
  client: Client,
  workspaceId: string,
  by: RecordEvent['by'],
  events: readonly RecordEventsItem[],
  arrival: Arrival = 'live',
): Promise<number> {
  const { rowCount } = await client.query({
    name: `muster_record_events_${arrival}_by_${by}`,
    text: texts[arrival][by],
    values: [
      workspaceId,
      events.map(({ id }) => id),
      events.map(({ event }) => event),
      events.map(({ properties }) => properties),
      events.map(({ occurredAt }) => occurredAt),
      events.map(({ receivedAt }) => receivedAt),
      events.map(({ messageId }) => messageId),
    ],
  });
  return rowCount ?? 0;
}

const fact = `, fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, 'event', p.id, p.user_id,
    jsonb_build_object('event', f.event, 'event_id', f.event_id, 'occurred_at', f.occurred_text)
  FROM fresh AS f JOIN person AS p ON p.by_id = f.by_id
  ORDER BY f.place
)`;

const texts: Readonly<Record<Arrival, Readonly<Record<RecordEvent['by'], string>>>> = {
  live: textsFor('live'),
  history: textsFor('history'),
  announced: textsFor('announced'),
};

function textsFor(arrival: Arrival): Readonly<Record<RecordEvent['by'], string>> {
  return { user_id: textFor('user_id', arrival), anonymous_id: textFor('anonymous_id', arrival) };
}

// A row that several events make at once looks as one that the first made and the others came back to.
function textFor(by: RecordEvent['by'], arrival: Arrival): string {
  return `
WITH sent AS MATERIALIZED (
  SELECT n.*, n.occurred_text::timestamptz AS occurred, gen_random_uuid() AS event_id
  FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[], $7::text[])
    WITH ORDINALITY AS n (by_id, event, properties, occurred_text, received, message_id, place)
), given AS MATERIALIZED (
  SELECT s.* FROM sent AS s${arrival === 'live' ? '' : unknownOnly(by)}
), message AS (
  INSERT INTO event_messages (workspace_id, message_id, received_at)
  SELECT $1, g.message_id, g.received FROM given AS g WHERE g.message_id IS NOT NULL ORDER BY g.message_id
  ON CONFLICT (workspace_id, message_id) DO NOTHING
  RETURNING message_id
), fresh AS MATERIALIZED (
  SELECT * FROM given AS g WHERE g.message_id IS NULL OR g.message_id IN (SELECT m.message_id FROM message AS m)
), seen AS (
  SELECT f.by_id, count(*) AS events, (array_agg(f.received ORDER BY f.place))[1] AS received,
    min(least(f.occurred, f.received)) AS first, max(least(f.occurred, f.received)) AS last
  FROM fresh AS f GROUP BY f.by_id
), person AS (
  INSERT INTO end_users AS u (workspace_id, ${by}, created_at, updated_at, first_seen, last_seen, awaits_identify)
  SELECT $1, s.by_id, s.received,
    CASE WHEN s.events > 1 THEN date_trunc('milliseconds', now()) ELSE s.received END, s.first, s.last, true
  FROM seen AS s ORDER BY s.by_id
  ON CONFLICT (workspace_id, ${by}) DO UPDATE SET
    first_seen = least(u.first_seen, EXCLUDED.first_seen),
    last_seen = greatest(u.last_seen, EXCLUDED.last_seen)
  RETURNING u.id, u.user_id, u.${by} AS by_id
), stored AS (
  INSERT INTO events (workspace_id, id, end_user_id, event, properties, occurred_at, received_at, message_id)
  SELECT $1, f.event_id, p.id, f.event, f.properties, f.occurred, f.received, f.message_id
  FROM fresh AS f JOIN person AS p ON p.by_id = f.by_id
  ORDER BY f.place
  RETURNING id
)${arrival === 'history' ? '' : fact}
SELECT id FROM stored`;
}

/**
 * The person is found first and their events are looked up one by one: in a file that says days, thousands of people did the same at
 * the same instant, and a join by name and instant would meet them all. `OFFSET` keeps the planner from making one.
 */
function unknownOnly(by: RecordEvent['by']): string {
  return `
  LEFT JOIN end_users AS u ON u.workspace_id = $1 AND u.${by} = s.by_id
  WHERE NOT EXISTS (
    SELECT FROM events AS e
    WHERE e.workspace_id = $1 AND e.end_user_id = u.id AND e.event = s.event AND e.occurred_at = s.occurred
      AND e.message_id = s.message_id
    OFFSET 0
  )`;
}
