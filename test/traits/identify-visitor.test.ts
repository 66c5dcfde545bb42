import { beforeAll, expect, it } from 'vitest';
import { identify, identifyVisitor, track } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { outboxOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `w${(made += 1)}`;

const facts = async (workspaceId: string): Promise<unknown[]> =>
  (await outboxOf(db.pool, workspaceId)).map(({ kind, user_id, payload }) => [kind, user_id, payload.fields]);

it('makes a row that waits for an identify, then merges: null removes, what is not named stays, times move as in a visit', async () => {
  const workspaceId = workspace();
  const say = (traits: unknown, now: string): ReturnType<typeof identifyVisitor> =>
    identifyVisitor(db.pool, { workspaceId, anonymousId: 'v', traits, now: new Date(now) });
  const first = await say({ name: 'Jane', plan: 'free', step: 1 }, '2026-03-01');
  expect(first).toMatchObject({ user_id: null, anonymous_id: 'v', name: 'Jane' });
  expect(await facts(workspaceId)).toEqual([]);
  const { rows } = await db.pool.query('SELECT awaits_identify FROM end_users WHERE id = $1', [first.id]);
  expect(rows).toEqual([{ awaits_identify: true }]);
  await say({ name: null, plan: 'pro', step: null, on_contract: true, 'a/b': 1 }, '2026-03-03');
  const last = await say({}, '2026-03-02');
  expect(last).toMatchObject({
    id: first.id,
    name: null,
    on_contract: true,
    custom_fields: { plan: 'pro', 'a/b': 1 },
    first_seen: new Date('2026-03-01'),
    last_seen: new Date('2026-03-03'),
  });
  expect(Object.keys(last.custom_fields)).toHaveLength(2);
  // A series may wait for what changes about a visitor; who did not change is not told of.
  const changed = ['name', 'on_contract', 'custom:a/b', 'custom:plan', 'custom:step'];
  expect(await facts(workspaceId)).toEqual([['user_updated', null, changed]]);
});

it('a visitor who turns out to be somebody new is that person, traits included, created by that identify and once', async () => {
  const workspaceId = workspace();
  await track(db.pool, { workspaceId, anonymousId: 'v', event: 'landed' });
  const visitor = await identifyVisitor(db.pool, {
    workspaceId,
    anonymousId: 'v',
    traits: { email: 'v@example.com', plan: 'free', source: 'ad' },
  });
  const { user, created } = await identify(db.pool, {
    workspaceId,
    userId: 'jane',
    anonymousId: 'v',
    traits: { plan: 'pro' },
  });
  expect(created).toBe(true);
  expect(user).toMatchObject({
    id: visitor.id,
    email: 'v@example.com',
    custom_fields: { plan: 'pro', source: 'ad' },
  });
  await identifyVisitor(db.pool, { workspaceId, anonymousId: 'v' });
  const kinds = (await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind);
  expect(kinds).toEqual(['event', 'user_updated', 'user_created']);
});

it.each(['before', 'after'])(
  "a person's own traits stay and the visitor's fill what is missing, also when they come %s the join",
  async (when) => {
    const workspaceId = workspace();
    const own = { name: 'Jane', on_contract: false, plan: 'pro', list: [1], constructor: 'own' };
    await identify(db.pool, { workspaceId, userId: 'jane', traits: own, now: new Date('2026-01-01') });
    const join = (): Promise<unknown> =>
      identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'v', now: new Date('2026-01-02') });
    if (when === 'after') await join();
    const traits: unknown = JSON.parse(
      '{"name":"V","email":"v@example.com","on_contract":true,"plan":"free","list":[2],"source":"ad","constructor":1,"__proto__":{"a":1}}',
    );
    await identifyVisitor(db.pool, { workspaceId, anonymousId: 'v', traits, now: new Date('2026-01-03') });
    await identifyVisitor(db.pool, {
      workspaceId,
      anonymousId: 'v',
      traits: { name: null, plan: null },
      now: new Date('2026-01-03'),
    });
    if (when === 'before') await join();
    const people = await peopleOf(db.pool, workspaceId);
    expect(people).toHaveLength(1);
    expect(people[0]).toMatchObject({
      user_id: 'jane',
      anonymous_id: 'v',
      name: 'Jane',
      email: 'v@example.com',
      on_contract: false,
      last_seen: new Date('2026-01-03'),
    });
    expect(new Map(Object.entries(people[0]?.custom_fields ?? {}))).toEqual(
      new Map<string, unknown>([
        ['constructor', 'own'],
        ['list', [1]],
        ['plan', 'pro'],
        ['source', 'ad'],
        ['__proto__', { a: 1 }],
      ]),
    );
    const last = (await facts(workspaceId)).at(-1);
    expect(last).toEqual(['user_updated', 'jane', ['email', 'custom:__proto__', 'custom:source']]);
  },
);

it('reserved keys and a bad id are refused together, and nothing is written', async () => {
  const workspaceId = workspace();
  const call = { workspaceId, anonymousId: '', traits: { last_seen: 'x', plan: 'pro' } };
  const problems = await problemsOf(() => identifyVisitor(db.pool, call));
  expect(problems.map(({ code, path }) => [code, path])).toEqual([
    ['bad_user_id', '/anonymous_id'],
    ['reserved_trait', '/traits/last_seen'],
  ]);
  await problemsOf(() => identifyVisitor(db.pool, { ...call, anonymousId: 'v' }));
  expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
});

it('of 100 calls at once about a new visitor none loses a trait, and one row is made', async () => {
  const workspaceId = workspace();
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      identifyVisitor(db.pool, { workspaceId, anonymousId: 'v', traits: { [`k${i}`]: i } }),
    ),
  );
  const people = await peopleOf(db.pool, workspaceId);
  expect(people).toHaveLength(1);
  expect(Object.keys(people[0]?.custom_fields ?? {})).toHaveLength(100);
  const told = (await outboxOf(db.pool, workspaceId)).flatMap(({ payload }) => payload.fields);
  // All but the one that made the row.
  expect(new Set(told).size).toBe(99);
});

it.each([false, true])(
  'traits of a visitor that come while they join, again and again, all end with the person (who is there: %s)',
  async (there) => {
    const workspaceId = workspace();
    if (there) await identify(db.pool, { workspaceId, userId: 'jane' });
    const calls = Array.from({ length: 90 }, (_, i) => {
      const call = { workspaceId, anonymousId: 'v', traits: { [`k${i}`]: i } };
      if (i % 3 === 0) return identify(db.pool, { ...call, userId: 'jane' });
      if (i % 3 === 1) return identifyVisitor(db.pool, call);
      return track(db.pool, { workspaceId, anonymousId: 'v', event: `e${i}` });
    });
    await Promise.all(calls);
    const people = await peopleOf(db.pool, workspaceId);
    expect(people.map(({ user_id, anonymous_id }) => [user_id, anonymous_id])).toEqual([['jane', 'v']]);
    expect(Object.keys(people[0]?.custom_fields ?? {})).toHaveLength(60);
    const kinds = (await outboxOf(db.pool, workspaceId)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'user_created')).toHaveLength(1);
    const { rows } = await db.pool.query(
      'SELECT DISTINCT u.user_id FROM events e JOIN end_users u ON u.id = e.end_user_id WHERE e.workspace_id = $1',
      [workspaceId],
    );
    expect(rows).toEqual([{ user_id: 'jane' }]);
  },
);
