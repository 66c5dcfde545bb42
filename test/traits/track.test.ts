import { beforeAll, describe, expect, it } from 'vitest';
import { identify, track } from '../../src/traits/index.js';
import type { Track } from '../../src/traits/index.js';
import { ensureEventMonths } from '../../src/traits/months.js';
import { openPool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, outboxOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `w${(made += 1)}`;

const now = Date.parse('2026-06-15T12:00:00Z');
const send = (call: Partial<Track> & { workspaceId: string }) =>
  track(db.pool, { userId: 'jane', event: 'opened', now, ...call });

/** So many hours from now. */
const at = (hours: number): Date => new Date(now + hours * 3_600_000);

interface EventRow {
  readonly id: string;
  readonly who: string;
  readonly event: string;
  readonly properties: Record<string, unknown>;
  readonly occurred_at: Date;
  readonly received_at: Date;
  readonly message_id: string | null;
}

async function eventsOf(workspaceId: string): Promise<EventRow[]> {
  const { rows } = await db.pool.query<EventRow>(
    `SELECT e.id, coalesce(u.user_id, u.anonymous_id) AS who, e.event, e.properties, e.occurred_at, e.received_at,
       e.message_id
     FROM events e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     WHERE e.workspace_id = $1 ORDER BY e.occurred_at, e.event`,
    [workspaceId],
  );
  return rows;
}

/** Resolves once a statement of this database waits for another transaction. */
async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount !== 0) return;
  }
}

describe('an event', () => {
  it('is stored as it was sent, with the instant it occurred and the instant it was received', async () => {
    const workspaceId = workspace();
    const properties = { plan: 'pro', amount: 10.5, nested: { a: [1, null] }, nothing: null };
    const answer = await send({ workspaceId, properties, occurredAt: '2026-06-14T09:30:00.123+02:00' });
    expect(answer).toEqual({ accepted: true, stored: true });
    expect(await eventsOf(workspaceId)).toMatchObject([
      {
        who: 'jane',
        event: 'opened',
        properties,
        occurred_at: new Date('2026-06-14T07:30:00.123Z'),
        received_at: new Date(now),
        message_id: null,
      },
    ]);
  });

  it('occurs when it is received, where nothing else is said', async () => {
    const workspaceId = workspace();
    await send({ workspaceId });
    expect(await eventsOf(workspaceId)).toMatchObject([{ occurred_at: new Date(now) }]);
  });

  it('writes one fact to the outbox that names it, and none of its properties', async () => {
    const workspaceId = workspace();
    await send({ workspaceId, properties: { secret: 'x' }, occurredAt: now - 5 });
    const [event] = await eventsOf(workspaceId);
    expect(await outboxOf(db.pool, workspaceId)).toMatchObject([
      {
        kind: 'event',
        user_id: 'jane',
        payload: { event: 'opened', event_id: event?.id, occurred_at: '2026-06-15T11:59:59.995Z' },
      },
    ]);
    expect(JSON.stringify(await outboxOf(db.pool, workspaceId))).not.toContain('secret');
  });

  it('takes any key as plain data, those that objects inherit included', async () => {
    const workspaceId = workspace();
    const json = '{"__proto__": {"polluted": true}, "constructor": 1, "toString": null, "": 2}';
    const properties: unknown = JSON.parse(json);
    await send({ workspaceId, properties });
    const [event] = await eventsOf(workspaceId);
    // Compared as text in the order of jsonb: an assertion on objects would pass over `__proto__`.
    expect(JSON.stringify(event?.properties)).toBe(
      '{"":2,"toString":null,"__proto__":{"polluted":true},"constructor":1}',
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('given a client, stands or falls with its transaction, message id included', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    try {
      await client.query('BEGIN');
      await track(client, { workspaceId, userId: 'jane', event: 'opened', messageId: 'm', now });
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    expect(await eventsOf(workspaceId)).toEqual([]);
    expect(await send({ workspaceId, messageId: 'm' })).toEqual({ accepted: true, stored: true });
  });
});

describe('a message id', () => {
  it('is stored once; a repeat is accepted and changes nothing, whatever else it says', async () => {
    const workspaceId = workspace();
    await send({ workspaceId, messageId: 'm-1' });
    const repeat = {
      workspaceId,
      messageId: 'm-1',
      event: 'other',
      userId: 'joe',
      occurredAt: now - 400 * 86_400_000,
    };
    expect(await send(repeat)).toEqual({ accepted: true, stored: false });
    expect(await eventsOf(workspaceId)).toMatchObject([{ who: 'jane', event: 'opened' }]);
    expect((await peopleOf(db.pool, workspaceId)).map(({ user_id }) => user_id)).toEqual(['jane']);
    expect(await outboxOf(db.pool, workspaceId)).toHaveLength(1);
  });

  it('is another one in another workspace', async () => {
    const [one, other] = [workspace(), workspace()];
    await send({ workspaceId: one, messageId: 'm-1' });
    expect(await send({ workspaceId: other, messageId: 'm-1' })).toEqual({ accepted: true, stored: true });
  });

  it('sent 20 times at once is stored once', async () => {
    const workspaceId = workspace();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        send({ workspaceId, messageId: 'm', userId: `u${index % 3}` }),
      ),
    );
    expect(answers.filter(({ stored }) => stored)).toHaveLength(1);
    expect(await eventsOf(workspaceId)).toHaveLength(1);
  });

  it('whose first sender gives up is stored by the second, which waits for it', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    try {
      await client.query('BEGIN');
      await track(client, { workspaceId, userId: 'jane', event: 'opened', messageId: 'm', now });
      const second = send({ workspaceId, messageId: 'm', userId: 'joe' });
      await untilSomebodyWaits();
      await client.query('ROLLBACK');
      expect(await second).toEqual({ accepted: true, stored: true });
    } finally {
      client.release();
    }
    expect(await eventsOf(workspaceId)).toMatchObject([{ who: 'joe' }]);
  });
});

describe('the person of an event', () => {
  it('gets a row, and user_created comes with the first identify, once', async () => {
    const workspaceId = workspace();
    await send({ workspaceId });
    await send({ workspaceId });
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual(['event', 'event']);
    expect((await identify(db.pool, { workspaceId, userId: 'jane', now })).created).toBe(true);
    expect((await identify(db.pool, { workspaceId, userId: 'jane', now })).created).toBe(false);
    await send({ workspaceId });
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual([
      'event',
      'event',
      'user_created',
      'event',
    ]);
  });

  it('who was identified before is not created again by an identify after an event', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'jane', now });
    await send({ workspaceId });
    expect((await identify(db.pool, { workspaceId, userId: 'jane', now })).created).toBe(false);
  });

  it('is made once by 30 events at once, and all of them are stored', async () => {
    const workspaceId = workspace();
    const calls = Array.from({ length: 30 }, (_, index) => send({ workspaceId, event: `e${index}` }));
    await Promise.all([...calls, identify(db.pool, { workspaceId, userId: 'jane', now })]);
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
    expect(await eventsOf(workspaceId)).toHaveLength(30);
    const kinds = (await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'user_created')).toHaveLength(1);
  });

  it('was last seen when the event occurred, never earlier than before and never in the future', async () => {
    const workspaceId = workspace();
    const seen = async (): Promise<unknown[]> =>
      (await peopleOf(db.pool, workspaceId)).flatMap((row) => [row.first_seen, row.last_seen]);
    await send({ workspaceId, occurredAt: at(-2) });
    expect(await seen()).toEqual([at(-2), at(-2)]);
    await send({ workspaceId, occurredAt: at(-100) });
    expect(await seen()).toEqual([at(-100), at(-2)]);
    await send({ workspaceId, occurredAt: at(-1) });
    expect(await seen()).toEqual([at(-100), at(-1)]);
    await send({ workspaceId, occurredAt: at(20) });
    expect(await seen()).toEqual([at(-100), at(0)]);
  });

  it('is a visitor until they are joined, and what the visitor did moves over', async () => {
    const workspaceId = workspace();
    await send({ workspaceId, userId: undefined, anonymousId: 'v1', event: 'visited' });
    expect(await eventsOf(workspaceId)).toMatchObject([{ who: 'v1' }]);
    await send({ workspaceId, event: 'signed in' });
    await identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'v1', now });
    await send({ workspaceId, userId: undefined, anonymousId: 'v1', event: 'visited again' });
    expect((await eventsOf(workspaceId)).map(({ who }) => who)).toEqual(['jane', 'jane', 'jane']);
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1);
  });

  it('is the user where a visitor is named beside one', async () => {
    const workspaceId = workspace();
    await send({ workspaceId, anonymousId: 'v1' });
    expect(await peopleOf(db.pool, workspaceId)).toMatchObject([{ user_id: 'jane', anonymous_id: null }]);
  });
});

describe('the months', () => {
  it('are made when an event needs one, ten years back and in the year to come', async () => {
    const workspaceId = workspace();
    const times = [
      '2016-07-01T00:00:00Z',
      '2016-06-30T23:59:59.999Z',
      '2020-02-29T12:00:00Z',
      '2026-06-16T11:00:00Z',
    ];
    for (const occurredAt of times) await send({ workspaceId, occurredAt });
    const { rows } = await db.pool.query<{ month: string }>(
      'SELECT tableoid::regclass::text AS month FROM events WHERE workspace_id = $1 ORDER BY occurred_at',
      [workspaceId],
    );
    expect(rows.map(({ month }) => month)).toEqual([
      'events_2016_06',
      'events_2016_07',
      'events_2020_02',
      'events_2026_06',
    ]);
  });

  it('are made by a server in any zone at the same instants', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    try {
      await client.query(`SET TimeZone = 'Pacific/Auckland'`);
      const late = '2019-01-31T23:59:59.999Z';
      await track(client, { workspaceId, userId: 'jane', event: 'x', occurredAt: late, now });
      await track(client, {
        workspaceId,
        userId: 'jane',
        event: 'x',
        occurredAt: '2019-01-01T00:00:00Z',
        now,
      });
    } finally {
      await client.query('RESET TimeZone');
      client.release();
    }
    const { rows } = await db.pool.query<{ month: string }>(
      'SELECT DISTINCT tableoid::regclass::text AS month FROM events WHERE workspace_id = $1',
      [workspaceId],
    );
    expect(rows).toEqual([{ month: 'events_2019_01' }]);
  });

  it('are made once when twelve ask for one at the same time, each in a process of its own', async () => {
    const workspaceId = workspace();
    const pools = await Promise.all(Array.from({ length: 12 }, () => openPool(db.url, { max: 1 })));
    afterFile(async () => void (await Promise.all(pools.map((pool) => pool.end()))));
    const occurredAt = '2018-03-03T00:00:00Z';
    await Promise.all(
      pools.map((pool, index) =>
        track(pool, { workspaceId, userId: `u${index}`, event: 'x', occurredAt, now }),
      ),
    );
    expect(await eventsOf(workspaceId)).toHaveLength(12);
  });

  it('do not stop those who write events of other months while one is made', async () => {
    const workspaceId = workspace();
    const client = await db.pool.connect();
    try {
      await client.query('BEGIN');
      await ensureEventMonths(client, [Date.parse('2017-05-05T00:00:00Z')]);
      expect(await send({ workspaceId })).toEqual({ accepted: true, stored: true });
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
  });

  it('are made again after one was dropped under a process that believes it to be there', async () => {
    const workspaceId = workspace();
    const occurredAt = '2017-09-09T00:00:00Z';
    await send({ workspaceId, occurredAt });
    await db.pool.query('DROP TABLE events_2017_09');
    expect(await send({ workspaceId, occurredAt })).toEqual({ accepted: true, stored: true });
    expect(await eventsOf(workspaceId)).toHaveLength(1);
  });

  it('have every index of the table', async () => {
    const { rows } = await db.pool.query<{ indexes: string }>(
      `SELECT count(*) AS indexes FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indrelid
       WHERE h.inhparent = 'events'::regclass GROUP BY i.indrelid`,
    );
    expect(rows.length).toBeGreaterThan(3);
    expect(new Set(rows.map(({ indexes }) => indexes))).toEqual(new Set(['3']));
  });
});

describe('what is refused', () => {
  const refused: [title: string, call: Partial<Track>, code: string, path: string][] = [
    ['no name', { event: '' }, 'bad_event_name', '/event'],
    ['a name of 201 characters', { event: '😀'.repeat(201) }, 'bad_event_name', '/event'],
    ['a name with NUL', { event: 'a\0' }, 'bad_event_name', '/event'],
    ['nobody', { userId: undefined }, 'event_of_nobody', '/user_id'],
    ['an empty user id', { userId: '' }, 'bad_user_id', '/user_id'],
    ['an empty visitor beside a user', { anonymousId: '' }, 'bad_user_id', '/anonymous_id'],
    ['properties that are a list', { properties: [1] }, 'properties_not_object', '/properties'],
    ['properties that are null', { properties: null }, 'properties_not_object', '/properties'],
    ['properties that are a Date', { properties: new Date(0) }, 'properties_not_object', '/properties'],
    ['a property with half a pair', { properties: { a: '\ud800' } }, 'trait_bad_text', '/properties/a'],
    ['a key with NUL', { properties: { 'a\0': 1 } }, 'trait_bad_text', '/properties/a\0'],
    ['a number past 2^53', { properties: { a: [2 ** 53] } }, 'trait_bad_number', '/properties/a/0'],
    ['a Date', { properties: { a: new Date(0) } }, 'trait_not_json', '/properties/a'],
    [
      '32 KB and a byte',
      { properties: { a: 'x'.repeat(32_768 - 7) } },
      'properties_too_large',
      '/properties',
    ],
    ['a time that is none', { occurredAt: '2026-02-30' }, 'bad_occurred_at', '/occurred_at'],
    ['an invalid Date', { occurredAt: new Date(Number.NaN) }, 'bad_occurred_at', '/occurred_at'],
    ['a day and a millisecond ahead', { occurredAt: now + 86_400_001 }, 'event_in_future', '/occurred_at'],
    ['the end of time', { occurredAt: Number.MAX_SAFE_INTEGER }, 'event_in_future', '/occurred_at'],
    ['ten years and a bit', { occurredAt: '2016-06-14T23:59:59.999Z' }, 'event_too_old', '/occurred_at'],
    ['seconds in place of milliseconds', { occurredAt: now / 1000 }, 'event_too_old', '/occurred_at'],
    ['an empty message id', { messageId: '' }, 'bad_message_id', '/message_id'],
    ['a message id of 513 bytes', { messageId: 'x'.repeat(513) }, 'bad_message_id', '/message_id'],
  ];

  it.each(refused)('%s', async (_, call, code, path) => {
    const workspaceId = workspace();
    const problems = await problemsOf(() => send({ workspaceId, ...call }));
    expect(problems.map((problem) => [problem.code, problem.path])).toEqual([[code, path]]);
    for (const { message, hint } of problems) expect(message + hint).not.toMatch(/\{\w+\}/);
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
  });

  it('comes all at once', async () => {
    const call = {
      workspaceId: workspace(),
      event: '',
      properties: { a: 2 ** 60 },
      occurredAt: 'x',
      messageId: '',
    };
    expect(await codesOf(() => send(call))).toEqual([
      'bad_event_name',
      'trait_bad_number',
      'bad_occurred_at',
      'bad_message_id',
    ]);
  });

  it.each<[string, Partial<Track>]>([
    ['200 characters outside of the basic plane', { event: '😀'.repeat(200) }],
    ['exactly 32 KB', { properties: { a: 'x'.repeat(32_768 - 8) } }],
    ['a day ahead', { occurredAt: now + 86_400_000 }],
    ['ten years back', { occurredAt: now - 10 * 365.25 * 86_400_000 }],
    ['a message id of 512 bytes', { messageId: 'x'.repeat(512) }],
  ])('is not %s', async (_, call) => {
    expect(await send({ workspaceId: workspace(), ...call })).toEqual({ accepted: true, stored: true });
  });
});
