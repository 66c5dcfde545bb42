import type { Client } from '../../database/pool.js';
import { mergePeople } from './merge-people.js';

/**
 * Creates and updates everybody in the staging table; see `mergePeople`.
 *
 * @returns how many people were new
 */
export async function mergeStaging(
  client: Client,
  workspaceId: string,
  fireTriggers: boolean,
): Promise<number> {
  const { rows } = await client.query<{ created: number }>(text, [workspaceId, fireTriggers]);
  return rows[0]?.created ?? 0;
}

const text = mergePeople(
  'pg_temp.muster_staging AS s',
  'SELECT (count(*) FILTER (WHERE created))::integer AS created FROM written',
);
