/** Days for which runs that were made or skipped are kept. */
const runsKept = 90;

/** Days for which it is kept who entered and left a segment. */
const turnsKept = 90;

/** Days for which it is remembered which date let somebody in: far longer than a clock goes astray. */
const datesKept = 800;

const removeOld = (table: string, column: string, key: string, days: number): string => `
  DELETE FROM ${table} WHERE (workspace_id, ${key}) IN (
    SELECT workspace_id, ${key} FROM ${table}
    WHERE ${column} < statement_timestamp() - interval '${days} days' ORDER BY ${column} LIMIT 10000
  )`;

/** Statements that remove some of what has been kept long enough. */
export const removeOldRuns: readonly string[] = [
  removeOld('schedule_runs', 'finished_at', 'kind, key, scheduled_for', runsKept),
  removeOld('schedule_skips', 'decided_at', 'kind, key, first_for', runsKept),
  removeOld('segment_turns', 'at', 'id', turnsKept),
  removeOld('date_entries', 'at', 'series_key, end_user_id, field, day', datesKept),
];
