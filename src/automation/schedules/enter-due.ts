import { streamPeople } from '../../audience/people.js';
import type { StreamedPerson } from '../../audience/people.js';
import type { Client } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { nameOf } from '../../filter/fields.js';
import { instantText } from '../../filter/sql/range.js';
import { timeOf } from '../../filter/sql/time-of.js';
import { firstInstant, lastInstant } from '../../filter/time.js';
import type { Filter, Literal } from '../../filter/tree.js';
import { zoneOfPerson } from '../facts/zone.js';
import { millis } from '../facts/person.js';
import { seriesByKey } from '../outbox/active-series.js';
import type { ActiveSeries } from '../outbox/active-series.js';
import { noteMissed } from '../outbox/write-entries.js';
import { entryOn, valuesDue, zoneOf } from '../series/triggers.js';
import type { DateTrigger } from '../series/triggers.js';
import { day } from '../series/wall-clock.js';
import { catchUpBound } from './decide.js';
import { hindrance, letIn } from './entering.js';
import type { Entering } from './entering.js';
import type { Progress, TakenRun } from './runs.js';
import { sumOf } from './runs.js';

/**
 * Lets in everybody who became due by a date of theirs since the look before, or within the last day where the date came
 * late; each once for a day in the field, which `date_entries` remembers.
 *
 * The field is scanned for all values that could be due in any zone, by its index; each person is decided about exactly,
 * by their own zone, and once more in the transaction that lets them in.
 */
export async function enterDue(entering: Entering, trigger: DateTrigger): Promise<void> {
  const { context, batch, timeoutMs } = entering;
  const { pool, run } = context;
  const window = windowOf(run);
  const zones = await inWorkspace(pool, run.workspace, (client) => readZones(client, run.workspace));
  const all = await streamPeople(
    pool,
    {
      workspaceId: run.workspace,
      moment: { now: run.scheduledFor, zone: 'UTC' },
      timeoutMs,
      after: run.cursor,
      size: batch,
      read: { date: dateOf(trigger), zone: zones.field },
    },
    valuesBetween(trigger, valuesDue(trigger, window.after, window.to)),
    async (people) => {
      const due = people.filter((person) => instantOf(trigger, person, zones, window) !== null);
      const cursor = people.at(-1)?.id;
      if (due.length === 0 || cursor === undefined) return true;
      const ids = due.map(({ id }) => id);
      return context.stretch((client) => enterSome(client, entering, ids, cursor));
    },
  );
  if (all) await context.stretch(async () => ({ over: 'forgotten' }));
}

interface Zones {
  readonly workspace: string;
  /** Custom field that names a person's own. */
  readonly field: string;
}

/** Instants after `after`, up to and including `to`. What came about up to `late` is too late to be let in. */
interface Window {
  readonly after: number;
  readonly late: number;
  readonly to: number;
}

function windowOf({ scheduledFor, lookedUntil, since }: TakenRun): Window {
  const late = scheduledFor - catchUpBound;
  return {
    after: Math.max(Math.min(late, lookedUntil), since ?? scheduledFor),
    late,
    to: scheduledFor,
  };
}

/** When the person's date lets them in; null where that is not within the window. */
function instantOf(
  trigger: DateTrigger,
  { date, zone }: StreamedPerson,
  zones: Zones,
  { after, to }: Window,
): number | null {
  if (date === null) return null;
  const person = zoneOfPerson({ custom_fields: { zone } }, 'zone', zones.workspace);
  const instant = entryOn(trigger, date, zoneOf(trigger.zone, person, zones.workspace));
  return instant > after && instant <= to ? instant : null;
}

async function enterSome(
  client: Client,
  entering: Entering,
  ids: readonly string[],
  cursor: string,
): Promise<Progress> {
  const { run } = entering.context;
  const series = await seriesByKey(client, run.workspace, run.key);
  if (series === null || hindrance(series) === 'archived') return { over: { stopped: 'archived' } };
  const definition = await entering.definitions(client)(run.workspace, run.key, series.version);
  const { trigger } = definition;
  if (trigger.type !== 'date') return { over: { stopped: 'changed' } };
  const window = windowOf(run);
  const zones = await readZones(client, run.workspace);
  const { rows } = await client.query<StreamedPerson>(readDates(trigger), [run.workspace, ids, zones.field]);
  // Looked at once more, as this transaction sees them: a date that was changed meanwhile is not due any more.
  const due = rows.flatMap(({ id, date, zone }) => {
    const instant = instantOf(trigger, { id, date, zone }, zones, window);
    if (instant === null || date === null) return [];
    return [{ endUser: id, date, happening: { kind: 'date', name: null, properties: {} }, instant } as const];
  });
  const inTime = due.filter(({ instant }) => instant > window.late);
  const late = due.filter(({ instant }) => instant <= window.late);
  const fresh = await remember(client, series, trigger, inTime);
  const standing = fresh.map(({ endUser, happening, instant }) => {
    return { endUser, happening, at: new Date(instant) };
  });
  const isMissed = ({ at }: { at: Date }): boolean => series.state === 'paused' || at < series.activeSince;
  const missed = standing.filter(isMissed);
  await noteMissed(client, series, missed, 'paused');
  await noteMissed(
    client,
    series,
    late.map(({ endUser, happening, instant }) => ({ endUser, happening, at: new Date(instant) })),
    'too_late',
  );
  const tally = await letIn(
    client,
    entering,
    series,
    definition,
    standing.filter((entrance) => !isMissed(entrance)),
  );
  return {
    cursor,
    tally: sumOf(tally, {
      ...(missed.length === 0 ? {} : { 'refused:paused': missed.length }),
      ...(late.length === 0 ? {} : { 'refused:too_late': late.length }),
    }),
  };
}

/** Those whose date did not start the series before; from now on it did. */
async function remember<T extends { readonly endUser: string; readonly date: number }>(
  client: Client,
  { workspace, key }: ActiveSeries,
  trigger: DateTrigger,
  due: readonly T[],
): Promise<T[]> {
  if (due.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(addDateEntries, [
    workspace,
    key,
    nameOf(trigger.field),
    due.map(({ endUser }) => endUser),
    due.map(({ date }) => new Date(Math.floor(date / day) * day).toISOString().slice(0, 10)),
  ]);
  const added = new Set(rows.map(({ id }) => id));
  return due.filter(({ endUser }) => added.has(endUser));
}

async function readZones(client: Client, workspace: string): Promise<Zones> {
  const { rows } = await client.query<Zones>(readWorkspace, [workspace]);
  return rows[0] ?? { workspace: 'UTC', field: 'timezone' };
}

/** Derived fields are refused at save. */
function dateOf({ field }: DateTrigger): Parameters<typeof timeOf>[0] {
  if (field.kind === 'derived') throw new TypeError('a date trigger names no derived field');
  return field;
}

function valuesBetween(
  { field }: DateTrigger,
  { from, to }: { readonly from: number; readonly to: number },
): Filter {
  return {
    kind: 'between',
    path: '',
    subject: { field, lower: false },
    low: timeLiteral(from),
    high: timeLiteral(to),
  };
}

/** An instant as a filter writes it; one before or after all times is the first or last of them. */
function timeLiteral(instant: number): Literal {
  const inside = Math.min(Math.max(instant, firstInstant), lastInstant);
  return { type: 'time', value: { kind: 'at', text: instantText(inside) } };
}

const readWorkspace = `
  SELECT zone AS workspace, person_zone_field AS field FROM workspaces WHERE workspace_id = $1`;

const readDates = (trigger: DateTrigger): string => `
  SELECT u.id, ${millis(timeOf(dateOf(trigger)))} AS date, u.custom_fields -> $3::text AS zone
  FROM unnest($2::uuid[]) AS asked (id)
  CROSS JOIN LATERAL (
    SELECT * FROM end_users u WHERE u.workspace_id = $1 AND u.id = asked.id OFFSET 0
  ) AS u
  ORDER BY u.id`;

const addDateEntries = `
  INSERT INTO date_entries (workspace_id, series_key, field, end_user_id, day)
  SELECT $1, $2, $3, due.id, due.day FROM unnest($4::uuid[], $5::date[]) AS due (id, day)
  ORDER BY due.id
  ON CONFLICT (workspace_id, series_key, end_user_id, field, day) DO NOTHING
  RETURNING end_user_id AS id`;
