import { refuse } from '../errors/index.js';
import type { Client, Pool } from '../database/pool.js';
import { beginInWorkspace } from '../database/workspace.js';
import { textFault } from './json.js';
import type { WhichUser } from './read.js';

/** Rows held in memory at once. */
const batch = 200;

/**
 * Everything about one person as NDJSON: lines `{ "type", "data" }`, each with its line break, in this order: `user`,
 * `company`, `context_entry`, `event`, `enrollment`, `date_entry`, `decision` (of a series at its entrance), `delivery`,
 * `broadcast_recipient`, `segment_membership`, `segment_turn` (when they entered and left one), `segment_override`, `inbox_message`, `email_feedback`, `refusal` (of what was sent of them and
 * not stored), `suppression`, `unsubscribe`. All of it is as it was at one moment. It is read through a cursor, on a connection that is the reader's until the last line or
 * until the reader stops.
 *
 * Errors, at the first line: `no_such_user`.
 */
export async function* exportUser(
  pool: Pool,
  { workspaceId, userId }: WhichUser,
): AsyncGenerator<string, void, undefined> {
  const nobody = (): never => refuse('no_such_user', { user_id: userId, workspace: workspaceId });
  if (textFault(userId) !== null) nobody();
  const client = await pool.connect();
  let broken = true;
  try {
    await beginInWorkspace(pool, client, workspaceId, { isolation: 'repeatable read', readOnly: true });
    const { rows } = await client.query<{ id: string }>(
      'SELECT u.id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2',
      [workspaceId, userId],
    );
    const person = rows[0]?.id ?? nobody();
    for (const [type, select] of parts) yield* part(client, type, select, [workspaceId, person]);
  } finally {
    broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    client.release(broken);
  }
}

async function* part(
  client: Client,
  type: string,
  select: string,
  values: readonly string[],
): AsyncGenerator<string, void, undefined> {
  await client.query(`DECLARE muster_export NO SCROLL CURSOR FOR ${select}`, [...values]);
  for (;;) {
    const { rows } = await client.query<{ data: string }>(`FETCH ${batch} FROM muster_export`);
    for (const { data } of rows) yield `{"type":"${type}","data":${data}}\n`;
    if (rows.length < batch) break;
  }
  await client.query('CLOSE muster_export');
}

const ofPerson = (table: string, order: string): string => `
  SELECT (to_jsonb(x) - '{workspace_id,end_user_id}'::text[])::text AS data FROM ${table} AS x
  WHERE x.workspace_id = $1 AND x.end_user_id = $2 ORDER BY ${order}`;

const onList = (table: string, order: string): string => `
  SELECT (to_jsonb(x) - '{workspace_id,hash}'::text[])::text AS data
  FROM end_users AS u JOIN ${table} AS x ON x.workspace_id = $1 AND (
    x.kind = 'user_id' AND x.hash = muster_identifier_hash($1, 'user_id', u.user_id)
    OR x.kind = 'email' AND x.hash = muster_identifier_hash($1, 'email', u.email)
  )
  WHERE u.workspace_id = $1 AND u.id = $2 ORDER BY ${order}`;

const parts: readonly (readonly [type: string, select: string])[] = [
  [
    'user',
    `SELECT (to_jsonb(u) - '{workspace_id,awaits_identify}'::text[])::text AS data
     FROM end_users AS u WHERE u.workspace_id = $1 AND u.id = $2`,
  ],
  [
    'company',
    `SELECT (to_jsonb(c) - 'workspace_id')::text AS data
     FROM end_users AS u JOIN companies AS c ON c.workspace_id = $1 AND c.company_id = u.company_id
     WHERE u.workspace_id = $1 AND u.id = $2`,
  ],
  ['context_entry', ofPerson('context_entries', 'x.key')],
  ['event', ofPerson('events', 'x.occurred_at')],
  ['enrollment', ofPerson('enrollments', 'x.id')],
  ['date_entry', ofPerson('date_entries', 'x.at, x.series_key, x.field, x.day')],
  ['decision', ofPerson('series_decisions', 'x.decided_at, x.id')],
  ['delivery', ofPerson('deliveries', 'x.created_at, x.id')],
  ['broadcast_recipient', ofPerson('broadcast_recipients', 'x.run_id, x.number')],
  ['segment_membership', ofPerson('segment_members', 'x.entered_at, x.segment_key')],
  ['segment_turn', ofPerson('segment_turns', 'x.id')],
  ['segment_override', ofPerson('segment_overrides', 'x.segment_key')],
  ['inbox_message', ofPerson('inbox_messages', 'x.created_at, x.delivery_id')],
  ['email_feedback', ofPerson('email_feedback', 'x.at, x.feedback_id')],
  [
    'refusal',
    `SELECT (to_jsonb(r) - '{workspace_id,id}'::text[])::text AS data
     FROM end_users AS u JOIN ingest_refusals AS r ON r.workspace_id = $1
       AND (r.user_id = u.user_id OR r.user_id IS NULL AND r.anonymous_id = u.anonymous_id)
     WHERE u.workspace_id = $1 AND u.id = $2 ORDER BY r.id`,
  ],
  ['suppression', onList('suppressions', 'x.kind, x.hash')],
  ['unsubscribe', onList('unsubscribes', 'x.kind, x.hash, x.topic')],
];
