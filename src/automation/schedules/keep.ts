import type { Client } from '../../database/pool.js';
import { databaseClock } from './clock.js';
import { planFault } from './plan.js';
import { scheduleColumns, settle } from './settle.js';
import type { ScheduleName, ScheduleRow } from './settle.js';

/** What whoever owns a schedule tells it, in the transaction that changes the owner. What came about before is settled first. */

/**
 * Keeps when something comes about; null where it does no longer. The same plan again changes nothing; another one holds
 * from now on.
 *
 * @param plan the document as it was written, checked, with its type
 * @param options whether a schedule that was not there before begins paused; one that was there stays as it is
 */
export async function keepSchedule(
  client: Client,
  name: ScheduleName,
  plan: unknown,
  { paused = false }: { readonly paused?: boolean } = {},
): Promise<void> {
  const { workspace, kind, key } = name;
  const row = await hold(client, name);
  if (plan === null) {
    if (row !== null) await client.query(removeSchedule, [workspace, kind, key]);
    return;
  }
  const values = [workspace, kind, key, JSON.stringify(plan), paused];
  if (row !== null) {
    const { rows } = await client.query<{ same: boolean }>(comparePlan, values.slice(0, 4));
    if (rows[0]?.same === true) return;
    await settleReadable(client, row);
  }
  await client.query(putSchedule, values);
}

/** What comes about while it is paused is skipped. Answers whether there is such a schedule. */
export async function pauseSchedule(client: Client, name: ScheduleName, paused: boolean): Promise<boolean> {
  const row = await hold(client, name);
  if (row === null) return false;
  if (row.paused === paused) return true;
  await settleReadable(client, row);
  await client.query(setPaused, [name.workspace, name.kind, name.key, paused]);
  return true;
}

/** A plan that cannot be read any more names nothing; it must not stand in the way of a better one. */
async function settleReadable(client: Client, row: ScheduleRow): Promise<void> {
  if (planFault(row.plan) === null) await settle(client, [row], await databaseClock(client));
}

async function hold(client: Client, { workspace, kind, key }: ScheduleName): Promise<ScheduleRow | null> {
  const { rows } = await client.query<ScheduleRow>(holdSchedule, [workspace, kind, key]);
  return rows[0] ?? null;
}

const holdSchedule = `
  SELECT ${scheduleColumns}
  FROM schedules s LEFT JOIN workspaces w ON w.workspace_id = s.workspace_id
  WHERE s.workspace_id = $1 AND s.kind = $2 AND s.key = $3
  FOR NO KEY UPDATE OF s`;

const comparePlan = `
  SELECT plan = $4::jsonb AS same FROM schedules WHERE workspace_id = $1 AND kind = $2 AND key = $3`;

const removeSchedule = `DELETE FROM schedules WHERE workspace_id = $1 AND kind = $2 AND key = $3`;

const putSchedule = `
  INSERT INTO schedules (workspace_id, kind, key, plan, paused)
  VALUES ($1, $2, $3, $4::jsonb, $5)
  ON CONFLICT (workspace_id, kind, key) DO UPDATE
  SET plan = EXCLUDED.plan, since = EXCLUDED.since, decided_until = EXCLUDED.decided_until, zone = NULL,
    next_at = EXCLUDED.next_at`;

const setPaused = `
  UPDATE schedules
  SET paused = $4, resumed_at = CASE WHEN $4 THEN resumed_at ELSE date_trunc('milliseconds', statement_timestamp()) END
  WHERE workspace_id = $1 AND kind = $2 AND key = $3`;
