import { inTransaction } from '../../database/transaction.js';
import type { Client, Pool } from '../../database/pool.js';
import type { Logger } from '../logger.js';
import type { Clock } from './clock.js';
import { planFault } from './plan.js';
import { scheduleColumns, settle } from './settle.js';
import type { ScheduleRow, Settled } from './settle.js';

export interface TickOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Schedules that one tick takes. Default 200. */
  readonly limit?: number;
}

/** What a tick did; `more` where there is more to decide about now. */
export interface Tick extends Settled {
  readonly more: boolean;
}

/**
 * Decides about every schedule that is due. The rows are held while that is written down, and another scheduler passes over
 * them; the key of a run makes it one run even where both came to it.
 *
 * A plan that this Muster refuses holds up no other: it is logged and looked at again after a minute.
 */
export async function tick(pool: Pool, { clock, logger, limit = 200 }: TickOptions): Promise<Tick> {
  return inTransaction(pool, async (client) => {
    const now = await clock(client);
    const { rows } = await client.query<ScheduleRow>(takeDue, [new Date(now).toISOString(), limit]);
    if (rows.length === 0) return { runs: 0, skipped: 0, unfinished: 0, more: false };
    const broken = rows.filter((row) => !isReadable(row, logger));
    await postpone(client, broken, now);
    const settled = await settle(
      client,
      rows.filter((row) => !broken.includes(row)),
      now,
    );
    return { ...settled, more: rows.length === limit || settled.unfinished > 0 };
  });
}

function isReadable({ workspace, kind, key, plan }: ScheduleRow, logger: Logger): boolean {
  const error = planFault(plan);
  if (error !== null)
    logger.error({ workspace, kind, key, error }, 'a schedule cannot be read and starts nothing');
  return error === null;
}

async function postpone(client: Client, rows: readonly ScheduleRow[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await client.query(lookLater, [
    rows.map(({ workspace }) => workspace),
    rows.map(({ kind }) => kind),
    rows.map(({ key }) => key),
    new Date(now).toISOString(),
  ]);
}

// A schedule that was decided about later than now has seen a clock that went back since.
const takeDue = `
  SELECT ${scheduleColumns}
  FROM schedules s LEFT JOIN workspaces w ON w.workspace_id = s.workspace_id
  WHERE s.next_at <= $1::timestamptz OR s.decided_until > $1::timestamptz
  ORDER BY s.next_at
  LIMIT $2
  FOR NO KEY UPDATE OF s SKIP LOCKED`;

const lookLater = `
  UPDATE schedules s SET next_at = $4::timestamptz + interval '1 minute', decided_until = least(decided_until, $4::timestamptz)
  FROM unnest($1::text[], $2::text[], $3::text[]) AS told (workspace_id, kind, key)
  WHERE s.workspace_id = told.workspace_id AND s.kind = told.kind AND s.key = told.key`;
