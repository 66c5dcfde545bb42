import type { Client } from '../../database/pool.js';
import { parseSeries } from '../series/definition.js';
import type { SeriesDefinition } from '../series/definition.js';

/** A series that takes people in, in its current version. */
export interface ActiveSeries {
  readonly workspace: string;
  readonly key: string;
  readonly version: number;
  /** Earlier happenings do not start it. */
  readonly activeSince: Date;
  /** Instant of this intake on the clock of Postgres, in milliseconds since 1970 (UTC). */
  readonly now: number;
  /** IANA zone of the workspace. */
  readonly zone: string;
  /** Reads the stored definition. It was checked when saved; where a later Muster refuses it, this throws. */
  definition(): SeriesDefinition;
}

/** The active series of a workspace that a kind of happening starts. */
export async function activeSeries(client: Client, workspace: string, kind: string): Promise<ActiveSeries[]> {
  const { rows } = await client.query<Row>(findActiveSeries, [workspace, kind]);
  return rows.map(({ definition, ...row }) => ({
    ...row,
    workspace,
    definition: () => parseSeries(definition),
  }));
}

interface Row {
  key: string;
  version: number;
  activeSince: Date;
  now: number;
  zone: string;
  definition: unknown;
}

const findActiveSeries = `
  SELECT s.key, s.version, s.active_since AS "activeSince", v.definition, coalesce(workspaces.zone, 'UTC') AS zone,
    floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now
  FROM series s
  JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version
  LEFT JOIN workspaces ON workspaces.workspace_id = s.workspace_id
  WHERE s.workspace_id = $1 AND s.trigger_type = $2 AND s.state = 'active'
  ORDER BY s.key`;
