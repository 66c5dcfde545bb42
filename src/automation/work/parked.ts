import type { Client } from '../../database/pool.js';

/** A step that nobody comes back to by themselves: given up, or with a delivery of which nobody knows whether it arrived. */
export interface ParkedStep {
  /** Id of the delivery, which providers saw as the idempotency key. */
  readonly id: string;
  /** `unknown`: it may have arrived, and the person waits here. `failed`: given up; the person has gone on or left. */
  readonly state: 'unknown' | 'failed';
  readonly series: string;
  readonly version: number;
  readonly step: string;
  readonly visit: number;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly enrollment: string;
  /** Null where it was never tried, as when the series cannot be read any more. */
  readonly channel: string | null;
  readonly kind: 'send' | 'webhook' | null;
  readonly attempts: number;
  readonly error: string | null;
  /** When the last attempt began; null where there was none. */
  readonly attempted_at: Date | null;
  /** What it can be resolved as. */
  readonly resolvable_as: readonly Resolution[];
}

/** What an operator decides about a parked delivery; see `resolveDelivery`. */
export const resolutions = ['retry', 'delivered', 'skip'] as const;
export type Resolution = (typeof resolutions)[number];

/** The parked steps of a workspace whose `place` lies behind `after`, the oldest first. */
export async function readParkedSteps(
  client: Client,
  workspaceId: string,
  {
    state,
    series,
  }: { readonly state?: ParkedStep['state'] | undefined; readonly series?: string | undefined },
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<(ParkedStep & { readonly place: string })[]> {
  const states = state === undefined ? ['unknown', 'failed'] : [state];
  const { rows } = await client.query<ParkedStep & { place: string }>(listPage, [
    workspaceId,
    states,
    series ?? null,
    after,
    limit,
  ]);
  return rows;
}

/** Whether the machine may come back to `work` of `enrollments`: the person stands there, or was left there broken. */
export const mayReturn = `(
  e.state = 'active' AND e.step = work.step AND e.visit = work.visit OR e.state = 'exited' AND e.reason = 'broken'
)`;

const listPage = `
  SELECT work.id AS place, work.delivery_id AS id, work.state, work.series_key AS series, e.version, work.step, work.visit,
    u.user_id, u.anonymous_id, e.id AS enrollment, d.channel, d.kind, coalesce(d.attempts, 0) AS attempts,
    work.last_error AS error, d.attempted_at,
    CASE WHEN ${mayReturn} THEN ARRAY['retry'] ELSE '{}' END
      || CASE WHEN d.id IS NULL THEN '{}' ELSE ARRAY['delivered'] END || ARRAY['skip'] AS resolvable_as
  FROM work
  JOIN enrollments e ON e.workspace_id = work.workspace_id AND e.id = work.enrollment_id
  JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
  LEFT JOIN deliveries d ON d.workspace_id = work.workspace_id AND d.id = work.delivery_id
  WHERE work.workspace_id = $1 AND work.state IN ('unknown', 'failed') AND work.state = ANY ($2::text[])
    AND ($3::text IS NULL OR work.series_key = $3) AND work.id > $4::bigint
  ORDER BY work.id
  LIMIT $5`;
