import type { Moved } from '../../audience/segments/diff.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { definitionCache } from './definitions.js';
import { earlierEntries, insideOnOthers, mayEnter } from './diff/entrance.js';
import { countEach, sampleOf } from './diff/people.js';
import type { Also, Snapshot } from './diff/people.js';
import type { SeriesDefinition, TriggerType } from './model.js';
import { findStepsGone } from './move-version.js';
import type { StepGone } from './move-version.js';
import { checkedSeries } from './store.js';
import type { SaveOptions, SeriesStatus } from './store.js';
import { nextScheduled } from './triggers.js';

/** What saving a series with another definition would do, before anything is saved. */
export interface SeriesDiff {
  readonly key: string;
  /** Of the series as it is; null where there is none yet. */
  readonly state: SeriesStatus | null;
  /** The version that it would have; the present one where the definition is the same. */
  readonly version: number;
  /** How it would begin. */
  readonly trigger: TriggerType;
  /**
   * Of those who would enter, how many would go on to the steps: not held out, and not taken out at once by goal or exit. 0 where
   * no step sends. Null as `would_enter` is.
   */
  readonly would_message: number | null;
  /**
   * Whom a run of its schedule would let in if it came about now. Nobody for a trigger that happens to people, and nobody while the
   * series is paused; null for a date trigger, where each person's own day decides.
   */
  readonly would_enter: Entering | null;
  /** When its schedule comes about next; null for other triggers, and while it is paused. */
  readonly next_run: Date | null;
  /** People whose trigger failed under an earlier version; a new version takes them up again. */
  readonly taken_up: number;
  /** People in the audience as it is (nobody where there is no series yet), and as it would be. */
  readonly audience: { readonly before: number; readonly after: number };
  readonly joins: Moved;
  readonly leaves: Moved;
  /** People inside, who keep the version that they entered. */
  readonly inside: number;
  readonly if_moved: IfMoved;
}

export interface Entering extends Moved {
  /** Of them, how many would be held out: counted, and never sent anything. */
  readonly held_out: number;
  /** Of the others, how many match its goal or exit already, and leave before the first step. */
  readonly over_at_once: number;
}

/** What would become of the people inside on other versions if `muster series move` moved them to this one. */
export interface IfMoved {
  /** Whom its goal would complete. */
  readonly goal: Moved;
  /** Whom its exit would take out. */
  readonly exit: Moved;
  /** Steps at which people stand and which it has no more; while there is one, nobody can be moved. */
  readonly steps_gone: readonly StepGone[];
}

export interface DiffSeries {
  readonly workspaceId: string;
  /** The definition that would be saved. */
  readonly input: unknown;
  readonly moment: Moment;
  /** People to show of each, 0 to 100; default 10. */
  readonly sample?: number;
  /** Milliseconds that one statement may take; default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Who would join and leave the audience of a series, whom its next run would let in, and whom its goal and exit would take out of
 * those inside, if it were saved with this definition now. Computed in one snapshot; nothing is written. A new audience lets nobody
 * in by itself, and takes nobody out: it is asked once, at the entrance.
 *
 * Errors: those of `saveSeries`, `audience_timeout`.
 */
export async function diffSeries(
  pool: Pool,
  { workspaceId, input, moment, sample = 10, timeoutMs = 30_000 }: DiffSeries,
  options: SaveOptions = {},
): Promise<SeriesDiff> {
  const look = async (client: Client): Promise<SeriesDiff> => {
    const after = await checkedSeries(client, workspaceId, input, options);
    const saved = await savedNow(client, workspaceId, after);
    if (saved?.state === 'archived') refuse('series_archived', { key: after.key });
    const before =
      saved === null ? null : await definitionCache()(client)(workspaceId, after.key, saved.version);
    const version = saved === null ? 1 : saved.version + (saved.same ? 0 : 1);
    const snapshot = { workspaceId, moment, timeoutMs };
    const running = saved?.state !== 'paused';
    const entering = running ? await enteringNow(client, snapshot, after, sample) : noEntering;
    const would = after.trigger.type === 'date' ? null : entering;
    return {
      key: after.key,
      state: saved?.state ?? null,
      version,
      trigger: after.trigger.type,
      would_message: would === null ? null : messagedOf(would, after),
      would_enter: would,
      next_run: running ? nextRun(after, moment) : null,
      taken_up: saved === null || saved.same ? 0 : saved.parked,
      ...(await audiences(client, snapshot, before, after, sample)),
      inside: saved?.inside ?? 0,
      if_moved: await ifMoved(client, snapshot, after, version, sample),
    };
  };
  return inWorkspace(pool, workspaceId, look, { isolation: 'repeatable read', readOnly: true });
}

interface Saved {
  readonly state: SeriesStatus;
  readonly version: number;
  readonly same: boolean;
  readonly parked: number;
  readonly inside: number;
}

async function savedNow(
  client: Client,
  workspaceId: string,
  { key, source }: SeriesDefinition,
): Promise<Saved | null> {
  const { rows } = await client.query<Saved>(readSaved, [workspaceId, key, JSON.stringify(source)]);
  return rows[0] ?? null;
}

const everyone: Filter = { kind: 'everyone', path: '' };
const nobody: Moved = { count: 0, sample: [] };
const noEntering: Entering = { ...nobody, held_out: 0, over_at_once: 0 };

function not(operand: Filter): Filter {
  return { kind: 'not', path: '', operand };
}

function all(...operands: readonly Filter[]): Filter {
  return { kind: 'and', path: '', operands };
}

async function audiences(
  client: Client,
  snapshot: Snapshot,
  before: SeriesDefinition | null,
  after: SeriesDefinition,
  size: number,
): Promise<Pick<SeriesDiff, 'audience' | 'joins' | 'leaves'>> {
  const was = before === null ? not(everyone) : (before.audience ?? everyone);
  const will = after.audience ?? everyone;
  const joining = all(will, not(was));
  const leaving = all(was, not(will));
  const [past = 0, next = 0, joins = 0, leaves = 0] = await countEach(client, snapshot, everyone, [
    was,
    will,
    joining,
    leaving,
  ]);
  return {
    audience: { before: past, after: next },
    joins: await moved(client, snapshot, joining, joins, size),
    leaves: await moved(client, snapshot, leaving, leaves, size),
  };
}

async function enteringNow(
  client: Client,
  snapshot: Snapshot,
  definition: SeriesDefinition,
  size: number,
): Promise<Entering> {
  if (definition.trigger.type !== 'schedule') return noEntering;
  const { key, holdout, audience } = definition;
  const among = audience ?? everyone;
  // As `isHeldOut` finds it.
  const held: Filter =
    holdout === 0
      ? not(everyone)
      : { kind: 'percent', path: '', salt: `holdout:${key}`, low: 0, high: holdout };
  const also = mayEnter(definition, await earlierEntries(client, snapshot, definition));
  const done = all(not(held), takenOut(definition));
  const [count = 0, heldOut = 0, over = 0] = await countEach(
    client,
    snapshot,
    among,
    [everyone, held, done],
    also,
  );
  return {
    ...(await moved(client, snapshot, among, count, size, also)),
    held_out: heldOut,
    over_at_once: over,
  };
}

function takenOut({ goal, exit }: SeriesDefinition): Filter {
  const operands = [goal, exit].filter((filter) => filter !== null);
  return operands.length === 0 ? not(everyone) : { kind: 'or', path: '', operands };
}

function messagedOf(
  { count, held_out: held, over_at_once: over }: Entering,
  after: SeriesDefinition,
): number {
  return after.steps.some(({ type }) => type === 'send') ? count - held - over : 0;
}

function nextRun({ trigger }: SeriesDefinition, { now, zone }: Moment): Date | null {
  const at = trigger.type === 'schedule' ? nextScheduled(trigger, now, zone) : null;
  return at === null ? null : new Date(at);
}

async function ifMoved(
  client: Client,
  snapshot: Snapshot,
  definition: SeriesDefinition,
  version: number,
  size: number,
): Promise<IfMoved> {
  const { key, goal, exit, steps } = definition;
  const known = steps.map((step) => step.key);
  const gone = await findStepsGone(client, snapshot.workspaceId, key, version, null, known);
  const also = insideOnOthers(definition, version);
  const taken = async (filter: Filter | null): Promise<Moved> => {
    if (filter === null) return nobody;
    const [count = 0] = await countEach(client, snapshot, filter, [everyone], also);
    return moved(client, snapshot, filter, count, size, also);
  };
  // The goal is asked first.
  const exiting = exit === null || goal === null ? exit : all(exit, not(goal));
  return { goal: await taken(goal), exit: await taken(exiting), steps_gone: gone };
}

async function moved(
  client: Client,
  snapshot: Snapshot,
  filter: Filter,
  count: number,
  size: number,
  also?: Also,
): Promise<Moved> {
  if (count === 0) return nobody;
  return { count, sample: size === 0 ? [] : await sampleOf(client, snapshot, filter, size, also) };
}

const readSaved = `
  SELECT s.state, s.version, v.definition = $3::jsonb AS same,
    (SELECT count(DISTINCT o.end_user_id)::integer FROM outbox o
      WHERE o.workspace_id = $1 AND o.series_key = $2 AND o.parked) AS parked,
    (SELECT count(DISTINCT e.end_user_id)::integer FROM enrollments e
      WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active') AS inside
  FROM series s
  JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version
  WHERE s.workspace_id = $1 AND s.key = $2`;
