import type { Client } from '../../database/pool.js';
import { matchingAmong } from '../../audience/people.js';
import { momentOf } from '../../filter/time.js';
import type { SeriesDefinition } from '../series/definition.js';
import { advance } from '../series/machine.js';
import type { ActiveSeries } from './active-series.js';

/** A person at the entrance of a series. */
export interface Entrance {
  /** Internal id of the person's row. */
  readonly endUser: string;
}

/**
 * Lets those people in who are in the audience and have not entered before, with their first work row. Answers how many.
 *
 * The audience is checked for exactly these people, with the same SQL and under the same role as a preview. A person who is
 * gone by now does not enter.
 */
export async function enroll(
  client: Client,
  series: ActiveSeries,
  entrances: readonly Entrance[],
): Promise<number> {
  const definition = series.definition();
  const start = advance(definition, { status: 'entering' }, { outcome: null }, series.now);
  if (start.state.status !== 'active' || start.wakeAt === null) return 0;
  const endUsers = await inAudience(client, series, definition, entrances);
  if (endUsers.length === 0) return 0;
  const { rows } = await client.query<{ entered: number }>(letIn, [
    series.workspace,
    series.key,
    series.version,
    endUsers,
    start.state.step,
    start.state.visit,
    new Date(start.wakeAt).toISOString(),
  ]);
  return rows[0]?.entered ?? 0;
}

async function inAudience(
  client: Client,
  { workspace: workspaceId, now, zone }: ActiveSeries,
  { audience }: SeriesDefinition,
  entrances: readonly Entrance[],
): Promise<string[]> {
  const ids = entrances.map((entrance) => entrance.endUser);
  if (audience === null) return ids;
  return matchingAmong(client, { workspaceId, moment: momentOf(now, zone) }, audience, ids);
}

const letIn = `
  WITH entered AS (
    INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, step, visit)
    SELECT u.workspace_id, $2, $3::integer, u.id, $5, $6::integer
    FROM end_users u
    WHERE u.workspace_id = $1 AND u.id = ANY ($4::uuid[])
    ON CONFLICT (workspace_id, series_key, end_user_id, entry) DO NOTHING
    RETURNING workspace_id, series_key, id, step, visit
  ),
  begun AS (
    INSERT INTO work (workspace_id, series_key, enrollment_id, step, visit, due_at)
    SELECT workspace_id, series_key, id, step, visit, $7::timestamptz FROM entered
    RETURNING 1
  )
  SELECT count(*)::integer AS entered FROM begun`;
