import type { Pool } from 'pg';
import { identify, setContextEntry } from '../../src/traits/index.js';

/** A person with something in every table that is about people; gives the internal id. */
export async function personWithEverything(
  pool: Pool,
  workspaceId: string,
  userId: string,
  email: string,
  events = 3,
): Promise<string> {
  const { user } = await identify(pool, {
    workspaceId,
    userId,
    anonymousId: `visitor of ${userId}`,
    companyId: 'acme',
    companyTraits: { name: 'Acme' },
    traits: { email, secret: `secret of ${userId}` },
  });
  await setContextEntry(pool, { workspaceId, userId, key: 'cart', value: { of: userId } });
  const all = [workspaceId, user.id, userId];
  await pool.query(
    `INSERT INTO events (workspace_id, end_user_id, event, properties, occurred_at)
     SELECT $1, $2, 'seen', jsonb_build_object('n', n, 'by', $3::text), now() FROM generate_series(1, $4::integer) AS n`,
    [...all, events],
  );
  await pool.query(
    `INSERT INTO series (workspace_id, key, name, trigger_type, version) VALUES ($1, 'welcome', 'Welcome', 'user_created', 1)
     ON CONFLICT DO NOTHING`,
    [workspaceId],
  );
  await pool.query(
    `INSERT INTO series_versions (workspace_id, series_key, version, definition) VALUES ($1, 'welcome', 1, '{}')
     ON CONFLICT DO NOTHING`,
    [workspaceId],
  );
  await pool.query(
    `WITH enrolled AS (
       INSERT INTO enrollments (workspace_id, series_key, version, end_user_id) VALUES ($1, 'welcome', 1, $2) RETURNING id
     ), worked AS (
       INSERT INTO work (workspace_id, series_key, enrollment_id, step, due_at) SELECT $1, 'welcome', id, 'hello', now() FROM enrolled
       RETURNING id, enrollment_id, delivery_id
     ), delivered AS (
       INSERT INTO deliveries (workspace_id, id, work_id, enrollment_id, series_key, step, end_user_id, channel, state, delivered_at, message)
       SELECT $1, delivery_id, id, enrollment_id, 'welcome', 'hello', $2, 'inbox', 'delivered', now(), jsonb_build_object('text', $3::text)
       FROM worked RETURNING id
     )
     INSERT INTO inbox_messages (workspace_id, delivery_id, end_user_id, text) SELECT $1, id, $2, $3 FROM delivered`,
    all,
  );
  await pool.query(
    `WITH saved AS (
       INSERT INTO segments (workspace_id, key, name, filter, tracked) VALUES ($1, 'all', 'All', '{"everyone": true}', true)
       ON CONFLICT DO NOTHING
     ), decided AS (
       INSERT INTO series_decisions (workspace_id, series_key, version, end_user_id, happening, decision, reason)
       VALUES ($1, 'welcome', 1, $2, 'user_created', 'entered', 'trigger')
     )
     INSERT INTO email_feedback (workspace_id, feedback_id, kind, end_user_id, reason, at)
     VALUES ($1, 'bounce of ' || $3::text, 'soft_bounce', $2, 'mailbox full', now())`,
    all,
  );
  await pool.query(
    `INSERT INTO segment_members (workspace_id, segment_key, end_user_id, entered_at) VALUES ($1, 'all', $2, now())`,
    all.slice(0, 2),
  );
  await pool.query(
    `WITH turned AS (
       INSERT INTO segment_turns (workspace_id, end_user_id, segment_key, entered, at) VALUES ($1, $2, 'all', false, now())
     )
     INSERT INTO segment_overrides (workspace_id, segment_key, end_user_id, member, reason) VALUES ($1, 'all', $2, true, 'by hand')`,
    all.slice(0, 2),
  );
  await pool.query(
    `INSERT INTO ingest_refusals (workspace_id, call, code, path, message, whole, user_id, anonymous_id)
     VALUES ($1, 'identify', 'trait_type', '/traits/x', 'of ' || $2, false, $2, NULL),
       ($1, 'identify', 'trait_type', '/traits/x', 'of visitor', false, NULL, 'visitor of ' || $2)`,
    [workspaceId, userId],
  );
  return user.id;
}
