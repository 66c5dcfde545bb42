import type { AudienceParts } from '../../../audience/people.js';
import type { Client } from '../../../database/pool.js';
import { millis } from '../../facts/person.js';
import { zoneOfPerson } from '../../facts/zone.js';
import type { EntryPolicy, SeriesDefinition } from '../model.js';
import { day, hour, later, minute, wallLater } from '../wall-clock.js';
import type { Also, Snapshot } from './people.js';

/** Earlier entries that are too recent for the policy of a series: all after `after`, and these. */
export interface TooRecent {
  /** Milliseconds since 1970 (UTC). */
  readonly after: number;
  /** Custom field that names a person's zone. */
  readonly zoneField: string;
  /** Instants before it, each with what stands in the field: there the zone decides. */
  readonly apart: readonly { readonly at: number; readonly zone: string }[];
}

/**
 * Which last entries are too recent for `again_after`; null for the other policies. A calendar unit counts in the zone of
 * the person, which the machine's own clock decides about, once for each instant and zone that lie near the bound.
 */
export async function earlierEntries(
  client: Client,
  { workspaceId, moment }: Snapshot,
  { key, entry }: SeriesDefinition,
): Promise<TooRecent | null> {
  if (entry.kind !== 'again_after') return null;
  const { now, zone } = moment;
  const bound = boundOf(entry, now);
  const { rows } = await client.query<{ field: string }>(readZoneField, [workspaceId]);
  const zoneField = rows[0]?.field ?? 'timezone';
  if (bound.from === bound.to) return { after: bound.to, zoneField, apart: [] };
  const { rows: near } = await client.query<{ at: number; zone: string }>(readNear, [
    workspaceId,
    key,
    zoneField,
    bound.from,
    bound.to,
  ]);
  const apart = near.filter((last) => {
    const own = zoneOfPerson({ custom_fields: { zone: last.zone } }, 'zone', zone);
    return now < later(last.at, entry.after, own);
  });
  return { after: bound.to, zoneField, apart };
}

/** No entry up to `from` is too recent, whatever the zone, and every one after `to` is. */
function boundOf(
  { after: { amount, unit } }: Extract<EntryPolicy, { kind: 'again_after' }>,
  now: number,
): { readonly from: number; readonly to: number } {
  if (unit === 'minutes' || unit === 'hours') {
    const bound = now - amount * (unit === 'hours' ? hour : minute);
    return { from: bound, to: bound };
  }
  // Clocks of zones are less than 15 hours from UTC, and a month's last day stands for up to three that follow it.
  const spread = day + 30 * hour + (unit === 'months' ? 4 * day : 0);
  const bound = wallLater(now, { amount: -amount, unit });
  return { from: bound - spread, to: bound + spread };
}

/** Whom the entrance lets in, the audience aside: as `refusalOf` decides. */
export function mayEnter({ key, topic, entry }: SeriesDefinition, recent: TooRecent | null): Also {
  return (parts) => ({
    joins: `
      LEFT JOIN (
        SELECT end_user_id, bool_or(state = 'active') AS inside, ${millis('max(entered_at)')} AS last_at FROM enrollments
        WHERE workspace_id = ${parts.workspace} AND series_key = ${parts.bind(key)}::text GROUP BY end_user_id
      ) AS earlier ON earlier.end_user_id = u.id`,
    where: `NOT ${suppressed(parts, topic)} AND ${policySql(parts, entry, recent)}`,
  });
}

function policySql({ bind }: AudienceParts, { kind }: EntryPolicy, recent: TooRecent | null): string {
  if (kind === 'every_time') return 'true';
  if (kind === 'once' || recent === null) return 'earlier.end_user_id IS NULL';
  const { after, zoneField, apart } = recent;
  return `(earlier.end_user_id IS NULL OR (NOT earlier.inside AND earlier.last_at <= ${bind(after)}::double precision
    AND NOT EXISTS (
      SELECT FROM unnest(${bind(apart.map(({ at }) => at))}::double precision[], ${bind(apart.map(({ zone }) => zone))}::text[])
        AS apart (at, zone)
      WHERE apart.at = earlier.last_at AND apart.zone = coalesce(u.custom_fields ->> ${bind(zoneField)}::text, '')
    )))`;
}

/** Those inside on another version, whom nothing forbids to send to: whoever is suppressed leaves before goal and exit are asked. */
export function insideOnOthers({ key, topic }: SeriesDefinition, version: number): Also {
  return (parts) => ({
    joins: '',
    where: `NOT ${suppressed(parts, topic)} AND EXISTS (
      SELECT FROM enrollments e
      WHERE e.workspace_id = ${parts.workspace} AND e.series_key = ${parts.bind(key)}::text AND e.end_user_id = u.id
        AND e.state = 'active' AND e.version <> ${parts.bind(version)}::integer
    )`,
  });
}

function suppressed({ bind }: AudienceParts, topic: string | null): string {
  return `EXISTS (SELECT FROM muster_suppressing(u.workspace_id, u.user_id, u.email, ${bind(topic ?? '')}::text))`;
}

const readZoneField = `SELECT person_zone_field AS field FROM workspaces WHERE workspace_id = $1`;

const readNear = `
  SELECT DISTINCT last.at, coalesce(u.custom_fields ->> $3::text, '') AS zone
  FROM (
    SELECT end_user_id, ${millis('max(entered_at)')} AS at FROM enrollments
    WHERE workspace_id = $1 AND series_key = $2 GROUP BY end_user_id
  ) AS last
  JOIN end_users u ON u.workspace_id = $1 AND u.id = last.end_user_id
  WHERE last.at > $4::double precision AND last.at <= $5::double precision`;
