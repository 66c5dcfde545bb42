import type { Channel } from '../../src/automation/index.js';
import { saveSeries } from '../../src/automation/index.js';
import { inTransaction } from '../../src/database/transaction.js';
import type { Pool } from '../../src/database/pool.js';
import { workspace } from './servers.js';

export const seriesKey = 'bench';

/** A message, and a month until the next one: so that a delivery has a step to go on to. */
export const message = {
  type: 'send',
  key: 'hello',
  channel: 'log',
  message: { text: 'Hello {{ name|there }}' },
};
export const month = { type: 'wait', key: 'a-month', for: [30, 'days'] };
export const second = { ...message, key: 'again' };

/** Stands in the place of the log channel: answers at once and remembers what it was handed. */
export function instantChannel(heard: (key: string) => void | Promise<void>): Channel {
  return {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'marked',
    deliver: async (_, { idempotencyKey }) => heard(idempotencyKey),
  };
}

export interface Inside {
  /** Other parts of the series, such as its quiet hours. */
  readonly parts?: object;
  readonly steps: readonly object[];
  /** Where everybody stands. */
  readonly step: string;
  readonly count: number;
  /** How often each person is inside; default 1. Fewer people are sooner made. */
  readonly times?: number;
  /** Since when they stand there and when it is due, in milliseconds since 1970 (UTC). */
  readonly since: number;
  readonly dueAt: number;
}

/** Puts people inside a series, as if each had come in by themselves, and lets Postgres settle. */
export async function putInside(pool: Pool, inside: Inside): Promise<void> {
  const { parts, steps, step, count, times = 1, since, dueAt } = inside;
  await saveSeries(pool, workspace, {
    key: seriesKey,
    name: 'Benchmark',
    trigger: { type: 'event', event: 'never' },
    ...parts,
    steps,
  });
  await inTransaction(pool, async (client) => {
    // Foreign keys hold by construction, and the catalogue need not hear of it.
    await client.query('SET LOCAL session_replication_role = replica');
    await client.query(addPeople, [workspace, Math.ceil(count / times)]);
    await client.query(addEnrollments, [workspace, seriesKey, step, new Date(since), count, times]);
    await client.query(addWork, [workspace, new Date(dueAt)]);
  });
  await pool.query('VACUUM (ANALYZE) end_users, enrollments, work, deliveries, enrollment_trail');
  await pool.query('CHECKPOINT');
}

const addPeople = `
  INSERT INTO end_users (workspace_id, user_id, name, custom_fields)
  SELECT $1, 'user-' || n, 'Person ' || n, '{"plan": "pro", "role": "member"}'
  FROM generate_series(1, $2::integer) AS n`;

const addEnrollments = `
  INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, entry, step, since, entered_at)
  SELECT $1, $2, 1, u.id, entry, $3, $4::timestamptz, $4::timestamptz
  FROM end_users u CROSS JOIN generate_series(1, $6::integer) AS entry
  WHERE u.workspace_id = $1
  LIMIT $5`;

const addWork = `
  INSERT INTO work (workspace_id, series_key, enrollment_id, step, visit, due_at)
  SELECT workspace_id, series_key, id, step, visit, $2::timestamptz FROM enrollments WHERE workspace_id = $1`;

/** Everybody left that step, with a delivery each where one is expected, and stands at the next. Throws otherwise. */
export async function expectMoved(
  pool: Pool,
  { step, count, deliveries, next }: { step: string; count: number; deliveries: number; next: string },
): Promise<void> {
  const { rows } = await pool.query<{ done: number; waiting: number; delivered: number; inside: number }>(
    `SELECT (SELECT count(*)::integer FROM work WHERE step = $1 AND state = 'done') AS done,
      (SELECT count(*)::integer FROM work WHERE step = $2 AND state = 'pending') AS waiting,
      (SELECT count(*)::integer FROM enrollments WHERE step = $2 AND state = 'active') AS inside,
      (SELECT count(*)::integer FROM deliveries WHERE state = 'delivered') AS delivered`,
    [step, next],
  );
  const found = rows[0];
  if (
    found?.done !== count ||
    found.waiting !== count ||
    found.inside !== count ||
    found.delivered !== deliveries
  )
    throw new Error(`of ${count} steps and ${deliveries} deliveries there are ${JSON.stringify(found)}`);
}

/** The value that the given share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
