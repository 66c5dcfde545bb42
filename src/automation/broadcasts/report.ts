import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { Breakdown } from './breakdown.js';
import type { WhichRun } from './control.js';
import { parseLaunched } from './parse.js';
import { readRun } from './runs.js';
import type { RunState } from './runs.js';

/** Where everybody stands: `recipients` is the sum of the others at any moment. */
export interface Progress {
  readonly recipients: number;
  readonly sent: number;
  /** To be sent to, or on their way to the channel. */
  readonly pending: number;
  readonly skipped: number;
  readonly failed: number;
  /** The channel may or may not have taken the message. */
  readonly unknown: number;
}

export interface BroadcastReport {
  readonly key: string;
  readonly name: string;
  readonly run: string;
  /** Every launch there was, the latest first, up to 100. */
  readonly runs: readonly { readonly run: string; readonly state: RunState; readonly launched_at: Date }[];
  readonly state: RunState;
  /** Why it is paused: `by_hand`, or `breaker`, with what the channel said last. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly launched_at: Date;
  readonly finished_at: Date | null;
  /** The number before the launch. */
  readonly breakdown: Breakdown;
  readonly progress: Progress;
  /** People not sent to, by reason: a verdict of the launch, or what came after it. */
  readonly skipped: Readonly<Record<string, number>>;
  /** People given up, by what the channel said last; the most frequent 100. */
  readonly failures: readonly { readonly error: string; readonly count: number }[];
  readonly variants: readonly ({ readonly key: string; readonly percent: number } & Progress)[];
  /** Those of whom nobody knows whether it arrived, the first 100. */
  readonly unknown: readonly {
    readonly user_id: string | null;
    readonly delivery: string;
    readonly reason: string;
  }[];
  readonly first_sent_at: Date | null;
  readonly last_sent_at: Date | null;
}

/**
 * How a launch goes, read in one snapshot. Errors: `broadcast_not_found`, `broadcast_run_not_found`.
 */
export async function reportBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run: name }: WhichRun = {},
): Promise<BroadcastReport> {
  return inWorkspace(pool, workspaceId, (client) => read(client, workspaceId, key, name), {
    isolation: 'repeatable read',
    readOnly: true,
  });
}

interface StandRow {
  readonly state: 'pending' | 'sending' | 'sent' | 'skipped' | 'failed' | 'unknown';
  readonly variant: string;
  readonly reason: string | null;
  readonly count: number;
  readonly first_sent: Date | null;
  readonly last_sent: Date | null;
}

async function read(
  client: Client,
  workspaceId: string,
  key: string,
  name: string | undefined,
): Promise<BroadcastReport> {
  const { id, definition, run, state, reason, detail, launched_at, finished_at, breakdown } = await readRun(
    client,
    workspaceId,
    key,
    name,
  );
  const launched = parseLaunched(definition);
  const { rows } = await client.query<StandRow>(countStates, [workspaceId, id]);
  const { rows: runs } = await client.query<BroadcastReport['runs'][number]>(listRuns, [workspaceId, key]);
  const { rows: unknown } = await client.query<BroadcastReport['unknown'][number]>(listUnknown, [
    workspaceId,
    id,
  ]);
  const sentAt = rows.flatMap(({ first_sent: first, last_sent: last }) =>
    [first, last].filter((at) => at !== null),
  );
  const ordered = sentAt.toSorted((one, other) => one.getTime() - other.getTime());
  return {
    key,
    name: launched.name,
    run,
    runs,
    state,
    reason,
    detail,
    launched_at,
    finished_at,
    breakdown,
    progress: progressOf(rows),
    skipped: reasonsOf(rows),
    failures: rows
      .filter((row) => row.state === 'failed')
      .map((row) => ({ error: row.reason ?? '', count: row.count }))
      .toSorted((one, other) => other.count - one.count)
      .slice(0, 100),
    variants: launched.variants.map(({ key: variant, percent }) => ({
      key: variant,
      percent,
      ...progressOf(rows.filter((row) => row.variant === variant)),
    })),
    unknown,
    first_sent_at: ordered[0] ?? null,
    last_sent_at: ordered.at(-1) ?? null,
  };
}

function progressOf(rows: readonly StandRow[]): Progress {
  const count = (...states: readonly StandRow['state'][]): number =>
    rows.filter(({ state }) => states.includes(state)).reduce((total, row) => total + row.count, 0);
  return {
    recipients: rows.reduce((total, row) => total + row.count, 0),
    sent: count('sent'),
    pending: count('pending', 'sending'),
    skipped: count('skipped'),
    failed: count('failed'),
    unknown: count('unknown'),
  };
}

function reasonsOf(rows: readonly StandRow[]): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (const { state, reason, count } of rows) {
    if (state !== 'skipped' || reason === null) continue;
    reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  return reasons;
}

// Texts of failures may differ for each person: they are cut, and those of people who will be tried again are left out.
const countStates = `
  SELECT r.state, r.variant, CASE WHEN r.state IN ('skipped', 'failed') THEN left(r.reason, 200) END AS reason,
    count(*)::integer AS count, min(r.sent_at) AS first_sent, max(r.sent_at) AS last_sent
  FROM broadcast_recipients r
  WHERE r.workspace_id = $1 AND r.run_id = $2
  GROUP BY 1, 2, 3`;

const listRuns = `
  SELECT r.run, r.state, r.launched_at FROM broadcast_runs r
  WHERE r.workspace_id = $1 AND r.broadcast_key = $2 AND NOT r.test ORDER BY r.id DESC LIMIT 100`;

const listUnknown = `
  SELECT u.user_id, muster_delivery_id(run.delivery_base, r.number) AS delivery, coalesce(r.reason, '') AS reason
  FROM broadcast_recipients r
  JOIN broadcast_runs run ON run.workspace_id = r.workspace_id AND run.id = r.run_id
  LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id
  WHERE r.workspace_id = $1 AND r.run_id = $2 AND r.state = 'unknown'
  ORDER BY r.number LIMIT 100`;
