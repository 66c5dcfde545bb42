import { MusterError } from '../../../src/errors/index.js';
import type { Pool } from '../../../src/database/pool.js';

export const workspace = 'sample';

/** A broadcast to everybody on the log channel, with other parts in place of its own. */
export function broadcastOf(key: string, more: object = {}): Record<string, unknown> {
  return {
    key,
    name: key,
    audience: { everyone: true },
    channel: 'log',
    message: { text: 'Hello {{ name|there }}' },
    ...more,
  };
}

export async function addWorkspace(pool: Pool, id = workspace, zone = 'Europe/Berlin'): Promise<void> {
  await pool.query('INSERT INTO workspaces (workspace_id, name, zone) VALUES ($1, $1, $2)', [id, zone]);
}

export interface NewPerson {
  readonly userId: string;
  readonly name?: string;
  readonly email?: string;
  readonly custom?: Readonly<Record<string, unknown>>;
}

/** Answers internal ids by `user_id`. */
export async function addPeople(
  pool: Pool,
  people: readonly NewPerson[],
  workspaceId = workspace,
): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; user_id: string }>(
    `INSERT INTO end_users (workspace_id, user_id, name, email, custom_fields)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) RETURNING id, user_id`,
    [
      workspaceId,
      people.map(({ userId }) => userId),
      people.map(({ name }) => name ?? null),
      people.map(({ email }) => email ?? null),
      people.map(({ custom = {} }) => JSON.stringify(custom)),
    ],
  );
  return new Map(rows.map((row) => [row.user_id, row.id]));
}

/** Codes and places of what a refusal names. */
export async function refusal(work: Promise<unknown>): Promise<[string, string][]> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path]);
    throw error;
  }
  return [];
}

export interface RecipientRow {
  readonly user_id: string | null;
  readonly number: number;
  readonly verdict: string;
  readonly variant: string;
  readonly state: string;
  readonly reason: string | null;
  readonly due_at: Date | null;
}

export async function recipientsOf(
  pool: Pool,
  key: string,
  workspaceId = workspace,
): Promise<RecipientRow[]> {
  const { rows } = await pool.query<RecipientRow>(
    `SELECT u.user_id, r.number, r.verdict, r.variant, r.state, r.reason, r.due_at
     FROM broadcast_recipients r
     JOIN broadcast_runs run ON run.workspace_id = r.workspace_id AND run.id = r.run_id
     LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id
     WHERE r.workspace_id = $1 AND run.broadcast_key = $2 ORDER BY r.number`,
    [workspaceId, key],
  );
  return rows;
}
