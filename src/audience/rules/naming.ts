import type { Client } from '../../database/pool.js';
import { segmentsIn } from '../../filter/named-in.js';

/** The rules of the workspace's own that name one of these segments, as they are now. */
export async function rulesNaming(
  client: Client,
  workspaceId: string,
  segments: readonly string[],
): Promise<{ key: string; definition: unknown }[]> {
  const { rows } = await client.query<{ key: string; definition: unknown }>(readCurrent, [workspaceId]);
  return rows.filter(({ definition }) => segmentsIn(definition).some((key) => segments.includes(key)));
}

const readCurrent = `
  SELECT key, definition
  FROM (
    SELECT DISTINCT ON (key) key, definition
    FROM rule_versions WHERE workspace_id = $1 ORDER BY key, version DESC
  ) AS newest
  WHERE definition IS NOT NULL ORDER BY key`;
