/**
 * Whether somebody's update is told to the outbox though no call of theirs made it: only while they are inside a series,
 * where a trait may be what is waited for. A backfill or an import of people whom nothing concerns writes their rows alone.
 */
export const isConcerned = (person: string): string =>
  `EXISTS (
    SELECT FROM enrollments AS e
    WHERE e.workspace_id = $1 AND e.end_user_id = ${person} AND e.state = 'active'
  )`;

/** A custom trait's name as a field of the language; a key that starts with a slash is written as a JSON Pointer, because `custom:/a` already is one. */
export const fieldOfKey = (key: string): string =>
  `CASE
    WHEN ${key} = '' OR starts_with(${key}, '/') THEN 'custom:/' || replace(replace(${key}, '~', '~0'), '/', '~1')
    ELSE 'custom:' || ${key}
  END`;
