import type { UserRecord } from '../../filter/record.js';
import type { WorkspaceCap } from '../workspace-caps.js';

/** The columns of `personColumns`. */
export interface PersonRow {
  readonly person: UserRecord;
  readonly company: UserRecord['company'];
  /** No message may be sent to them. */
  readonly suppressed: boolean;
  readonly zone_field: string;
  readonly workspace_zone: string;
  /** Of the workspace, for everything that it sends. */
  readonly workspace_caps: readonly WorkspaceCap[];
}

/**
 * A person as the machine reads them, for a SELECT in which `from` has `workspace_id` and `end_user_id`. Each lookup is
 * fenced (OFFSET 0): the batches are small and the tables are not, and a planner without statistics would read a whole
 * workspace for each batch. `topic` is SQL for what the messages are about, which the person may have unsubscribed from.
 */
export const personColumns = `u.row AS person, c.row AS company, u.suppressed,
    coalesce(ws.zone, 'UTC') AS workspace_zone, coalesce(ws.person_zone_field, 'timezone') AS zone_field,
    coalesce(ws.frequency_caps, '[]') AS workspace_caps`;

export const personJoins = (from: string, topic = `''`): string => `
  CROSS JOIN LATERAL (
    SELECT to_jsonb(u) AS row, u.company_id,
      EXISTS (SELECT FROM muster_suppressing(u.workspace_id, u.user_id, u.email, ${topic})) AS suppressed
    FROM end_users u
    WHERE u.workspace_id = ${from}.workspace_id AND u.id = ${from}.end_user_id OFFSET 0
  ) AS u
  LEFT JOIN LATERAL (
    SELECT to_jsonb(c) AS row FROM companies c
    WHERE c.workspace_id = ${from}.workspace_id AND c.company_id = u.company_id OFFSET 0
  ) AS c ON true
  LEFT JOIN LATERAL (
    SELECT w.zone, w.person_zone_field, w.frequency_caps FROM workspaces w WHERE w.workspace_id = ${from}.workspace_id OFFSET 0
  ) AS ws ON true`;

/** Now, on the clock of Postgres, in milliseconds since 1970 (UTC). */
export const nowColumn = `floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now`;
/** The instant of a column, in the same. */
export const millis = (column: string): string =>
  `floor(extract(epoch FROM ${column}) * 1000)::double precision`;
