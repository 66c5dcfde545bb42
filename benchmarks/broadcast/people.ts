import { inTransaction } from '../../src/database/transaction.js';
import type { Pool } from '../../src/database/pool.js';
import { workspace } from '../series/servers.js';

/**
 * A workspace as one is after some years: everybody has a name, an address, a zone and a plan; of each 1,000, one is suppressed
 * by their id, one by their address, one has unsubscribed from all and one from a topic; of each 100, one has no address.
 */
export async function fill(
  pool: Pool,
  people: number,
  { lists = true }: { readonly lists?: boolean } = {},
): Promise<void> {
  await pool.query('TRUNCATE end_users, suppressions, unsubscribes CASCADE');
  await inTransaction(pool, async (client) => {
    // What triggers would tell of concerns nobody here.
    await client.query('SET LOCAL session_replication_role = replica');
    await client.query(addPeople, [workspace, people]);
    await client.query(addSalt, [workspace]);
    if (!lists) return;
    await client.query(addLists('suppressions', ''), [workspace, people, 1]);
    await client.query(addLists('unsubscribes', 'topic,'), [workspace, people, 3]);
  });
  await pool.query('VACUUM (ANALYZE) end_users, suppressions, unsubscribes');
  await pool.query('CHECKPOINT');
}

/** All of them are in the audience, and as many suppressed as were put on the lists. Throws otherwise. */
export function expectBreakdown({ matched, to_send, suppressed }: Counted, people: number): void {
  let forbidden = 0;
  for (let at = 1; at <= 3; at += 1) forbidden += Math.floor((people - at - 1) / 1000) + 1;
  if (matched !== people || suppressed !== forbidden || to_send !== people - forbidden)
    throw new Error(
      `of ${people} people ${matched} matched, ${suppressed} of ${forbidden} are suppressed and ${to_send} are sent to`,
    );
}

interface Counted {
  readonly matched: number;
  readonly to_send: number;
  readonly suppressed: number;
}

const addPeople = `
  INSERT INTO end_users (workspace_id, user_id, name, email, signed_up_at, last_seen, custom_fields)
  SELECT $1, 'user-' || n, 'Person ' || n, CASE WHEN n % 100 <> 99 THEN 'person-' || n || '@example.com' END,
    now() - n * interval '1 minute', now() - n % 5000 * interval '1 hour',
    jsonb_build_object('plan', 'pro', 'role', 'role-' || n % 10, 'seats', n % 1000, 'timezone',
      (ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Europe/London', 'America/Los_Angeles'])[n % 5 + 1])
  FROM generate_series(0, $2::integer - 1) AS n`;

const addSalt = `INSERT INTO identifier_salts (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING`;

/** Of each 1,000 two, by id and by address; of unsubscribed the second is from a topic that nobody asks about. */
const addLists = (table: string, topic: string): string => `
  INSERT INTO ${table} (workspace_id, kind, hash, ${topic} identifier, reason, source)
  SELECT $1, kind, muster_identifier_hash($1, kind, identifier), ${topic === '' ? '' : "CASE kind WHEN 'email' THEN 'other' ELSE '' END,"}
    identifier, 'asked', 'benchmark'
  FROM generate_series(0, $2::integer - 1, 1000) AS n
  CROSS JOIN LATERAL (VALUES
    ('user_id', n + $3::integer, 'user-' || n + $3::integer),
    ('email', n + $3::integer + 1, 'person-' || n + $3::integer + 1 || '@example.com')
  ) AS entry (kind, place, identifier)
  WHERE place < $2::integer`;
