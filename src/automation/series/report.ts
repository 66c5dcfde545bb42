import { overAudience } from '../../audience/people.js';
import type { SnapshotOptions } from '../../audience/people.js';
import { reportAudience } from '../../audience/report.js';
import type { AudienceReport } from '../../audience/report.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { seriesByKey } from '../outbox/active-series.js';
import type { ActiveSeries } from '../outbox/active-series.js';
import type { DateOutlook } from './date-outlook.js';
import { definitionCache } from './definitions.js';
import type { SeriesDefinition, StepType, TriggerType } from './model.js';
import type { Footprint, RefusalReason } from './moves.js';
import { datePlacesOf, datesAsked, datesInAudience } from './report/dates.js';
import type { DatesAsked } from './report/dates.js';
import { standings } from './report/standings.js';
import type { Standing } from './report/standings.js';
import { standingWords } from './report/words.js';
import { silenceOf } from './silence.js';
import type { Silence } from './silence.js';

/** Why people are in a series or not, and what became of those who entered. */
export interface SeriesReport {
  readonly series: string;
  readonly version: number;
  readonly state: string;
  readonly trigger: TriggerType;
  /** What happened earlier starts nobody. */
  readonly active_since: Date;
  /** Why its audience is as large as it is; null where everybody may enter. */
  readonly audience: AudienceReport | null;
  /** Set where it is active and lets nobody in for longer than its own history explains. */
  readonly silence: Silence | null;
  /** Where the dates of its audience stand; null for another trigger than a date, and once it is archived. */
  readonly dates: DateOutlook | null;
  /** Everybody who is in the audience now, once each: where they stand, and why those who never entered did not. */
  readonly people: readonly { readonly why: Standing; readonly people: number; readonly text: string }[];
  /** Who was turned away at the entrance in the last 30 days, by the reason; each person once a reason. */
  readonly turned_away: readonly {
    readonly reason: RefusalReason | 'paused' | 'too_late';
    readonly people: number;
    readonly last_at: Date;
  }[];
  /** What happened at each step, in enrolments: those of the current version first, then of earlier ones. */
  readonly steps: readonly StepReport[];
}

export interface StepReport {
  readonly step: string;
  /** Null for a step that the current version has no more. */
  readonly type: StepType | null;
  /** Enrolments that stand there. */
  readonly here: number;
  /** Enrolments by what happened to them there, in whichever version. */
  readonly happened: Readonly<Partial<Record<Footprint['what'], number>>>;
}

export interface ReportSeries {
  readonly workspaceId: string;
  readonly key: string;
  /** The instant that the audience is asked about; the clock of Postgres when left out. */
  readonly now?: number;
  /** The zone of calendar units; the workspace's when left out. */
  readonly zone?: string;
  /** Milliseconds that one statement may take; 30,000 when left out. */
  readonly timeoutMs?: number;
}

/** Errors: `series_not_found`, `audience_timeout`, `too_many_reasons`. */
export async function reportSeries(pool: Pool, options: ReportSeries): Promise<SeriesReport> {
  const { workspaceId, key, timeoutMs = 30_000 } = options;
  const zone = options.zone ?? (await zoneOf(pool, workspaceId));
  const read = async (client: Client): Promise<Seen> => {
    const series = (await seriesByKey(client, workspaceId, key)) ?? refuse('series_not_found', { key });
    const definition = await definitionCache()(client)(workspaceId, key, series.version);
    const moment = momentOf(options.now ?? series.now, zone);
    const dates = await datesAsked(client, workspaceId, key, moment.now);
    const snapshot = { workspaceId, moment, timeoutMs };
    return {
      series,
      definition,
      moment,
      turnedAway: await turnedAway(client, workspaceId, key),
      steps: await stepsOf(client, workspaceId, definition),
      silence: await silenceOf(client, workspaceId, key, moment.now),
      // Last: it changes the role that the transaction runs under.
      people: await peopleOf(client, snapshot, series, definition, dates),
      dates: series.state === 'archived' ? null : await datesInAudience(client, snapshot, definition, dates),
    };
  };
  const {
    series,
    definition,
    moment,
    turnedAway: refusals,
    steps,
    people,
    dates,
    silence,
  } = await inWorkspace(pool, workspaceId, read, { isolation: 'repeatable read', readOnly: true });
  const { audience } = definition;
  return {
    series: key,
    version: series.version,
    state: series.state,
    trigger: definition.trigger.type,
    active_since: series.activeSince,
    audience:
      audience === null
        ? null
        : await reportAudience(pool, { workspaceId, filter: audience, moment, timeoutMs }),
    silence,
    dates,
    people,
    turned_away: refusals,
    steps,
  };
}

interface Seen {
  readonly series: ActiveSeries & { readonly state: string };
  readonly definition: SeriesDefinition;
  readonly moment: Moment;
  readonly turnedAway: SeriesReport['turned_away'];
  readonly steps: StepReport[];
  readonly people: SeriesReport['people'];
  readonly dates: DateOutlook | null;
  readonly silence: Silence | null;
}

async function peopleOf(
  client: Client,
  snapshot: SnapshotOptions,
  series: Seen['series'],
  definition: SeriesDefinition,
  asked: DatesAsked,
): Promise<SeriesReport['people']> {
  const everyone: Filter = { kind: 'everyone', path: '' };
  const dates = await datePlacesOf(client, snapshot, definition, asked);
  const rows = await overAudience<{ why: Standing; people: number }>(
    client,
    snapshot,
    definition.audience ?? everyone,
    (parts) => standings(parts, series, definition, dates),
  );
  return rows.map(({ why, people }) => ({
    why,
    people,
    text: standingWords(why, people, definition, series.state),
  }));
}

async function turnedAway(
  client: Client,
  workspaceId: string,
  key: string,
): Promise<SeriesReport['turned_away']> {
  const { rows } = await client.query<SeriesReport['turned_away'][number]>(countRefusals, [workspaceId, key]);
  return rows;
}

async function stepsOf(
  client: Client,
  workspaceId: string,
  { key, steps }: SeriesDefinition,
): Promise<StepReport[]> {
  const values = [workspaceId, key];
  const { rows: trod } = await client.query<{ step: string; what: Footprint['what']; people: number }>(
    countTrail,
    values,
  );
  const { rows: standing } = await client.query<{ step: string; people: number }>(countStanding, values);
  const known = steps.map((step) => step.key);
  const others = [...trod, ...standing].map(({ step }) => step).filter((step) => !known.includes(step));
  return [...known, ...new Set(others)].map((step) => ({
    step,
    type: steps.find((each) => each.key === step)?.type ?? null,
    here: standing.find((each) => each.step === step)?.people ?? 0,
    happened: Object.fromEntries(
      trod.flatMap((each) => (each.step === step ? [[each.what, each.people]] : [])),
    ),
  }));
}

const countRefusals = `
  SELECT reason, count(DISTINCT end_user_id)::integer AS people, max(decided_at) AS last_at
  FROM series_decisions WHERE workspace_id = $1 AND series_key = $2
  GROUP BY reason ORDER BY people DESC, reason`;

const countTrail = `
  SELECT t.step, t.what, count(DISTINCT t.enrollment_id)::integer AS people
  FROM enrollments e
  JOIN enrollment_trail t ON t.workspace_id = e.workspace_id AND t.enrollment_id = e.id
  WHERE e.workspace_id = $1 AND e.series_key = $2
  GROUP BY t.step, t.what ORDER BY t.step, people DESC, t.what`;

const countStanding = `
  SELECT e.step, count(*)::integer AS people FROM enrollments e
  WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active' AND e.step IS NOT NULL
  GROUP BY e.step ORDER BY e.step`;
