import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, refuse } from '../../errors/index.js';
import { compileExplanation } from '../../filter/explain.js';
import type { Explanation } from '../../filter/explain.js';
import { zoneNamed } from '../../filter/offsets.js';
import { sentenceOf } from '../../filter/sentence.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter } from '../../filter/tree.js';
import { gather } from '../facts/gather.js';
import { seriesByKey } from '../outbox/active-series.js';
import type { ActiveSeries } from '../outbox/active-series.js';
import { readEntrants } from '../outbox/entrants.js';
import type { SeenClause } from '../outbox/seen.js';
import { advance } from './advance.js';
import { definitionCache } from './definitions.js';
import type { Happening, RefusalReason } from './moves.js';
import { personOf } from './people.js';
import { datesAsked } from './report/dates.js';
import { storyOf } from './story.js';
import type { Story } from './story.js';
import { triggerNowOf } from './trigger-now.js';
import type { TriggerNow } from './trigger-now.js';

/** What was decided about one person at the entrance of a series, what would be now, and all that the series did to them. */
export interface SeriesExplanation {
  readonly user_id: string;
  readonly series: string;
  /** The instant asked about. */
  readonly at: Date;
  /** The last decision up to then; null where there was none, or it is older than 30 days and let nobody in. */
  readonly decided: Decided | null;
  readonly now: DecidedNow;
  readonly story: Story;
}

export interface Decided {
  readonly decision: 'entered' | 'held_out' | 'refused';
  /** Why they were refused; null where they were not. `too_late`, `paused`: the series missed them. */
  readonly reason: RefusalReason | 'paused' | 'too_late' | null;
  readonly version: number;
  readonly happening: {
    readonly kind: Happening['kind'];
    readonly name: string | null;
    readonly at: Date | null;
  };
  readonly decided_at: Date;
  /** The clauses that kept them out, with the values that they had then. */
  readonly clauses: readonly (SeenClause & { readonly sentence: string | null })[];
}

/** What would be decided if the trigger came now. Where it is still to come, the decision is `will_enter`; where it cannot come, `refused` for `trigger`. */
export interface DecidedNow {
  readonly version: number;
  readonly decision: Decided['decision'] | 'will_enter';
  readonly reason: RefusalReason | 'paused' | 'archived' | null;
  /** When the trigger comes for this person, as far as that is known. */
  readonly trigger: TriggerNow;
  /** Why they are in the audience or not; null where everybody may enter. */
  readonly audience: Explanation | null;
}

export interface ExplainSeries {
  readonly workspaceId: string;
  readonly key: string;
  readonly userId: string;
  /** Milliseconds since 1970 (UTC); now when left out. */
  readonly at?: number;
}

/**
 * Says for one person what a series decided about them and why, from the record that was made then, and beside it what it
 * would decide now.
 *
 * Errors: `series_not_found`, `no_such_user`, `too_many_events`.
 */
export async function explainSeries(pool: Pool, asked: ExplainSeries): Promise<SeriesExplanation> {
  const { workspaceId, key, userId, at } = asked;
  const found = await inWorkspace(pool, workspaceId, async (client) => {
    const series = (await seriesByKey(client, workspaceId, key)) ?? refuse('series_not_found', { key });
    const endUser = await personOf(client, workspaceId, userId);
    const instant = new Date(at ?? series.now);
    const decided = await lastDecision(client, series, endUser, instant);
    return { at: instant, decided, now: await decideNow(client, series, endUser) };
  });
  return { user_id: userId, series: key, ...found, story: await storyOf(pool, workspaceId, key, userId) };
}

interface DecisionRow {
  readonly decision: Decided['decision'];
  readonly reason: Decided['reason'];
  readonly version: number;
  readonly happening: Happening['kind'];
  readonly happening_name: string | null;
  readonly happened_at: Date | null;
  readonly decided_at: Date;
  readonly seen: readonly SeenClause[];
}

async function lastDecision(
  client: Client,
  { workspace, key }: ActiveSeries,
  endUser: string,
  at: Date,
): Promise<Decided | null> {
  const { rows } = await client.query<DecisionRow>(readLast, [workspace, key, endUser, at.toISOString()]);
  const [row] = rows;
  if (row === undefined) return null;
  const { decision, reason, version, decided_at, seen } = row;
  const words =
    seen.length === 0 ? new Map<string, string>() : await wordsOf(client, workspace, key, version);
  return {
    decision,
    reason,
    version,
    happening: { kind: row.happening, name: row.happening_name, at: row.happened_at },
    decided_at,
    clauses: seen.map((clause) => ({ ...clause, sentence: words.get(clause.path) ?? null })),
  };
}

/** The clauses of a version in English, by their paths; none where this Muster cannot read the version any more. */
async function wordsOf(
  client: Client,
  workspace: string,
  key: string,
  version: number,
): Promise<ReadonlyMap<string, string>> {
  try {
    const { audience, trigger } = await definitionCache()(client)(workspace, key, version);
    const where = trigger.type === 'event' ? trigger.where : null;
    return new Map([...wordsIn('/audience', audience), ...wordsIn('/trigger/where', where)]);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return new Map();
  }
}

function wordsIn(path: string, filter: Filter | null): [string, string][] {
  if (filter === null) return [];
  return leavesOf(filter).map(({ leaf, negated }) => {
    const words = sentenceOf(leaf);
    return [path + leaf.path, negated ? `not (${words})` : words];
  });
}

async function decideNow(
  client: Client,
  series: ActiveSeries & { readonly state: string },
  endUser: string,
): Promise<DecidedNow> {
  const { workspace, key, version, state } = series;
  const definition = await definitionCache()(client)(workspace, key, version);
  const entrant = (await readEntrants(client, series, [endUser])).get(endUser);
  if (entrant === undefined) throw new Error('the person was here a moment ago');
  const { now, zone, workspaceZone } = entrant;
  const subject = {
    workspace,
    endUser,
    definition,
    now,
    enteredAt: now,
    zone,
    workspaceZone,
    delivery: null,
  };
  const [gathered] = await gather(client, [subject]);
  if (gathered === undefined) throw new Error('each person has their facts');
  if (gathered.fault !== null) throw new MusterError([gathered.fault]);
  const person = { ...entrant.user, events: gathered.events };
  const move = advance(
    definition,
    { status: 'entering' },
    {
      person,
      zone,
      workspaceZone,
      suppressed: entrant.suppressed,
      // Asks everything but the trigger.
      happening: { kind: 'by_hand', name: null, properties: {} },
      entries: entrant.entries,
      contacts: gathered.contacts,
      outcome: null,
    },
    now,
  );
  const moment = { now, zone: zoneNamed(workspaceZone) ?? 'UTC' };
  const { audience } = definition;
  const { passed } = await datesAsked(client, workspace, key, now);
  const { rows } = await client.query<{ awaits: boolean }>(readAwaits, [workspace, endUser]);
  const trigger = triggerNowOf(definition.trigger, {
    person,
    zone,
    workspaceZone,
    now,
    passed,
    awaitsIdentify: rows[0]?.awaits ?? false,
  });
  return {
    version,
    ...withTrigger(outcomeOf(move.state, state), trigger),
    trigger,
    audience: audience === null ? null : compileExplanation(audience, moment)(person),
  };
}

function outcomeOf(
  state: ReturnType<typeof advance>['state'],
  series: string,
): Pick<DecidedNow, 'decision' | 'reason'> {
  if (series === 'paused' || series === 'archived') return { decision: 'refused', reason: series };
  if (state.status === 'refused') return { decision: 'refused', reason: state.reason };
  return { decision: state.status === 'held_out' ? 'held_out' : 'entered', reason: null };
}

/** Says `entered` only where the trigger may come at any moment. Whatever else keeps them out is told first. */
function withTrigger(
  outcome: Pick<DecidedNow, 'decision' | 'reason'>,
  { state }: TriggerNow,
): Pick<DecidedNow, 'decision' | 'reason'> {
  if (outcome.decision === 'refused' || state === 'any_time') return outcome;
  if (state !== 'to_come') return { decision: 'refused', reason: 'trigger' };
  return outcome.decision === 'entered' ? { decision: 'will_enter', reason: null } : outcome;
}

const readAwaits = `
  SELECT u.awaits_identify AS awaits FROM end_users u WHERE u.workspace_id = $1 AND u.id = $2`;

const readLast = `
  SELECT * FROM (
    SELECT CASE e.state WHEN 'held_out' THEN 'held_out' ELSE 'entered' END AS decision, NULL AS reason, e.version, e.happening,
      e.happening_name, e.happened_at, e.entered_at AS decided_at, '[]'::jsonb AS seen, 1 AS later
    FROM enrollments e
    WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.end_user_id = $3 AND e.entered_at <= $4
    UNION ALL
    SELECT d.decision, d.reason, d.version, d.happening, d.happening_name, d.happened_at, d.decided_at, d.seen, 0
    FROM series_decisions d
    WHERE d.workspace_id = $1 AND d.series_key = $2 AND d.end_user_id = $3 AND d.decided_at <= $4
  ) AS made
  ORDER BY decided_at DESC, later DESC LIMIT 1`;
