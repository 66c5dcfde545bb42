import type { Client } from '../../database/pool.js';
import type { UserRecord } from '../../filter/record.js';
import { millis, nowColumn, personColumns, personJoins } from '../facts/person.js';
import type { PersonRow } from '../facts/person.js';
import { zoneOfPerson } from '../facts/zone.js';
import type { EarlierEntries } from '../series/moves.js';

/** A person at the entrance, as they are now. */
export interface Entrant {
  readonly endUser: string;
  readonly user: UserRecord;
  readonly suppressed: boolean;
  readonly zone: string;
  readonly workspaceZone: string;
  readonly entries: EarlierEntries;
  /** The highest number that an entry of theirs has. */
  readonly lastEntry: number;
  /** Milliseconds since 1970 (UTC), on the clock of Postgres. */
  readonly now: number;
}

interface Row extends PersonRow {
  end_user: string;
  count: number;
  inside: boolean | null;
  last_at: number | null;
  last_entry: number | null;
  now: number;
}

/** Those of these people who are there, with their earlier entries into the series. Nobody can delete them until the end. */
export async function readEntrants(
  client: Client,
  series: { readonly workspace: string; readonly key: string },
  endUsers: readonly string[],
): Promise<Map<string, Entrant>> {
  // A statement of its own, so that the next one sees everything of those who are held.
  await client.query(holdPeople, [series.workspace, endUsers]);
  const { rows } = await client.query<Row>(readPeople, [series.workspace, series.key, endUsers]);
  return new Map(rows.map((row) => [row.end_user, entrantOf(row)]));
}

function entrantOf(row: Row): Entrant {
  const { person, company } = row;
  return {
    endUser: row.end_user,
    user: { ...person, company },
    suppressed: row.suppressed,
    zone: zoneOfPerson(person, row.zone_field, row.workspace_zone),
    workspaceZone: row.workspace_zone,
    entries: { count: row.count, inside: row.inside ?? false, lastAt: row.last_at },
    lastEntry: row.last_entry ?? 0,
    now: row.now,
  };
}

const holdPeople = `
  SELECT FROM end_users u WHERE u.workspace_id = $1 AND u.id = ANY ($2::uuid[]) ORDER BY u.id FOR KEY SHARE`;

const readPeople = `
  WITH person AS (
    SELECT $1::text AS workspace_id, id AS end_user_id FROM unnest($3::uuid[]) AS id
  )
  SELECT person.end_user_id AS end_user, earlier.*, ${personColumns}, ${nowColumn}
  FROM person ${personJoins('person', '(SELECT s.topic FROM series s WHERE s.workspace_id = $1 AND s.key = $2)')}
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS count, bool_or(e.state = 'active') AS inside,
      ${millis('max(e.entered_at)')} AS last_at, max(e.entry) AS last_entry
    FROM enrollments e
    WHERE e.workspace_id = person.workspace_id AND e.series_key = $2 AND e.end_user_id = person.end_user_id
  ) AS earlier`;
