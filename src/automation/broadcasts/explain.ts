import { overAudience } from '../../audience/people.js';
import type { SnapshotOptions } from '../../audience/people.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { explain } from '../../filter/explain.js';
import type { Explanation } from '../../filter/explain.js';
import { shown } from '../../filter/parse/context.js';
import { readUserRecord } from '../../traits/read.js';
import { reachability } from '../channels/properties.js';
import type { Unreachable } from '../channels/reach.js';
import { capInWords } from '../series/cap-since.js';
import { personOf } from '../series/people.js';
import { addressOf, judgedAlone, judgedPeople, sendsSql } from './judge.js';
import type { Judgement } from './judge.js';
import { sendingVerdicts } from './model.js';
import type { Verdict } from './model.js';
import { placesOf } from './places.js';
import { recipientIn } from './recipients.js';
import type { Recipient } from './recipients.js';
import { runUnlessNone } from './runs.js';
import type { Run } from './runs.js';
import { settingsOf } from './settings.js';
import { readDefinition, readOne } from './store.js';
import type { BroadcastStatus } from './store.js';

/** What became of one person in a broadcast, or what would if it were launched now. */
export interface BroadcastExplanation {
  readonly broadcast: string;
  readonly user_id: string;
  readonly state: BroadcastStatus;
  readonly status: 'sent' | 'waiting' | 'not_sent' | 'unknown' | 'not_launched';
  /**
   * Why not, or what it waits for: a verdict, `not_in_audience`, `paused`, `not_due`, `retry`, or what the channel said. Null where
   * there is nothing to say.
   */
  readonly reason: string | null;
  readonly run: { readonly run: string; readonly state: Run['state']; readonly launched_at: Date } | null;
  /** What the launch made of them; null where they were not in the audience then, or before the first launch. */
  readonly recipient: Recipient | null;
  /** What a launch now would make of them; null where there is none to come. */
  readonly next: NextLaunch | null;
  /** Why the channel cannot reach them now; null where it can. */
  readonly unreachable: Unreachable | null;
  /** Entries by which they are sent nothing of this broadcast now. */
  readonly opt_outs: readonly OptOutFound[];
  /** The frequency caps that hold, such as `2 per 7 days`. */
  readonly caps: readonly string[];
  /** Every clause of the audience for them, as they are now. */
  readonly audience: Explanation;
}

export interface NextLaunch {
  readonly verdict: Verdict | 'not_in_audience';
  readonly variant: string | null;
  readonly due_at: Date | null;
  /** Of a duplicate: who has the same address and is sent to. */
  readonly instead: string | null;
}

export interface OptOutFound {
  readonly list: 'suppressions' | 'unsubscribes';
  readonly by: 'user_id' | 'email';
  readonly topic: string | null;
  readonly reason: string;
  readonly source: string;
  readonly at: Date;
}

export interface ExplainBroadcast {
  readonly userId: string;
  /** Default: the latest launch. */
  readonly run?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * Whether one person was sent a broadcast, waits for it, or why not; and before a launch, or between those of one that recurs, what a
 * launch would make of them, by the statement that a launch freezes.
 *
 * Errors: `broadcast_not_found`, `broadcast_run_not_found`, `no_such_user`, `too_many_events`, `audience_timeout`.
 */
export async function explainBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { userId, run: name, timeoutMs = 30_000 }: ExplainBroadcast,
): Promise<BroadcastExplanation> {
  return inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const { state } = await readOne(client, workspaceId, key);
      const { definition, archived } = await readDefinition(client, workspaceId, key);
      const person = await personOf(client, workspaceId, userId);
      const record = await readUserRecord(client, { workspaceId, userId, filter: definition.audience });
      if (record === null) return refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
      const settings = await settingsOf(client, workspaceId);
      const moment = { now: settings.now, zone: settings.zone };
      const run = await runUnlessNone(client, workspaceId, key, name);
      const recipient = run === null ? null : await recipientIn(client, workspaceId, run.id, person);
      const launches = !archived && (run === null || definition.schedule.kind === 'recurring');
      const snapshot = { workspaceId, moment, timeoutMs };
      const places = launches ? await placesOf(client, snapshot, definition, settings) : null;
      const next =
        places === null
          ? null
          : await nextLaunch(client, snapshot, { definition, places, variables: [] }, person);
      const { rows: optOuts } = await client.query<OptOutFound>(findOptOuts, [
        workspaceId,
        person,
        definition.topic ?? '',
      ]);
      return {
        broadcast: key,
        user_id: userId,
        state,
        ...(run === null ? beforeLaunch(next) : afterLaunch(run, recipient, settings.now)),
        run: run === null ? null : { run: run.run, state: run.state, launched_at: run.launched_at },
        recipient,
        next,
        unreachable: reachability(definition.channel, record),
        opt_outs: optOuts,
        caps: definition.frequencyCaps.map(capInWords),
        audience: explain(definition.audience, record, moment),
      };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

type Outcome = Pick<BroadcastExplanation, 'status' | 'reason'>;

function beforeLaunch(next: NextLaunch | null): Outcome {
  const verdict = next?.verdict ?? null;
  const sends = sendingVerdicts.some((each) => each === verdict);
  return { status: 'not_launched', reason: sends ? null : verdict };
}

/** What a launch decided about somebody and what came of it, as a status with its reason. */
export function afterLaunch(
  run: Pick<Run, 'state'>,
  recipient: Pick<Recipient, 'state' | 'reason' | 'verdict' | 'due_at' | 'retry_at'> | null,
  now: number,
): Outcome {
  if (recipient === null) return { status: 'not_sent', reason: 'not_in_audience' };
  const { state, reason, verdict, due_at: dueAt, retry_at: retryAt } = recipient;
  if (state === 'sent') return { status: 'sent', reason: null };
  if (state === 'unknown') return { status: 'unknown', reason };
  if (state === 'skipped') return { status: 'not_sent', reason: reason ?? verdict };
  if (state === 'failed') return { status: 'not_sent', reason: reason ?? 'failed' };
  if (run.state === 'paused') return { status: 'waiting', reason: 'paused' };
  if (retryAt !== null) return { status: 'waiting', reason: 'retry' };
  if (dueAt !== null && dueAt.getTime() > now)
    return { status: 'waiting', reason: verdict === 'deferred' ? 'deferred' : 'not_due' };
  return { status: 'waiting', reason: null };
}

async function nextLaunch(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
  person: string,
): Promise<NextLaunch> {
  const { audience } = judgement.definition;
  const [judged] = await overAudience<Omit<NextLaunch, 'instead'> & { verdict: Verdict }>(
    client,
    snapshot,
    audience,
    (parts) => `SELECT verdict, variant, CASE WHEN ${sendsSql} THEN due_at END AS due_at
      FROM (${judgedPeople(parts, judgement)}) AS judged WHERE id = ${parts.bind(person)}::uuid`,
  );
  if (judged === undefined) return { verdict: 'not_in_audience', variant: null, due_at: null, instead: null };
  const address = judged.verdict === 'duplicate' ? addressOf(judgement.definition) : null;
  if (address === null) return { ...judged, instead: null };
  const [first] = await overAudience<{ person: string | null }>(
    client,
    snapshot,
    audience,
    (parts) => `SELECT person FROM (${judgedAlone(parts, judgement, address)}) AS alone
      WHERE ${sendsSql} AND address = (
        SELECT ${address} FROM end_users u WHERE u.workspace_id = ${parts.workspace} AND u.id = ${parts.bind(person)}::uuid
      )
      ORDER BY user_id COLLATE "C" NULLS LAST, id LIMIT 1`,
  );
  return { ...judged, instead: first?.person ?? null };
}

const entries = (list: string, topic: string): string => `
  SELECT '${list}' AS list, x.kind AS by, ${topic} AS topic, x.reason, x.source, x.created_at AS at
  FROM end_users AS u JOIN ${list} AS x ON x.workspace_id = $1 AND (
    x.kind = 'user_id' AND x.hash = muster_identifier_hash($1, 'user_id', u.user_id)
    OR x.kind = 'email' AND x.hash = muster_identifier_hash($1, 'email', u.email)
  )
  WHERE u.workspace_id = $1 AND u.id = $2`;

const findOptOuts = `${entries('suppressions', 'NULL')}
  UNION ALL ${entries('unsubscribes', "nullif(x.topic, '')")} AND x.topic IN ('', $3)
  ORDER BY at`;
