import { beforeAll, describe, expect, it } from 'vitest';
import { identify, listContextEntries, setContextEntry, track } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { outboxOf, peopleOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `v${(made += 1)}`;

async function visitorIn(workspaceId: string, columns: Record<string, unknown> = {}): Promise<string> {
  const row = { anonymous_id: 'visitor', custom_fields: {}, ...columns };
  const names = Object.keys(row);
  const { rows } = await db.pool.query<{ id: string }>(
    `INSERT INTO end_users (workspace_id, ${names.join(', ')})
     VALUES ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')}) RETURNING id`,
    [workspaceId, ...Object.values(row)],
  );
  return rows[0]?.id ?? '';
}

async function addEvent(workspaceId: string, endUser: string, event: string): Promise<void> {
  await db.pool.query(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at) VALUES ($1, $2, $3, now())`,
    [workspaceId, endUser, event],
  );
}

async function eventsOf(workspaceId: string, endUser: string): Promise<string[]> {
  const { rows } = await db.pool.query<{ event: string }>(
    'SELECT event FROM events WHERE workspace_id = $1 AND end_user_id = $2 ORDER BY event',
    [workspaceId, endUser],
  );
  return rows.map(({ event }) => event);
}

describe('a visitor who joins a person who is there', () => {
  it('leaves one row: earlier first_seen, the person’s traits win, the visitor’s fill what is missing, events move', async () => {
    const workspaceId = workspace();
    const { user: before } = await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { name: 'Jane', plan: 'pro' },
      now: new Date('2026-05-01T00:00:00Z'),
    });
    await addEvent(workspaceId, before.id, 'signed_in');
    const visitor = await visitorIn(workspaceId, {
      name: 'visitor',
      email: 'j@example.com',
      custom_fields: { plan: 'free', source: 'ad', step: 1 },
      first_seen: '2026-01-01',
      last_seen: '2026-06-01',
    });
    await addEvent(workspaceId, visitor, 'page_viewed');
    const call = { workspaceId, userId: 'jane', anonymousId: 'visitor', traits: { step: 2 } };
    const { user, created } = await identify(db.pool, { ...call, now: new Date('2026-05-02T00:00:00Z') });
    expect(created).toBe(false);
    expect(user).toMatchObject({
      id: before.id,
      anonymous_id: 'visitor',
      name: 'Jane',
      email: 'j@example.com',
      custom_fields: { plan: 'pro', source: 'ad', step: 2 },
      first_seen: new Date('2026-01-01T00:00:00Z'),
      last_seen: new Date('2026-06-01T00:00:00Z'),
    });
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
    expect(await eventsOf(workspaceId, before.id)).toEqual(['page_viewed', 'signed_in']);
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind, payload }) => [kind, payload.fields])).toEqual(
      [
        ['user_created', ['name', 'custom:plan']],
        ['user_updated', ['email', 'custom:source', 'custom:step']],
        ['user_updated', ['custom:step']],
      ],
    );
  });

  it('changes nothing the second time but last_seen', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane' });
    await visitorIn(workspaceId, { custom_fields: { source: 'ad' } });
    const call = { workspaceId, userId: 'jane', anonymousId: 'visitor' };
    const { user: once } = await identify(db.pool, call);
    const facts = await outboxOf(db.pool, workspaceId);
    const { user: twice, created } = await identify(db.pool, call);
    expect(created).toBe(false);
    expect({ ...twice, last_seen: null, updated_at: null }).toEqual({
      ...once,
      last_seen: null,
      updated_at: null,
    });
    expect(await outboxOf(db.pool, workspaceId)).toEqual(facts);
  });

  it('brings the series they were in, and their deliveries and messages; inside one series the person goes on once', async () => {
    const workspaceId = workspace();
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane' });
    const visitor = await visitorIn(workspaceId);
    for (const key of ['welcome', 'tips']) {
      await db.pool.query(
        `WITH s AS (INSERT INTO series (workspace_id, key, name, trigger_type, version) VALUES ($1, $2, $2, 'event', 1))
         INSERT INTO series_versions (workspace_id, series_key, version, definition) VALUES ($1, $2, 1, '{}')`,
        [workspaceId, key],
      );
    }
    const enroll = (key: string, who: string): Promise<unknown> =>
      db.pool.query(
        'INSERT INTO enrollments (workspace_id, series_key, version, end_user_id) VALUES ($1, $2, 1, $3)',
        [workspaceId, key, who],
      );
    await enroll('welcome', user.id);
    await enroll('welcome', visitor);
    await enroll('tips', visitor);
    await db.pool.query(
      `INSERT INTO inbox_messages (workspace_id, delivery_id, end_user_id, text) VALUES ($1, gen_random_uuid(), $2, 'hi')`,
      [workspaceId, visitor],
    );
    await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
    const { rows } = await db.pool.query(
      `SELECT series_key AS key, entry, state, reason FROM enrollments WHERE workspace_id = $1 AND end_user_id = $2
       ORDER BY series_key, entry`,
      [workspaceId, user.id],
    );
    expect(rows).toEqual([
      { key: 'tips', entry: 1, state: 'active', reason: null },
      { key: 'welcome', entry: 1, state: 'active', reason: null },
      { key: 'welcome', entry: 2, state: 'exited', reason: 'joined' },
    ]);
    const messages = await db.pool.query('SELECT end_user_id FROM inbox_messages WHERE workspace_id = $1', [
      workspaceId,
    ]);
    expect(messages.rows).toEqual([{ end_user_id: user.id }]);
  });

  it('brings context entries that the person has not', async () => {
    const workspaceId = workspace();
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane' });
    await setContextEntry(db.pool, { workspaceId, userId: 'jane', key: 'cart', value: [1] });
    const visitor = await visitorIn(workspaceId);
    await db.pool.query(
      `INSERT INTO context_entries (workspace_id, end_user_id, key, value) VALUES ($1, $2, 'cart', '[2]'), ($1, $2, 'page', '"/x"')`,
      [workspaceId, visitor],
    );
    await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
    const entries = await listContextEntries(db.pool, { workspaceId, userId: user.user_id ?? '' });
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['cart', [1]],
      ['page', '/x'],
    ]);
  });

  it('takes the place of an older anonymous id, so that the device in use is the one that is known', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'phone' });
    const visitor = await visitorIn(workspaceId, { anonymous_id: 'laptop' });
    await addEvent(workspaceId, visitor, 'page_viewed');
    const { user } = await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'laptop' });
    expect(user.anonymous_id).toBe('laptop');
    expect(await eventsOf(workspaceId, user.id)).toEqual(['page_viewed']);
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
  });
});

describe('a visitor who is another person', () => {
  it('stays that person’s, with events and traits, and the call goes on without', async () => {
    const workspaceId = workspace();
    const { user: jane } = await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      anonymousId: 'visitor',
      traits: { plan: 'pro' },
    });
    await addEvent(workspaceId, jane.id, 'page_viewed');
    const call = { workspaceId, userId: 'john', anonymousId: 'visitor', traits: { seats: 5 } };
    for (const first of [true, false]) {
      const { user, created } = await identify(db.pool, call);
      expect(created).toBe(first);
      expect(user).toMatchObject({ anonymous_id: null, custom_fields: { seats: 5 } });
      expect(await eventsOf(workspaceId, user.id)).toEqual([]);
    }
    expect(await eventsOf(workspaceId, jane.id)).toEqual(['page_viewed']);
  });
});

const kinds = async (workspaceId: string): Promise<string[]> =>
  (await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind);

describe('`user_created`', () => {
  it('comes once with the first identify of somebody whom an event made', async () => {
    const workspaceId = workspace();
    await db.pool.query(
      `INSERT INTO end_users (workspace_id, user_id, awaits_identify) VALUES ($1, 'jane', true)`,
      [workspaceId],
    );
    await visitorIn(workspaceId, { custom_fields: { source: 'ad' } });
    const call = { workspaceId, userId: 'jane', anonymousId: 'visitor' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => identify(db.pool, call)));
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await kinds(workspaceId)).toEqual(['user_created']);
  });

  it('comes once when 30 calls name one person and the visitor they were', async () => {
    const workspaceId = workspace();
    const visitor = await visitorIn(workspaceId);
    await addEvent(workspaceId, visitor, 'page_viewed');
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        identify(db.pool, {
          workspaceId,
          userId: 'jane',
          traits: { [`key_${i}`]: i },
          ...(i % 2 === 0 ? { anonymousId: 'visitor' } : {}),
        }),
      ),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    const people = await peopleOf(db.pool, workspaceId);
    expect(people).toHaveLength(1);
    expect(Object.keys(people[0]?.custom_fields ?? {})).toHaveLength(30);
    expect((await kinds(workspaceId)).filter((kind) => kind === 'user_created')).toHaveLength(1);
    expect(await eventsOf(workspaceId, answers[0]?.user.id ?? '')).toEqual(['page_viewed']);
  });
});

it('people who name each other’s visitors at once neither wait in a circle nor become one', async () => {
  const workspaceId = workspace();
  await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'a' });
  await identify(db.pool, { workspaceId, userId: 'john', anonymousId: 'b' });
  const calls = Array.from({ length: 40 }, (_, i) =>
    identify(db.pool, {
      workspaceId,
      userId: i % 2 === 0 ? 'jane' : 'john',
      anonymousId: i % 2 === 0 ? 'b' : 'a',
    }),
  );
  await Promise.all(calls);
  const people = await peopleOf(db.pool, workspaceId);
  expect(people.map(({ user_id, anonymous_id }) => [user_id, anonymous_id])).toEqual([
    ['jane', 'a'],
    ['john', 'b'],
  ]);
});

it('events of a visitor that come while they join, again and again, all end with the person', async () => {
  const workspaceId = workspace();
  const sent: string[] = [];
  await Promise.all(
    Array.from({ length: 60 }, (_, i) => {
      if (i % 3 === 0) {
        return identify(db.pool, {
          workspaceId,
          userId: 'jane',
          anonymousId: 'visitor',
          traits: { [`k${i}`]: i },
        });
      }
      sent.push(`event ${i}`);
      return track(db.pool, { workspaceId, anonymousId: 'visitor', event: `event ${i}` });
    }),
  );
  const { user } = await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
  expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
  expect((await eventsOf(workspaceId, user.id)).toSorted()).toEqual(sent.toSorted());
  expect(Object.keys(user.custom_fields)).toHaveLength(20);
  const facts = await outboxOf(db.pool, workspaceId);
  expect(facts.filter(({ kind }) => kind === 'user_created')).toHaveLength(1);
  expect(facts.filter(({ kind }) => kind === 'event').map((fact) => fact.end_user_id)).toEqual(
    sent.map(() => user.id),
  );
});

it('a series that takes the visitor in while they join is not lost: the join waits for it and brings it along', async () => {
  const workspaceId = workspace();
  await identify(db.pool, { workspaceId, userId: 'jane' });
  await track(db.pool, { workspaceId, anonymousId: 'visitor', event: 'page_viewed' });
  await db.pool.query(
    `INSERT INTO series (workspace_id, key, name, trigger_type, version) VALUES ($1, 'tips', 'Tips', 'event', 1)`,
    [workspaceId],
  );
  await db.pool.query(
    `INSERT INTO series_versions (workspace_id, series_key, version, definition) VALUES ($1, 'tips', 1, '{}')`,
    [workspaceId],
  );
  const client = await db.pool.connect();
  let joining: ReturnType<typeof identify>;
  try {
    await client.query('BEGIN');
    // What intake does: takes the fact, enrols whom it is about, removes the fact.
    const { rows } = await client.query<{ id: string; end_user_id: string }>(
      `SELECT id, end_user_id FROM outbox WHERE workspace_id = $1 AND kind = 'event' FOR UPDATE`,
      [workspaceId],
    );
    joining = identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor' });
    await untilSomebodyWaits();
    await client.query(
      `INSERT INTO enrollments (workspace_id, series_key, version, end_user_id) VALUES ($1, 'tips', 1, $2)`,
      [workspaceId, rows[0]?.end_user_id],
    );
    await client.query('DELETE FROM outbox WHERE workspace_id = $1 AND id = $2', [workspaceId, rows[0]?.id]);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
  const { user } = await joining;
  const { rows } = await db.pool.query('SELECT end_user_id FROM enrollments WHERE workspace_id = $1', [
    workspaceId,
  ]);
  expect(rows).toEqual([{ end_user_id: user.id }]);
});

/** Resolves once a statement of this database waits for another transaction. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount !== 0) return;
  }
}
