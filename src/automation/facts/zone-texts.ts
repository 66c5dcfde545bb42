import { overAudience } from '../../audience/people.js';
import type { SnapshotOptions } from '../../audience/people.js';
import type { Client } from '../../database/pool.js';
import { zoneNamed } from '../../filter/offsets.js';
import type { Filter } from '../../filter/tree.js';

/** Different texts in the field that holds zones. There are about 600 zones with all their names. */
export const mostZoneTexts = 10_000;

/** A text in the field that holds zones, and the zone that it names. */
export interface ZoneText {
  readonly text: string;
  readonly zone: string;
}

/** The zones of an audience with the texts that name them; null where the field has too many different texts to be one of zones. */
export async function zonesIn(
  client: Client,
  snapshot: SnapshotOptions,
  audience: Filter,
  field: string,
): Promise<ZoneText[] | null> {
  const rows = await overAudience<{ zone: string }>(client, snapshot, audience, ({ where, bind }) => {
    const zone = zoneText(bind(field));
    return `SELECT DISTINCT ${zone} AS zone FROM end_users u
      WHERE ${where} AND length(${zone}) <= 64 LIMIT ${mostZoneTexts + 1}`;
  });
  if (rows.length > mostZoneTexts) return null;
  return rows.flatMap(({ zone: text }) => {
    const zone = zoneNamed(text);
    return zone === null ? [] : [{ text, zone }];
  });
}

/** The text that a person has in the field that holds zones; NULL where it is no text. */
export function zoneText(field: string): string {
  return `CASE jsonb_typeof(u.custom_fields -> ${field}::text) WHEN 'string' THEN u.custom_fields ->> ${field}::text END`;
}
