import type { Client } from '../../database/pool.js';
import type { TraitEntity } from './types.js';

/** The keys of every trait that was ever sent or declared, in no order. */
export async function knownTraits(
  client: Client,
  workspaceId: string,
): Promise<Readonly<Record<TraitEntity, readonly string[]>>> {
  const { rows } = await client.query<{ entity: TraitEntity; key: string }>(listKnown, [workspaceId]);
  const keys = (of: TraitEntity): string[] =>
    rows.filter(({ entity }) => entity === of).map(({ key }) => key);
  return { user: keys('user'), company: keys('company') };
}

const listKnown = `
  SELECT entity, key FROM traits WHERE workspace_id = $1
  UNION
  SELECT entity, key FROM trait_changes WHERE workspace_id = $1`;
