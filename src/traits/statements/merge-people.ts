import { knownTraitNames } from '../known-traits.js';
import { fieldOfKey, isConcerned } from './told.js';

const names = [...knownTraitNames, 'company_id'];
const merged = names.map((name) => `coalesce(EXCLUDED.${name}, u.${name})`);
const stored = names.map((name) => `u.${name}`);
const set = names.map((name, index) => `${name} = ${merged[index] ?? ''}`);

/**
 * The text that creates and updates everybody in `s`, additively, with the workspace as $1 and whether people who are
 * new are announced as $2; its last part, and one more before it, read `written (user_id, created)`. `first_seen` and `last_seen` are not
 * named: neither a backfill nor an import is a visit.
 *
 * Sorted, so that two of them lock people in one order and cannot wait for each other in a circle; it also keeps the
 * index on `user_id` warm. People who would stay as they are are not written again, so that an import run twice
 * leaves no dead rows and no moved `updated_at`.
 *
 * The fact of a new person is written by the statement that makes the row, and so once: whoever runs the same rows
 * again, after a crash too, finds them there. Of people who are updated the outbox hears while they are inside a series;
 * it names the fields that were sent.
 */
export function mergePeople(source: string, answer: string, more?: string): string {
  // A row that an insert has just made has no earlier transaction in xmax; one that the conflict updated has this one.
  return `
WITH written AS (
  INSERT INTO end_users AS u (workspace_id, user_id, ${names.join(', ')}, custom_fields)
  SELECT $1, s.user_id, ${names.map((name) => `s.${name}`).join(', ')}, s.custom
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
  SELECT $1, 'user_created', w.id, w.user_id, jsonb_build_object('fields', ${fieldsOf('w', 'custom_fields')})
  FROM written AS w
  WHERE $2::boolean AND w.created
  ORDER BY w.user_id
), told AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, 'user_updated', w.id, w.user_id, jsonb_build_object('fields', ${fieldsOf('s', 'custom')})
  FROM written AS w JOIN ${source} ON s.user_id = w.user_id
  WHERE NOT w.created AND ${isConcerned('w.id')}
  ORDER BY w.user_id
)${more === undefined ? '' : `, ${more}`}
${answer}`;
}

/** The names of the fields that the row has a value of. */
function fieldsOf(row: string, custom: string): string {
  const known = names.map((name) => `CASE WHEN ${row}.${name} IS NOT NULL THEN '${name}' END`);
  return `array_remove(ARRAY[${known.join(', ')}], NULL)
    || ARRAY(SELECT ${fieldOfKey('key')} FROM jsonb_object_keys(${row}.${custom}) AS key ORDER BY key COLLATE "C")`;
}
