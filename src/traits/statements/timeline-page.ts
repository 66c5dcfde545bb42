/**
 * A page of one person's timeline: `$1` workspace, `$2` internal id, `$3` and `$4` the instant and the key behind which it begins,
 * `$5` how many. Each source gives its own newest rows; only those of a page are put in order together.
 */

interface Source {
  readonly at: string;
  /** An expression that is unique within the kind: of entries at one instant it decides the order. */
  readonly id: string;
  /** Pairs of a key of `data` and its expression. */
  readonly data: Readonly<Record<string, string>>;
  readonly from: string;
}

const ofPerson = (table: string): string => `${table} AS x WHERE x.workspace_id = $1 AND x.end_user_id = $2`;

const sameIdentifier = `(
  x.kind = 'user_id' AND x.hash = muster_identifier_hash($1, 'user_id', u.user_id)
  OR x.kind = 'email' AND x.hash = muster_identifier_hash($1, 'email', u.email)
)`;
const onList = (table: string): string => `end_users AS u
  JOIN ${table} AS x ON x.workspace_id = $1 AND ${sameIdentifier}
  WHERE u.workspace_id = $1 AND u.id = $2`;

const named = (...columns: string[]): Record<string, string> =>
  Object.fromEntries(columns.map((column) => [column, `x.${column}`]));

/**
 * No index has one person's events by time alone, and one more would be written for each event. So each name that the person has is
 * looked up by itself, and the newest of it are read.
 */
const events = `(
  WITH RECURSIVE name (event) AS (
    (SELECT e.event FROM events AS e WHERE e.workspace_id = $1 AND e.end_user_id = $2 ORDER BY e.event LIMIT 1)
    UNION ALL
    SELECT (
      SELECT e.event FROM events AS e WHERE e.workspace_id = $1 AND e.end_user_id = $2 AND e.event > name.event
      ORDER BY e.event LIMIT 1
    ) FROM name WHERE name.event IS NOT NULL
  )
  SELECT newest.* FROM name CROSS JOIN LATERAL (
    SELECT e.* FROM events AS e
    WHERE e.workspace_id = $1 AND e.end_user_id = $2 AND e.event = name.event AND e.occurred_at <= $3::timestamptz
      AND (e.occurred_at, 'event:' || e.id) < ($3::timestamptz, $4::text COLLATE "C")
    ORDER BY e.occurred_at DESC, e.id DESC LIMIT $5::integer
  ) AS newest
) AS x WHERE true`;

const sources = {
  created: {
    at: 'x.created_at',
    id: 'x.id',
    data: { first_seen: 'x.first_seen' },
    from: `end_users AS x WHERE x.workspace_id = $1 AND x.id = $2`,
  },
  event: {
    at: 'x.occurred_at',
    id: 'x.id',
    data: named('event', 'properties', 'message_id', 'received_at'),
    from: events,
  },
  series_entered: {
    at: 'x.entered_at',
    id: 'x.id',
    data: { series: 'x.series_key', happening_name: 'x.happening_name', ...named('version', 'happening') },
    from: `${ofPerson('enrollments')} AND x.state <> 'held_out'`,
  },
  series_held_out: {
    at: 'x.entered_at',
    id: 'x.id',
    data: { series: 'x.series_key', ...named('version') },
    from: `${ofPerson('enrollments')} AND x.state = 'held_out'`,
  },
  series_left: {
    at: 'x.finished_at',
    id: 'x.id',
    data: { series: 'x.series_key', ...named('version', 'state', 'reason') },
    from: `${ofPerson('enrollments')} AND x.finished_at IS NOT NULL AND x.state <> 'held_out'`,
  },
  series_refused: {
    at: 'x.decided_at',
    id: 'x.id',
    data: { series: 'x.series_key', ...named('version', 'happening', 'decision', 'reason') },
    from: ofPerson('series_decisions'),
  },
  delivery: {
    at: 'x.attempted_at',
    id: 'x.id',
    data: {
      delivery: 'x.id',
      series: 'x.series_key',
      type: 'x.kind',
      error: 'x.last_error',
      ...named('step', 'channel', 'state', 'attempts', 'delivered_at'),
    },
    from: ofPerson('deliveries'),
  },
  broadcast: {
    at: 'coalesce(x.sent_at, x.attempted_at, run.launched_at)',
    id: `(x.run_id || '.' || x.number)`,
    data: {
      broadcast: 'run.broadcast_key',
      run: 'run.run',
      test: 'run.test',
      delivery: 'muster_delivery_id(run.delivery_base, x.number)',
      ...named('verdict', 'variant', 'state', 'reason', 'attempts', 'due_at'),
    },
    from: `broadcast_recipients AS x
      JOIN broadcast_runs AS run ON run.workspace_id = x.workspace_id AND run.id = x.run_id
      WHERE x.workspace_id = $1 AND x.end_user_id = $2`,
  },
  email_feedback: {
    at: 'x.at',
    id: 'md5(x.feedback_id)',
    data: { feedback: 'x.kind', delivery: 'x.delivery_id', ...named('reason') },
    from: ofPerson('email_feedback'),
  },
  segment_entered: {
    at: 'x.at',
    id: 'x.id',
    data: { segment: 'x.segment_key' },
    from: `(
      SELECT t.id::text, t.segment_key, t.at FROM segment_turns AS t
      WHERE t.workspace_id = $1 AND t.end_user_id = $2 AND t.entered
      UNION ALL
      SELECT 'member.' || m.segment_key, m.segment_key, m.entered_at FROM segment_members AS m
      WHERE m.workspace_id = $1 AND m.end_user_id = $2 AND NOT EXISTS (
        SELECT FROM segment_turns AS t WHERE t.workspace_id = $1 AND t.end_user_id = $2
          AND t.segment_key = m.segment_key AND t.at = m.entered_at AND t.entered
      )
    ) AS x WHERE true`,
  },
  segment_left: {
    at: 'x.at',
    id: 'x.id',
    data: { segment: 'x.segment_key' },
    from: `${ofPerson('segment_turns')} AND NOT x.entered`,
  },
  segment_override: {
    at: 'x.created_at',
    id: 'x.segment_key',
    data: { segment: 'x.segment_key', ...named('member', 'reason', 'until') },
    from: ofPerson('segment_overrides'),
  },
  suppressed: {
    at: 'x.created_at',
    id: `encode(x.hash, 'hex')`,
    data: { by: 'x.kind', ...named('reason', 'source') },
    from: onList('suppressions'),
  },
  unsubscribed: {
    at: 'x.created_at',
    id: `(encode(x.hash, 'hex') || md5(x.topic))`,
    data: { by: 'x.kind', topic: `nullif(x.topic, '')`, ...named('reason', 'source') },
    from: onList('unsubscribes'),
  },
  refused: {
    at: 'x.at',
    id: 'x.id',
    data: named('call', 'code', 'path', 'message', 'value', 'whole', 'message_id'),
    from: `end_users AS u JOIN ingest_refusals AS x ON x.workspace_id = $1
        AND (x.user_id = u.user_id OR x.user_id IS NULL AND x.anonymous_id = u.anonymous_id)
      WHERE u.workspace_id = $1 AND u.id = $2`,
  },
} as const satisfies Record<string, Source>;

export type TimelineKind = keyof typeof sources;

export const timelineKinds = Object.keys(sources);

function select([kind, { at, id, data, from }]: [string, Source]): string {
  const key = `('${kind}:' || ${id}::text) COLLATE "C"`;
  const object = Object.entries(data).map(([name, expression]) => `'${name}', ${expression}`);
  return `(
    SELECT ${at} AS at, ${key} AS key, '${kind}' AS kind, jsonb_build_object(${object.join(', ')}) AS data
    FROM ${from} AND (${at}, ${key}) < ($3::timestamptz, $4::text COLLATE "C")
    ORDER BY 1 DESC, 2 DESC LIMIT $5::integer
  )`;
}

export const timelinePage = `
  SELECT at, key, kind, data, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS place
  FROM (${Object.entries<Source>(sources).map(select).join(' UNION ALL ')}) AS entry
  ORDER BY at DESC, key DESC LIMIT $5::integer`;
