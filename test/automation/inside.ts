import type { Pool } from '../../src/database/pool.js';
import { silentLogger } from '../../src/automation/logger.js';
import { workspace } from './support.js';

/** Options of an intake that is called by hand. */
export const intake = { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger };

export const send = (key: string, channel = 'log'): object => ({
  type: 'send',
  key,
  channel,
  message: { text: `${key} for {{ name|you }}` },
});

export const days = (amount: number): unknown => [amount, 'days'];

/** A series on `user_created` with these steps. */
export function stepsOf(key: string, steps: readonly object[], more: object = {}): object {
  return { key, name: key, trigger: { type: 'user_created' }, steps, ...more };
}

const moving: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['enrollments', ['since', 'entered_at', 'happened_at']],
  ['work', ['due_at', 'created_at']],
  ['deliveries', ['attempted_at', 'created_at', 'delivered_at']],
  ['enrollment_trail', ['at']],
  ['series_decisions', ['decided_at']],
];

/** Lets an SQL interval pass, by moving everything that lies behind so much further back. */
export async function pass(pool: Pool, interval: string): Promise<void> {
  for (const [table, columns] of moving) {
    const set = columns.map((column) => `${column} = ${column} - $1::interval`).join(', ');
    await pool.query(`UPDATE ${table} SET ${set}`, [interval]);
  }
}

/** Each enrolment as `user series state reason step`, what is missing left out. */
export async function standing(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `SELECT concat_ws(' ', u.user_id, e.series_key, e.state, e.reason, e.step) AS line
     FROM enrollments e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}

/** What happened on the way, as `step what detail`. */
export async function trailOf(pool: Pool, userId: string): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `SELECT concat_ws(' ', t.step, t.what, t.detail) AS line
     FROM enrollment_trail t
     JOIN enrollments e ON e.workspace_id = t.workspace_id AND e.id = t.enrollment_id
     JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     WHERE u.workspace_id = $1 AND u.user_id = $2 ORDER BY t.id`,
    [workspace, userId],
  );
  return rows.map(({ line }) => line);
}

/** The only row of a query that must have one. */
export async function one<Row extends Record<string, unknown>>(pool: Pool, text: string): Promise<Row> {
  const { rows } = await pool.query<Row>(text);
  if (rows.length !== 1 || rows[0] === undefined) throw new Error(`${rows.length} rows of: ${text}`);
  return rows[0];
}

/** Seconds until the only live work row is due; negative once it is. */
export async function dueIn(pool: Pool): Promise<number> {
  const { seconds } = await one<{ seconds: number }>(
    pool,
    `SELECT extract(epoch FROM due_at - statement_timestamp())::double precision AS seconds FROM work
     WHERE state IN ('pending', 'enqueued', 'claimed')`,
  );
  return seconds;
}
