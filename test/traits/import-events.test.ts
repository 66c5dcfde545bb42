import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../src/database/pool.js';
import { importEvents, track } from '../../src/traits/index.js';
import type { ImportEvents } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, outboxOf, pathOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

const now = Date.parse('2026-06-01T12:00:00Z');
let made = 0;
const workspace = (): string => `w${(made += 1)}`;

async function load(content: string, options: Partial<ImportEvents> = {}, name = 'events.csv') {
  const { workspaceId = workspace() } = options;
  const result = await importEvents(db.pool, { now, ...options, workspaceId, source: fileOf(name, content) });
  return { result, workspaceId, events: await eventsOf(workspaceId) };
}

async function eventsOf(workspaceId: string): Promise<unknown[]> {
  const { rows } = await db.pool.query<{
    who: string;
    event: string;
    occurred_at: Date;
    properties: unknown;
  }>(
    `SELECT coalesce(u.user_id, u.anonymous_id) AS who, e.event, e.occurred_at, e.properties FROM events AS e
     JOIN end_users AS u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     WHERE e.workspace_id = $1 ORDER BY e.occurred_at, who`,
    [workspaceId],
  );
  return rows.map(({ who, event, occurred_at: at, properties }) => [
    who,
    event,
    at.toISOString(),
    properties,
  ]);
}

const orders =
  'user,event,time,amount,Gift\nann,Order,2026-03-01 10:00:00,19.90,TRUE\nbob,Order,2026-02-01T09:00:00Z,7,FALSE\n';

describe('a file of events', () => {
  it('stores who did what and when, and every other column as a property of the type of its cells', async () => {
    const { result, events } = await load(orders);
    expect(events).toEqual([
      ['bob', 'Order', '2026-02-01T09:00:00.000Z', { amount: 7, Gift: false }],
      ['ann', 'Order', '2026-03-01T10:00:00.000Z', { amount: 19.9, Gift: true }],
    ]);
    expect(result).toMatchObject({
      rows: 2,
      stored: 2,
      repeated: 0,
      rejected: 0,
      cellsRefused: 0,
      delimiter: ',',
    });
    expect(result.columns.map(({ name, field, type, read }) => [name, field, type, read])).toEqual([
      ['user', 'user_id', 'text', 2],
      ['event', 'event', 'text', 2],
      ['time', 'occurred_at', 'time', 2],
      ['amount', 'amount', 'number', 2],
      ['Gift', 'Gift', 'boolean', 2],
    ]);
  });

  it('counts as read only cells of rows that are stored, and knows fields with hyphens in their names', async () => {
    const { result } = await load(
      'User-ID,event,occurred-at,n\nann,Order,2026-03-01,1\n,Order,2026-03-01,2\nbob,Order,soon,3\n',
    );
    expect(result).toMatchObject({ stored: 1, rejected: 2 });
    expect(result.columns.map(({ field, read, empty, refused }) => [field, read, empty, refused])).toEqual([
      ['user_id', 1, 0, 0],
      ['event', 1, 0, 0],
      ['occurred_at', 1, 0, 0],
      ['n', 1, 0, 0],
    ]);
  });

  it('starts no series, and with triggers is announced as what is tracked', async () => {
    const silent = await load(orders);
    expect(await outboxOf(db.pool, silent.workspaceId)).toEqual([]);
    const { workspaceId } = await load(orders, { fireTriggers: true });
    expect((await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind)).toEqual(['event', 'event']);
  });

  it('moves last_seen to when the event occurred, and never backwards', async () => {
    const workspaceId = workspace();
    await track(db.pool, {
      workspaceId,
      userId: 'ann',
      event: 'visit',
      occurredAt: '2026-05-01T00:00:00Z',
      now,
    });
    await load(orders, { workspaceId });
    const seen = (await peopleOf(db.pool, workspaceId)).map(({ user_id, last_seen }) => [
      user_id,
      last_seen?.toISOString(),
    ]);
    expect(seen).toEqual([
      ['ann', '2026-05-01T00:00:00.000Z'],
      ['bob', '2026-02-01T09:00:00.000Z'],
    ]);
  });

  it('is stored once however often it is imported, also when message ids are forgotten', async () => {
    const { workspaceId } = await load(orders);
    expect((await load(orders, { workspaceId })).result).toMatchObject({ stored: 0, repeated: 2 });
    await db.pool.query('DELETE FROM event_messages WHERE workspace_id = $1', [workspaceId]);
    const { result, events } = await load(`${orders}ann,Order,2026-03-02,5,\n`, { workspaceId });
    expect(result).toMatchObject({ rows: 3, stored: 1, repeated: 2 });
    expect(events).toHaveLength(3);
  });

  it('counts rows that say the same as one event, unless their message ids differ', async () => {
    const row = 'ann,visit,2026-03-01';
    const { result } = await load(`user_id,event,time\n${row}\n${row}\n`);
    expect(result).toMatchObject({ rows: 2, stored: 1, repeated: 1 });
    const { events } = await load(`user_id,event,time,Message ID\n${row},m1\n${row},m2\n`);
    expect(events).toHaveLength(2);
  });

  it('knows an event that was tracked by its message id', async () => {
    const workspaceId = workspace();
    await track(db.pool, {
      workspaceId,
      userId: 'ann',
      event: 'visit',
      occurredAt: '2026-03-01T00:00:00Z',
      messageId: 'm1',
      now,
    });
    const { result } = await load('user_id,event,time,message_id\nann,visit,2026-03-01,m1\n', {
      workspaceId,
    });
    expect(result).toMatchObject({ stored: 0, repeated: 1 });
  });

  it('takes visitors, properties as JSON and columns that are mapped', async () => {
    const csv =
      'Visitor;What;When;properties;plan;event\nv1;visit;1.3.2026 10:00;"{""page"":""/a"",""plan"":""old""}";pro;x\n';
    const { result, events } = await load(csv, {
      map: { Visitor: 'anonymous_id', What: 'event', When: 'occurred_at' },
      dates: 'dmy',
    });
    expect(events).toEqual([['v1', 'visit', '2026-03-01T10:00:00.000Z', { page: '/a', plan: 'pro' }]]);
    expect(result.columns.at(-1)).toMatchObject({
      name: 'event',
      field: null,
      map: 'event=property:event_2',
    });
  });

  it('keeps a cell out that does not fit its column, and with strict the row', async () => {
    const csv = 'user_id,event,time,amount\na,buy,2026-03-01,1\nb,buy,2026-03-01,2\nc,buy,2026-03-01,many\n';
    const { result, events } = await load(csv);
    expect(result).toMatchObject({
      stored: 3,
      rejected: 0,
      cellsRefused: 1,
      rejects: [{ line: 4, column: 'amount', value: 'many' }],
    });
    expect(events.at(-1)).toEqual(['c', 'buy', '2026-03-01T00:00:00.000Z', {}]);
    expect((await load(csv, { strict: true })).result).toMatchObject({ stored: 2, rejected: 1 });
  });

  it('refuses rows without a person, a name or a time that can be read, and keeps them in a file that can be mended', async () => {
    const csv =
      'user_id,event,time\n,a,2026-03-01\nann,,2026-03-01\nann,a,\nann,a,3.1.2026\nnull,a,2026-03-01\nann,ok,1772323200\n';
    const rejectsPath = pathOf('rejects.csv');
    const { result, workspaceId } = await load(csv, { rejectsPath });
    expect(result).toMatchObject({ rows: 6, stored: 1, rejected: 5 });
    expect(result.rejects.map(({ line, code }) => [line, code])).toEqual([
      [2, 'event_of_nobody'],
      [3, 'bad_event_name'],
      [4, 'bad_occurred_at'],
      [5, 'bad_occurred_at'],
      [6, 'id_missing_value'],
    ]);
    const mended = readFileSync(rejectsPath, 'utf8').replace(',3.1.2026', ',2026-01-03');
    const again = await load(mended, { workspaceId });
    expect(again.result).toMatchObject({ rows: 5, stored: 1, rejected: 4 });
    expect(again.events).toContainEqual(['ann', 'a', '2026-01-03T00:00:00.000Z', {}]);
  });

  it('reads JSON with the names that other products use, whose other keys are properties', async () => {
    const lines = [
      {
        userId: 'ann',
        event: 'buy',
        timestamp: '2026-03-01T10:00:00Z',
        properties: { amount: 5 },
        messageId: 'm1',
        channel: 'web',
      },
      { anonymousId: 'v', event: 'visit', time: 1772323200 },
      { userId: 7, event: 'buy', timestamp: '2026-03-01' },
    ];
    const { result, events } = await load(
      lines.map((each) => `${JSON.stringify(each)}\n`).join(''),
      {},
      'events.ndjson',
    );
    expect(events).toEqual([
      ['v', 'visit', '2026-03-01T00:00:00.000Z', {}],
      ['ann', 'buy', '2026-03-01T10:00:00.000Z', { amount: 5, channel: 'web' }],
    ]);
    expect(result.rejects.map(({ code }) => code)).toEqual(['bad_user_id']);
  });

  it('writes nothing in a dry run', async () => {
    const { result, events } = await load(orders, { dryRun: true });
    expect(result).toMatchObject({ rows: 2, stored: 2, dryRun: true });
    expect(events).toEqual([]);
  });

  it('names all columns that are missing, and the mapping that gives them', async () => {
    const problems = await problemsOf(() => load('email,plan\na@x.test,pro\n'));
    expect(problems.map(({ code, message }) => [code, message])).toEqual([
      [
        'import_events_columns',
        'a file of events needs columns for `user_id`, `event`, `occurred_at`, the header has `email`, `plan`',
      ],
    ]);
    expect(problems[0]?.hint).toContain('--map');
  });

  it('loads more rows than one transaction holds, in the months that they lie in', async () => {
    const rows = Array.from(
      { length: 2500 },
      (_, at) => `u${at % 50},visit,${new Date(now - at * 86_400_000).toISOString()},${at}\n`,
    );
    const { result, events } = await load(`user_id,event,time,n\n${rows.join('')}`);
    expect(result).toMatchObject({ rows: 2500, stored: 2500, repeated: 0 });
    expect(events).toHaveLength(2500);
  });
});

describe('a file whose times are days', () => {
  it('is looked for person by person, and not among all who did the same on that day', async () => {
    const people = Array.from({ length: 2000 }, (_, at) => `u${at},order,2026-03-01\n`).join('');
    const csv = `user_id,event,time\n${people}`;
    const { workspaceId } = await load(csv);
    const read = async (): Promise<number> => {
      const { rows } = await db.pool.query<{ read: string }>(
        `SELECT sum(idx_tup_read) AS read FROM pg_stat_user_indexes WHERE relname LIKE 'events_2026%'`,
      );
      return Number(rows[0]?.read);
    };
    const one = await openPool(db.url, { max: 1 });
    try {
      await one.query('SELECT pg_stat_force_next_flush()');
      const before = await read();
      const result = await importEvents(one, { now, workspaceId, source: fileOf('days.csv', csv) });
      expect(result).toMatchObject({ stored: 0, repeated: 2000 });
      await one.query('SELECT pg_stat_force_next_flush()');
      await one.query('SELECT 1');
      expect((await read()) - before).toBeLessThan(20_000);
    } finally {
      await one.end();
    }
  });
});
