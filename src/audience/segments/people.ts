import type { Client } from '../../database/pool.js';
import { windowStart } from '../../filter/did.js';
import type { EventRecord, UserRecord } from '../../filter/record.js';
import { firstInstant } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { columnInstant } from '../../filter/values.js';
import type { TrackedSegment } from './tracked.js';

/** Somebody as memberships are kept by: their data, and what they are in. */
export interface Person {
  readonly id: string;
  readonly userId: string | null;
  readonly record: UserRecord;
  /** Keys of the tracked segments that they are stored in. */
  readonly inside: ReadonlySet<string>;
  /** Names of events of which they have too many to be held in memory: segments that count them are asked in SQL. */
  readonly tooMany: ReadonlySet<string>;
  /** When their row or their company's was last written, in milliseconds since 1970 (UTC). */
  readonly changedAt: number;
}

/** Events of one name and person that are held in memory at once, as everywhere. */
const mostEvents = 10_000;

/**
 * Reads these people, with the events that the segments count, and holds their rows so that nobody deletes them before the end
 * of the transaction. Who is gone is left out.
 *
 * @param since the earliest moment that anything will be asked about
 */
export async function readPeople(
  client: Client,
  workspaceId: string,
  ids: readonly string[],
  segments: readonly TrackedSegment[],
  since: Moment,
): Promise<Person[]> {
  if (ids.length === 0) return [];
  // A statement of its own, so that the next one sees everything of those who are held.
  await client.query(hold, [workspaceId, ids]);
  const { rows } = await client.query<Row>(read, [workspaceId, ids]);
  const { events, tooMany } = await readEvents(
    client,
    workspaceId,
    rows.map(({ id }) => id),
    eventsOf(segments, since),
  );
  return rows.map(({ id, person, company, inside }) => ({
    id,
    userId: person.user_id ?? null,
    record: { ...person, company, events: events.get(id) ?? [] },
    inside: new Set(inside),
    tooMany: tooMany.get(id) ?? none,
    changedAt: Math.max(
      columnInstant(person.updated_at),
      company === null ? 0 : columnInstant(company.updated_at),
    ),
  }));
}

const none: ReadonlySet<string> = new Set();

interface Row {
  id: string;
  person: UserRecord;
  company: (UserRecord['company'] & object) | null;
  inside: string[];
}

/** Which events are counted, and from when on; null for all there ever were. */
function eventsOf(segments: readonly TrackedSegment[], since: Moment): Map<string, number | null> {
  const found = new Map<string, number | null>();
  for (const { events } of segments) {
    for (const [event, windows] of events) {
      // Steps back of the clock move a window's start by less than two days.
      const starts = windows.map((within) =>
        within === null ? null : windowStart(within, since) - 2 * 86_400_000,
      );
      const known = found.get(event);
      const all = [...starts, ...(known === undefined ? [] : [known])];
      const from = all.includes(null) ? firstInstant : Math.min(...all.map(Number));
      found.set(event, from > firstInstant ? from : null);
    }
  }
  return found;
}

async function readEvents(
  client: Client,
  workspaceId: string,
  ids: readonly string[],
  asked: ReadonlyMap<string, number | null>,
): Promise<{ events: Map<string, EventRecord[]>; tooMany: Map<string, Set<string>> }> {
  const events = new Map<string, EventRecord[]>();
  const tooMany = new Map<string, Set<string>>();
  if (asked.size === 0) return { events, tooMany };
  const { rows } = await client.query<{
    id: string;
    event: string;
    more: boolean;
    found: EventRecord[] | null;
  }>(readTheirEvents, [
    workspaceId,
    ids,
    [...asked.keys()],
    [...asked.values()].map((since) => (since === null ? null : new Date(since).toISOString())),
  ]);
  for (const { id, event, more, found } of rows) {
    if (more) tooMany.set(id, (tooMany.get(id) ?? new Set()).add(event));
    else events.set(id, [...(events.get(id) ?? []), ...(found ?? [])]);
  }
  return { events, tooMany };
}

const hold = `
  SELECT FROM end_users u WHERE u.workspace_id = $1 AND u.id = ANY ($2::uuid[]) ORDER BY u.id FOR KEY SHARE`;

// Fenced lookups: the batches are small and the tables are not.
const read = `
  SELECT asked.id, u.row AS person, c.row AS company, ARRAY(
    SELECT m.segment_key FROM segment_members m WHERE m.workspace_id = $1 AND m.end_user_id = asked.id
  ) AS inside
  FROM unnest($2::uuid[]) AS asked (id)
  CROSS JOIN LATERAL (
    SELECT to_jsonb(u) AS row, u.company_id FROM end_users u WHERE u.workspace_id = $1 AND u.id = asked.id OFFSET 0
  ) AS u
  LEFT JOIN LATERAL (
    SELECT to_jsonb(c) AS row FROM companies c WHERE c.workspace_id = $1 AND c.company_id = u.company_id OFFSET 0
  ) AS c ON true`;

const readTheirEvents = `
  SELECT person.id, asked.event, e.more, e.found
  FROM unnest($2::uuid[]) AS person (id)
  CROSS JOIN unnest($3::text[], $4::timestamptz[]) AS asked (event, since)
  CROSS JOIN LATERAL (
    SELECT count(*) > ${mostEvents} AS more, jsonb_agg(to_jsonb(e)) AS found FROM (
      SELECT e.event, e.occurred_at, e.properties FROM events e
      WHERE e.workspace_id = $1 AND e.end_user_id = person.id AND e.event = asked.event
        AND e.occurred_at >= coalesce(asked.since, '-infinity')
      LIMIT ${mostEvents + 1}
    ) AS e
  ) AS e
  WHERE e.found IS NOT NULL`;
