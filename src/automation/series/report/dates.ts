import { overAudience } from '../../../audience/people.js';
import type { AudienceParts, SnapshotOptions } from '../../../audience/people.js';
import type { Client } from '../../../database/pool.js';
import { mayBeDay } from '../../../filter/fields.js';
import { jsonOf } from '../../../filter/sql/scope.js';
import { writtenTime } from '../../../filter/sql/range.js';
import type { Filter } from '../../../filter/tree.js';
import { millis } from '../../facts/person.js';
import { zoneText, zonesIn } from '../../facts/zone-texts.js';
import type { ZoneText } from '../../facts/zone-texts.js';
import { catchUpBound } from '../../schedules/decide.js';
import { dateOutlook } from '../date-outlook.js';
import type { DateOutlook } from '../date-outlook.js';
import { pastValues } from '../dates.js';
import type { DateState, PastValues } from '../dates.js';
import type { SeriesDefinition } from '../model.js';
import { entryOn } from '../triggers.js';
import type { DateTrigger } from '../triggers.js';
import { day } from '../wall-clock.js';

const everyone: Filter = { kind: 'everyone', path: '' };

/** Which values are past, by the zones of the people. */
export interface DatePlaces {
  readonly trigger: DateTrigger;
  /** The custom field that holds zones; null where it matters to nobody in which zone they are. */
  readonly field: string | null;
  readonly zones: readonly (ZoneText & PastValues)[];
  /** Of those whose zone is unknown: the workspace's. */
  readonly elsewhere: { readonly zone: string } & PastValues;
}

export interface DatesAsked {
  /** Up to and including this instant what came is past, in milliseconds since 1970 (UTC). */
  readonly passed: number;
  readonly workspaceZone: string;
  /** The custom field that holds a person's zone. */
  readonly zoneField: string;
}

/**
 * What the dates of a series are measured against at `now`: the next look lets in what came within the last day, but nothing from
 * before its trigger was saved or the series resumed. Of a series that was never saved all that came up to now is past.
 */
export async function datesAsked(
  client: Client,
  workspaceId: string,
  key: string,
  now: number,
): Promise<DatesAsked> {
  const { rows } = await client.query<Omit<DatesAsked, 'passed'> & { since: number | null }>(readAsked, [
    workspaceId,
    key,
  ]);
  const { since = null, ...zones } = rows[0] ?? { workspaceZone: 'UTC', zoneField: 'timezone' };
  return { passed: since === null ? now : Math.max(now - catchUpBound, since), ...zones };
}

const readAsked = `
  SELECT w.zone AS "workspaceZone", w.person_zone_field AS "zoneField",
    ${millis('greatest(s.active_since, k.since)')} AS since
  FROM workspaces w
  LEFT JOIN series s ON s.workspace_id = w.workspace_id AND s.key = $2
  LEFT JOIN schedules k ON k.workspace_id = w.workspace_id AND k.kind = 'series' AND k.key = $2
  WHERE w.workspace_id = $1`;

/**
 * Computes which values of a date trigger's field are past, once for each zone of the audience. Null for another trigger, and
 * where the field of zones holds anything but zones, as then no number would be right.
 */
export async function datePlacesOf(
  client: Client,
  snapshot: SnapshotOptions,
  { trigger, audience }: Pick<SeriesDefinition, 'trigger' | 'audience'>,
  { passed, workspaceZone, zoneField }: DatesAsked,
): Promise<DatePlaces | null> {
  if (trigger.type !== 'date') return null;
  const elsewhere = { zone: workspaceZone, ...pastValues(trigger, workspaceZone, passed) };
  if (trigger.zone === 'workspace') return { trigger, field: null, zones: [], elsewhere };
  const zones = await zonesIn(client, snapshot, audience ?? everyone, zoneField);
  if (zones === null) return null;
  const placed = zones.map((each) => ({ ...each, ...pastValues(trigger, each.zone, passed) }));
  return { trigger, field: zoneField, zones: placed, elsewhere };
}

/** Joins the date of each person `u` as `dated`: `seen` (jsonb), `at` (the value's milliseconds), `zone` (null: the workspace's) and `state`. */
export function datedPeople(
  { trigger, field, zones, elsewhere }: DatePlaces,
  bind: AudienceParts['bind'],
): string {
  const { field: date } = trigger;
  // Derived fields are refused at save.
  if (date.kind === 'derived') throw new TypeError('a date trigger names no derived field');
  const row = date.entity === 'company' ? 'date_company' : 'u';
  const company =
    date.entity === 'company'
      ? `LEFT JOIN companies date_company
        ON date_company.workspace_id = u.workspace_id AND date_company.company_id = u.company_id`
      : '';
  const [seen, instant] =
    date.kind === 'column'
      ? [`to_jsonb(${row}.${date.name})`, `${row}.${date.name}`]
      : [`nullif(${jsonOf(row, date)}, 'null'::jsonb)`, writtenTime(row, date)];
  const bound = (name: 'lastDay' | 'firstLater'): string => {
    const common = `${bind(elsewhere[name])}::bigint`;
    return field === null ? common : `coalesce(date_place."${name}", ${common})`;
  };
  const instantIsPast = `read_date.at < ${bound('firstLater')}`;
  const isPast = mayBeDay(date)
    ? `CASE WHEN read_date.at % ${day} = 0 THEN read_date.at <= ${bound('lastDay')} ELSE ${instantIsPast} END`
    : instantIsPast;
  const place =
    field === null
      ? ''
      : `LEFT JOIN jsonb_to_recordset(${bind(JSON.stringify(zones))}::jsonb)
        AS date_place (text text, zone text, "lastDay" bigint, "firstLater" bigint) ON date_place.text = ${zoneText(bind(field))}`;
  return `
      ${company}
      ${place}
      CROSS JOIN LATERAL (
        SELECT ${seen} AS seen, (${millis(instant)})::bigint AS at OFFSET 0
      ) AS read_date
      CROSS JOIN LATERAL (
        SELECT read_date.seen, read_date.at, ${field === null ? 'NULL::text' : 'date_place.zone'} AS zone, CASE
          WHEN read_date.seen IS NULL THEN 'missing'
          WHEN read_date.at IS NULL THEN 'unreadable'
          WHEN ${isPast} THEN 'past'
          ELSE 'to_come'
        END AS state
      ) AS dated`;
}

/** Different values to come that are read for the next instants. */
const mostValues = 1000;

/** Says of everybody in the audience of a date series where their date stands. Null as for `datePlacesOf`. */
export async function datesInAudience(
  client: Client,
  snapshot: SnapshotOptions,
  definition: Pick<SeriesDefinition, 'trigger' | 'audience'>,
  asked: DatesAsked,
): Promise<DateOutlook | null> {
  const places = await datePlacesOf(client, snapshot, definition, asked);
  if (places === null) return null;
  const audience = definition.audience ?? everyone;
  const counts = await overAudience<CountRow>(
    client,
    snapshot,
    audience,
    ({ where, bind }) => `
      SELECT dated.state, count(*)::integer AS people,
        min(left(dated.seen #>> '{}', 100) COLLATE "C") FILTER (WHERE dated.state = 'unreadable') AS first,
        max(left(dated.seen #>> '{}', 100) COLLATE "C") FILTER (WHERE dated.state = 'unreadable') AS last
      FROM end_users u ${datedPeople(places, bind)}
      WHERE ${where} GROUP BY dated.state`,
  );
  const comes = counts.some(({ state }) => state === 'to_come');
  const values = comes
    ? await overAudience<ValueRow>(
        client,
        snapshot,
        audience,
        ({ where, bind }) => `
      SELECT dated.at::double precision AS at, dated.zone, count(*)::integer AS people
      FROM end_users u ${datedPeople(places, bind)}
      WHERE ${where} AND dated.state = 'to_come' GROUP BY dated.at, dated.zone ORDER BY dated.at LIMIT ${mostValues + 1}`,
      )
    : [];
  const { trigger, elsewhere } = places;
  const outlook = dateOutlook(trigger);
  for (const { state, people, first, last } of counts) {
    outlook.count(state, people);
    for (const seen of [first, last]) if (seen !== null) outlook.example(seen);
  }
  const instants = values.map(({ at, zone, people }) => ({
    at: entryOn(trigger, at, zone ?? elsewhere.zone),
    people,
  }));
  // A value that was not read has its instant no more than two clocks apart from that of the last one read.
  const sure = values.length > mostValues ? (instants.at(-1)?.at ?? 0) - 3 * day : Infinity;
  for (const { at, people } of instants) if (at < sure) outlook.comes(at, people);
  return outlook.result();
}

interface CountRow {
  readonly state: DateState;
  readonly people: number;
  /** Unreadable values. */
  readonly first: string | null;
  readonly last: string | null;
}

interface ValueRow {
  readonly at: number;
  readonly zone: string | null;
  readonly people: number;
}
