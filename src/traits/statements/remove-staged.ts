import type { Client } from '../../database/pool.js';
import { knownTraitNames } from '../known-traits.js';
import { fieldOfKey, isConcerned } from './told.js';

const kept = knownTraitNames.map(
  (name) => `${name} = CASE WHEN s.emptied ? '${name}' THEN NULL ELSE u.${name} END`,
);

/** Removes the traits that rows of the staging table set to null. Apart from the merge, since few imports have any. */
export async function removeStaged(client: Client, workspaceId: string): Promise<void> {
  await client.query(text, [workspaceId]);
}

/**
 * The text that removes what the rows of `s (user_id, emptied, removed)` name, with the workspace as $1. The outbox hears of
 * people inside a series.
 */
export function removeTraits(source: string): string {
  return `
WITH written AS (
  UPDATE end_users AS u SET
    ${kept.join(',\n  ')},
    custom_fields = u.custom_fields - ARRAY(SELECT jsonb_array_elements_text(coalesce(s.removed, '[]')))
  FROM ${source}
  WHERE u.workspace_id = $1 AND u.user_id = s.user_id
    AND (
      u.custom_fields ?| ARRAY(SELECT jsonb_array_elements_text(s.removed))
      OR EXISTS (
        SELECT FROM jsonb_array_elements_text(s.emptied) AS named (name)
        WHERE to_jsonb(u) ->> named.name IS NOT NULL
      )
    )
  RETURNING u.id, u.user_id, s.emptied, s.removed
)
INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
SELECT $1, 'user_updated', w.id, w.user_id, jsonb_build_object('fields',
  ARRAY(SELECT jsonb_array_elements_text(coalesce(w.emptied, '[]')))
  || ARRAY(SELECT ${fieldOfKey('key')} FROM jsonb_array_elements_text(coalesce(w.removed, '[]')) AS key))
FROM written AS w
WHERE ${isConcerned('w.id')}
ORDER BY w.user_id`;
}

const text = removeTraits('pg_temp.muster_staging AS s');
