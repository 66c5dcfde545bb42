import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { seriesByKey } from '../outbox/active-series.js';
import type { FeedbackKind } from '../channels/email/feedback.js';
import type { Happening, RefusalReason } from './moves.js';
import { personOf } from './people.js';
import type { EnrollmentState } from './people.js';

/** Everything that a series did with one person, from the trigger to the last delivery. */
export interface Story {
  readonly user_id: string;
  readonly series: string;
  /** When any channel last reached them. */
  readonly last_contacted_at: Date | null;
  /** Whether nothing may be sent to them now. */
  readonly suppressed: boolean;
  /** Entries, the first one first. */
  readonly entries: readonly StoryEntry[];
  /** Times at which they were turned away at the entrance, the last 100, the latest first; kept for 30 days. */
  readonly refusals: readonly {
    readonly happening: Happening['kind'];
    /** `paused`: the series was paused when it happened, or when it was looked at. */
    readonly reason: RefusalReason | 'paused' | 'too_late';
    readonly version: number;
    readonly at: Date;
  }[];
}

export interface StoryEntry {
  readonly enrollment: string;
  readonly version: number;
  /** What made them enter. */
  readonly happening: { readonly kind: Happening['kind']; readonly name: string | null; readonly at: Date };
  readonly entered_at: Date;
  readonly state: EnrollmentState;
  /** Why it is over; null while it is not. */
  readonly reason: string | null;
  readonly finished_at: Date | null;
  /** What comes next; null once it is over. */
  readonly next: StoryNext | null;
  readonly trail: readonly {
    readonly step: string;
    readonly visit: number;
    readonly what: string;
    readonly detail: string | null;
    readonly at: Date;
  }[];
  readonly deliveries: readonly {
    readonly delivery: string;
    readonly step: string;
    readonly visit: number;
    readonly kind: 'send' | 'webhook';
    readonly channel: string;
    readonly state: 'sending' | 'delivered' | 'failed' | 'unknown';
    readonly attempts: number;
    readonly error: string | null;
    readonly created_at: Date;
    readonly delivered_at: Date | null;
    /** What came back of an e-mail: the worst of it, and how often anything did. */
    readonly feedback: FeedbackKind | null;
    readonly feedback_count: number;
  }[];
}

export interface StoryNext {
  readonly step: string;
  readonly visit: number;
  readonly since: Date;
  /** `held`: it is due, and the series is paused. The others as the queue of record has them. */
  readonly state: 'pending' | 'enqueued' | 'claimed' | 'unknown' | 'held';
  readonly due_at: Date;
  /** Whether a change of their data or an event could move them before. */
  readonly listening: boolean;
  readonly attempts: number;
  readonly error: string | null;
}

/** Errors: `series_not_found`, `no_such_user`. */
export async function storyOf(pool: Pool, workspaceId: string, key: string, userId: string): Promise<Story> {
  const read = async (client: Client): Promise<Story> => {
    if ((await seriesByKey(client, workspaceId, key)) === null) refuse('series_not_found', { key });
    const endUser = await personOf(client, workspaceId, userId);
    const values = [workspaceId, key, endUser];
    const { rows: people } = await client.query<Pick<Story, 'last_contacted_at' | 'suppressed'>>(
      readPerson,
      values,
    );
    const { rows: entries } = await client.query<EntryRow>(readEntries, values);
    const ids = entries.map((entry) => entry.enrollment);
    const { rows: trail } = await client.query<StoryEntry['trail'][number] & Owned>(readTrail, [
      workspaceId,
      ids,
    ]);
    const { rows: deliveries } = await client.query<StoryEntry['deliveries'][number] & Owned>(
      readDeliveries,
      values,
    );
    const { rows: refusals } = await client.query<Story['refusals'][number]>(readRefusals, values);
    return {
      user_id: userId,
      series: key,
      last_contacted_at: people[0]?.last_contacted_at ?? null,
      suppressed: people[0]?.suppressed ?? false,
      entries: entries.map((entry) => entryOf(entry, trail, deliveries)),
      refusals,
    };
  };
  // One moment for all of it.
  return inWorkspace(pool, workspaceId, read, { isolation: 'repeatable read', readOnly: true });
}

interface Owned {
  readonly enrollment: string;
}

interface EntryRow extends Omit<StoryEntry, 'happening' | 'next' | 'trail' | 'deliveries'> {
  happening: Happening['kind'];
  happening_name: string | null;
  happened_at: Date;
  step: string | null;
  visit: number;
  since: Date;
  work_state: StoryNext['state'] | null;
  due_at: Date | null;
  listening: boolean | null;
  attempts: number | null;
  error: string | null;
}

function entryOf(
  row: EntryRow,
  trail: readonly (StoryEntry['trail'][number] & Owned)[],
  deliveries: readonly (StoryEntry['deliveries'][number] & Owned)[],
): StoryEntry {
  const { enrollment, version, entered_at, state, reason, finished_at } = row;
  const { step, visit, since, work_state, due_at } = row;
  const waits = state === 'active' && step !== null && work_state !== null && due_at !== null;
  const { listening, attempts, error } = row;
  return {
    enrollment,
    version,
    happening: { kind: row.happening, name: row.happening_name, at: row.happened_at },
    entered_at,
    state,
    reason,
    finished_at,
    next: waits
      ? {
          step,
          visit,
          since,
          state: work_state,
          due_at,
          listening: listening ?? false,
          attempts: attempts ?? 0,
          error,
        }
      : null,
    trail: ownOf(enrollment, trail),
    deliveries: ownOf(enrollment, deliveries),
  };
}

function ownOf<Row extends Owned>(enrollment: string, rows: readonly Row[]): Omit<Row, 'enrollment'>[] {
  return rows.flatMap(({ enrollment: owner, ...row }) => (owner === enrollment ? [row] : []));
}

const readPerson = `
  SELECT u.last_contacted_at, muster_suppressed(u.workspace_id, u.id, s.topic) AS suppressed
  FROM end_users u
  JOIN series s ON s.workspace_id = u.workspace_id AND s.key = $2
  WHERE u.workspace_id = $1 AND u.id = $3`;

const readEntries = `
  SELECT e.id AS enrollment, e.version, e.happening, e.happening_name, e.happened_at, e.entered_at, e.state, e.reason,
    e.finished_at, e.step, e.visit, e.since, CASE WHEN w.held THEN 'held' ELSE w.state END AS work_state, w.due_at, w.listening,
    w.attempts, w.last_error AS error
  FROM enrollments e
  LEFT JOIN work w ON w.workspace_id = e.workspace_id AND w.enrollment_id = e.id AND w.step = e.step AND w.visit = e.visit
    AND w.state IN ('pending', 'enqueued', 'claimed', 'unknown')
  WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.end_user_id = $3
  ORDER BY e.entry`;

const readTrail = `
  SELECT t.enrollment_id AS enrollment, t.step, t.visit, t.what, t.detail, t.at FROM enrollment_trail t
  WHERE t.workspace_id = $1 AND t.enrollment_id = ANY ($2::bigint[])
  ORDER BY t.id`;

const readDeliveries = `
  SELECT d.enrollment_id AS enrollment, d.id AS delivery, d.step, d.visit, d.kind, d.channel, d.state, d.attempts,
    d.last_error AS error, d.created_at, d.delivered_at, f.feedback, f.feedback_count
  FROM deliveries d
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS feedback_count,
      (array_agg(f.kind ORDER BY array_position(ARRAY['complaint', 'hard_bounce', 'soft_bounce'], f.kind)))[1] AS feedback
    FROM email_feedback f WHERE f.workspace_id = d.workspace_id AND f.delivery_id = d.id
  ) AS f
  WHERE d.workspace_id = $1 AND d.series_key = $2 AND d.end_user_id = $3
  ORDER BY d.created_at, d.visit`;

const readRefusals = `
  SELECT r.happening, r.reason, r.version, r.decided_at AS at FROM series_decisions r
  WHERE r.workspace_id = $1 AND r.end_user_id = $3 AND r.series_key = $2
  ORDER BY r.decided_at DESC, r.id DESC LIMIT 100`;
