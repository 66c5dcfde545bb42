import { beforeAll, beforeEach, expect, it } from 'vitest';
import { track } from '../../src/traits/index.js';
import { messageDays, pruneMessages, removeMessages } from '../../src/traits/upkeep/messages.js';
import { makeMonthsAhead, startUpkeep } from '../../src/traits/upkeep/start.js';
import { analyzeEvents } from '../../src/traits/upkeep/statistics.js';
import { takeTurn } from '../../src/traits/upkeep/turn.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

const day = 86_400_000;
const now = Date.parse('2026-06-15T12:00:00Z');

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  await db.pool.query('TRUNCATE event_messages, events, end_users CASCADE');
});

const messages = async (): Promise<string[]> => {
  const { rows } = await db.pool.query<{ message_id: string }>(
    'SELECT message_id FROM event_messages ORDER BY 1',
  );
  return rows.map(({ message_id }) => message_id);
};

const months = async (): Promise<string[]> => {
  const { rows } = await db.pool.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

it('a message id is forgotten after 35 days, not before; what comes again later than that is another event', async () => {
  const send = async (messageId: string, at: number): Promise<boolean> => {
    const call = {
      workspaceId: 'w',
      userId: 'u',
      event: 'paid',
      messageId,
      occurredAt: now - 40 * day,
      now: at,
    };
    return (await track(db.pool, call)).stored;
  };
  expect(messageDays).toBe(35);
  await send('old', now - 35 * day - 1);
  await send('edge', now - 35 * day);
  await send('new', now);
  expect(await pruneMessages(db.pool, { now, from: 0 })).toEqual({ removed: 1, next: 0 });
  expect(await messages()).toEqual(['edge', 'new']);
  expect([await send('edge', now), await send('old', now)]).toEqual([false, true]);
  const { rows } = await db.pool.query(
    'SELECT message_id, count(*)::integer FROM events GROUP BY 1 ORDER BY 1',
  );
  expect(rows).toEqual([
    { message_id: 'edge', count: 1 },
    { message_id: 'new', count: 1 },
    { message_id: 'old', count: 2 },
  ]);
});

it('a look goes through its stretch only, and looks that follow each other go through everything, from wherever they begin', async () => {
  await db.pool.query(
    `INSERT INTO event_messages (workspace_id, message_id, received_at)
     SELECT 'w' || i % 3, 'm' || i, $1::timestamptz - CASE WHEN i % 2 = 0 THEN interval '40 days' ELSE interval '30 days' END
     FROM generate_series(1, 4000) AS i`,
    [new Date(now)],
  );
  const { rows } = await db.pool.query<{ blocks: number; most: number }>(
    `SELECT count(*)::integer AS blocks, max(count)::integer AS most
     FROM (SELECT count(*) FROM event_messages GROUP BY (ctid::text::point)[0]) AS of_block`,
  );
  const { blocks = 0, most = 0 } = rows[0] ?? {};
  expect(blocks).toBeGreaterThan(20);
  let from = 2_000_000_007;
  let removed = 0;
  for (let look = 0; look <= Math.ceil(blocks / 7); look += 1) {
    const pruned = await pruneMessages(db.pool, { now, from, stretch: 7 });
    expect(pruned.removed).toBeLessThanOrEqual(7 * most);
    from = pruned.next;
    removed += pruned.removed;
  }
  expect([removed, (await messages()).length]).toEqual([2000, 2000]);
});

it('a look reads its stretch from the disk, and neither the whole table nor an index', async () => {
  const { rows } = await db.pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${removeMessages}`, [
    '(7,0)',
    '(14,0)',
    new Date(now),
  ]);
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Tid Range Scan on event_messages/);
});

it('while another process is at it, a round does nothing and does not wait', async () => {
  await db.pool.query(
    `INSERT INTO event_messages (workspace_id, message_id, received_at) VALUES ('w', 'old', '2020-01-01')`,
  );
  await addEvents(2000);
  const other = await db.pool.connect();
  try {
    await other.query('BEGIN');
    expect([await takeTurn(other, 'event messages'), await takeTurn(other, 'event statistics')]).toEqual([
      true,
      true,
    ]);
    expect(await pruneMessages(db.pool, { now, from: 5 })).toEqual({ removed: 0, next: 5 });
    expect(await analyzeEvents(db.pool)).toBe(false);
    await other.query('ROLLBACK');
  } finally {
    other.release();
  }
  expect(await pruneMessages(db.pool, { now, from: 5 })).toEqual({ removed: 1, next: 0 });
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => analyzeEvents(db.pool)));
  expect(outcomes.filter(Boolean)).toHaveLength(1);
});

it('the month and the next two are made ahead, over the end of a year, by any number of processes at once', async () => {
  const before = await months();
  const at = Date.parse('2041-12-31T23:59:59Z');
  await Promise.all(Array.from({ length: 6 }, () => makeMonthsAhead(db.pool, at)));
  const made = ['events_2041_12', 'events_2042_01', 'events_2042_02'];
  expect(await months()).toEqual([...before, ...made].toSorted());
});

it('events as a whole are analyzed once they are many, and again when they grew or shrank by a fifth', async () => {
  const known = async (): Promise<number> => {
    const { rows } = await db.pool.query<{ reltuples: number }>(
      `SELECT reltuples::integer FROM pg_class WHERE oid = 'events'::regclass`,
    );
    return rows[0]?.reltuples ?? 0;
  };
  await db.pool.query('ANALYZE events');
  await addEvents(900);
  expect(await analyzeEvents(db.pool)).toBe(false);
  await addEvents(9100);
  expect([await analyzeEvents(db.pool), await known()]).toEqual([true, 10_000]);
  const { rows } = await db.pool.query(
    `SELECT attname FROM pg_stats WHERE tablename = 'events' AND inherited AND attname = 'end_user_id'`,
  );
  expect(rows).toHaveLength(1);
  await addEvents(2900);
  expect(await analyzeEvents(db.pool)).toBe(false);
  await addEvents(200);
  expect([await analyzeEvents(db.pool), await known()]).toEqual([true, 13_100]);
  await counted('TRUNCATE events');
  expect([await analyzeEvents(db.pool), await known()]).toEqual([true, 0]);
});

it('rounds go on until they are stopped; a part that fails is told of and keeps no other part from its work', async () => {
  await db.pool.query(
    `INSERT INTO event_messages (workspace_id, message_id, received_at) VALUES ('w', 'old', '2020-01-01')`,
  );
  const errors: unknown[] = [];
  // No month can lie there, so that the part that makes months fails.
  let clock = Date.parse('+010000-01-01T00:00:00Z');
  const upkeep = startUpkeep(db.pool, {
    every: 5,
    onError: (error) => errors.push(error),
    clock: () => clock,
  });
  await expect.poll(messages).toEqual([]);
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  expect(String(errors[0])).toContain('out of range');
  clock = Date.parse('2051-05-05T00:00:00Z');
  await expect.poll(months).toContain('events_2051_07');
  await upkeep.stop();
  const told = errors.length;
  await db.pool.query(
    `INSERT INTO event_messages (workspace_id, message_id, received_at) VALUES ('w', 'old', '2020-01-01')`,
  );
  expect([await messages(), errors.length]).toEqual([['old'], told]);
});

/** Adds events of one month. */
async function addEvents(count: number): Promise<void> {
  await counted(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at)
     SELECT 'w', gen_random_uuid(), 'seen', now() FROM generate_series(1, ${count})`,
  );
}

/** Has the server count at once what the statement changed, not within the second that it takes otherwise. */
async function counted(statement: string): Promise<void> {
  const client = await db.pool.connect();
  try {
    await client.query(statement);
    await client.query('SELECT pg_stat_force_next_flush()');
    await client.query('SELECT 1');
  } finally {
    client.release();
  }
}
