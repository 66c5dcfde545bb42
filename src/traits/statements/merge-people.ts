import { knownTraitNames } from '../known-traits.js';

const merged = knownTraitNames.map((name) => `coalesce(EXCLUDED.${name}, u.${name})`);
const stored = knownTraitNames.map((name) => `u.${name}`);
const set = knownTraitNames.map((name, index) => `${name} = ${merged[index] ?? ''}`);

/**
 * The text that creates and updates everybody in `s`, additively, with the workspace as $1 and whether people who are
 * new are announced as $2; its last part reads `written (user_id, created)`. `first_seen` and `last_seen` are not
 * named: neither a backfill nor an import is a visit.
 *
 * Sorted, so that two of them lock people in one order and cannot wait for each other in a circle; it also keeps the
 * index on `user_id` warm. People who would stay as they are are not written again, so that an import run twice
 * leaves no dead rows and no moved `updated_at`.
 *
 * The fact of a new person is written by the statement that makes the row, and so once: whoever runs the same rows
 * again, after a crash too, finds them there.
 */
export function mergePeople(source: string, answer: string): string {
  // A row that an insert has just made has no earlier transaction in xmax; one that the conflict updated has this one.
  return `
WITH written AS (
  INSERT INTO end_users AS u (workspace_id, user_id, ${knownTraitNames.join(', ')}, custom_fields)
  SELECT $1, s.user_id, ${knownTraitNames.map((name) => `s.${name}`).join(', ')}, s.custom
  FROM ${source}
  ORDER BY s.user_id
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    ${set.join(',\n    ')},
    custom_fields = u.custom_fields || EXCLUDED.custom_fields
  WHERE (${stored.join(', ')}, u.custom_fields)
    IS DISTINCT FROM (${merged.join(', ')}, u.custom_fields || EXCLUDED.custom_fields)
  RETURNING u.*, (u.xmax = 0) AS created
), fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, 'user_created', w.id, w.user_id, jsonb_build_object('fields',
    array_remove(ARRAY[${knownTraitNames.map((name) => `CASE WHEN w.${name} IS NOT NULL THEN '${name}' END`).join(', ')}], NULL)
    || ARRAY(
      SELECT CASE
        WHEN key = '' OR starts_with(key, '/') THEN 'custom:/' || replace(replace(key, '~', '~0'), '/', '~1')
        ELSE 'custom:' || key
      END
      FROM jsonb_object_keys(w.custom_fields) AS key
      ORDER BY key COLLATE "C"
    ))
  FROM written AS w
  WHERE $2::boolean AND w.created
  ORDER BY w.user_id
)
${answer}`;
}
