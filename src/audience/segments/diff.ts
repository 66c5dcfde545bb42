import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { parseFilter } from '../../filter/parse.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { inSnapshot } from '../people.js';
import type { People, SamplePerson } from '../people.js';
import { effectiveOf, overriddenIds, withOverrides } from './effective.js';
import type { StoredFilter } from './effective.js';
import { savedSegments } from './saved.js';
import type { SavedSegments } from './saved.js';
import { findSegment, readFilter, saveSegment } from './store.js';
import type { SavedSegment, SaveSegment } from './store.js';

/** What saving a segment with another filter would do, before anything is saved. */
export interface SegmentDiff {
  /** Of the segment that would be saved; `members` are those it would have. */
  readonly key: string;
  readonly members: number;
  readonly joins: Moved;
  readonly leaves: Moved;
  /** The same of the tracked segments that it stands in and that would change. */
  readonly around: readonly { readonly key: string; readonly joins: number; readonly leaves: number }[];
  /** Series that would begin for those who join or leave, each with how many people it would take, its audience asked. */
  readonly series: readonly SeriesEffect[];
  /** People whom a series would take because of it, summed over the series. */
  readonly messaged: number;
}

export interface Moved {
  readonly count: number;
  readonly sample: readonly SamplePerson[];
}

export interface SeriesEffect {
  readonly key: string;
  readonly segment: string;
  readonly on: 'segment_entered' | 'segment_left';
  readonly people: number;
}

export interface DiffSegment {
  readonly workspaceId: string;
  readonly key: string;
  readonly filter: unknown;
  readonly moment: Moment;
  /** People to show of those who join and of those who leave, 0 to 100; default 10. */
  readonly sample?: number;
  /** Milliseconds that one statement may take; default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Who would join and leave a segment, and whom series would take because of it, if it were saved with this filter now. Computed from
 * both filters in one snapshot; nothing is written. A segment that is not there yet has nobody to lose, and nobody is told of whom
 * it begins with.
 *
 * Errors: those of `parseFilter`, `audience_timeout`.
 */
export async function diffSegment(pool: Pool, diff: DiffSegment): Promise<SegmentDiff> {
  const { workspaceId, key, moment, sample = 10, timeoutMs = 30_000 } = diff;
  const plan = await inWorkspace(pool, workspaceId, async (client) => {
    const saved = await savedSegments(client, workspaceId, diff.filter);
    const written = readFilter(diff.filter, saved, key);
    const before = await findSegment(client, workspaceId, key);
    // Who is in it or kept out of it by hand stays so.
    const changed = withOverrides(diff.filter, before?.overrides ?? null);
    const after = changed === diff.filter ? written : parsed(changed, saved, key);
    const { rows } = await client.query<StoredFilter & { key: string; tracked: boolean }>(findAround, [
      workspaceId,
      key,
    ]);
    const around = rows.map((row) => ({ key: row.key, filter: effectiveOf(row) }));
    const named = await savedSegments(client, workspaceId, [
      diff.filter,
      before === null ? undefined : effectiveOf(before),
      ...around.map(({ filter }) => filter),
    ]);
    const changes = [
      ...(before === null ? [] : [{ key, before: parsed(effectiveOf(before), named, key), after }]),
      ...around.map((each) => ({
        key: each.key,
        before: parsed(each.filter, named, each.key),
        after: parsed(each.filter, new Map([...named, [key, changed]]), each.key),
      })),
    ];
    const { rows: series } = await client.query<SeriesRow>(findSeries, [
      workspaceId,
      changes.map((each) => each.key),
    ]);
    const audiences = await Promise.all(
      series.map(async ({ audience }) =>
        audience === null
          ? null
          : parseFilter(audience, { segments: await savedSegments(client, workspaceId, audience) }),
      ),
    );
    return { after, isNew: before === null, changes, series, audiences };
  });
  return inSnapshot(pool, { workspaceId, moment, timeoutMs }, async (people) => {
    const [own] = plan.isNew ? [] : plan.changes;
    const nobody: Moved = { count: 0, sample: [] };
    const joins = own === undefined ? nobody : await movedTo(people, own.after, own.before, sample);
    const leaves = own === undefined ? nobody : await movedTo(people, own.before, own.after, sample);
    const around = [];
    for (const each of plan.isNew ? plan.changes : plan.changes.slice(1)) {
      const [joining = 0, leaving = 0] = await people.countEach([
        without(each.after, each.before),
        without(each.before, each.after),
      ]);
      if (joining + leaving > 0) around.push({ key: each.key, joins: joining, leaves: leaving });
    }
    const effects: SeriesEffect[] = [];
    for (const [position, { key: seriesKey, segment, on }] of plan.series.entries()) {
      const change = plan.changes.find((each) => each.key === segment);
      if (change === undefined) continue;
      const moved =
        on === 'segment_entered'
          ? without(change.after, change.before)
          : without(change.before, change.after);
      const audience = plan.audiences[position] ?? null;
      const taken = audience === null ? moved : both(moved, audience);
      effects.push({ key: seriesKey, segment, on, people: await people.count(taken) });
    }
    const members = await people.count(plan.after);
    const messaged = effects.reduce((sum, each) => sum + each.people, 0);
    return { key, members, joins, leaves, around, series: effects, messaged };
  });
}

/** People whom series may take because of an edit without its being confirmed. */
export const messagedUnconfirmed = 100;

export interface EditOptions {
  readonly create?: boolean;
  /** Whether it is known how many people series would take because of it. */
  readonly confirm?: boolean;
  readonly moment: Moment;
}

/**
 * Saves a segment as `saveSegment` does. An edit by which series would take more than 100 people has to be confirmed.
 *
 * Errors: `edit_messages_many`, with what would happen in its details; those of `saveSegment` and `audience_timeout`.
 */
export async function editSegment(
  pool: Pool,
  workspaceId: string,
  segment: SaveSegment,
  { create = false, confirm = false, moment }: EditOptions,
): Promise<SavedSegment> {
  if (!confirm && (await concernsSeries(pool, workspaceId, segment.key))) {
    const { key, filter } = segment;
    refuseUnconfirmed(await diffSegment(pool, { workspaceId, key, filter, moment, sample: 0 }));
  }
  return saveSegment(pool, workspaceId, segment, { create });
}

/** Whether anybody entering or leaving the segment, or one around it, starts a series. */
async function concernsSeries(pool: Pool, workspaceId: string, key: string): Promise<boolean> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ key: string }>(findAround, [workspaceId, key]);
    const keys = [key, ...rows.map((row) => row.key)];
    const { rows: series } = await client.query(findSeries, [workspaceId, keys]);
    return series.length > 0;
  });
}

function refuseUnconfirmed(diff: SegmentDiff): void {
  if (diff.messaged <= messagedUnconfirmed) return;
  const { key, messaged, joins, leaves } = diff;
  refuse(
    'edit_messages_many',
    { key, messaged, joins: joins.count, leaves: leaves.count },
    {
      path: '/confirm',
      details: { joins: joins.count, leaves: leaves.count, messaged, series: diff.series },
    },
  );
}

function parsed(filter: unknown, segments: SavedSegments, self: string): Filter {
  return parseFilter(filter, { segments, self });
}

async function movedTo(people: People, to: Filter, from: Filter, sample: number): Promise<Moved> {
  const moved = without(to, from);
  const count = await people.count(moved);
  return { count, sample: count === 0 ? [] : await people.sample(moved, sample) };
}

function both(one: Filter, other: Filter): Filter {
  return { kind: 'and', path: '', operands: [one, other] };
}

function without(one: Filter, other: Filter): Filter {
  return both(one, { kind: 'not', path: '', operand: other });
}

interface SeriesRow {
  key: string;
  segment: string;
  on: SeriesEffect['on'];
  audience: unknown;
}

const findAround = `
  WITH RECURSIVE around AS (
    SELECT s.key FROM segments s WHERE s.workspace_id = $1 AND $2 = ANY (s.uses)
    UNION
    SELECT s.key FROM around JOIN segments s ON s.workspace_id = $1 AND around.key = ANY (s.uses)
  )
  SELECT s.key, s.filter, ${overriddenIds('s')}, s.tracked FROM around JOIN segments s ON s.workspace_id = $1 AND s.key = around.key
  WHERE s.key <> $2 AND s.tracked
  ORDER BY s.key`;

const findSeries = `
  SELECT s.key, s.trigger_name AS segment, s.trigger_type AS on, v.definition -> 'audience' AS audience
  FROM series s
  JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version
  WHERE s.workspace_id = $1 AND s.state = 'active' AND s.trigger_type IN ('segment_entered', 'segment_left')
    AND s.trigger_name = ANY ($2::text[])
  ORDER BY s.key`;
