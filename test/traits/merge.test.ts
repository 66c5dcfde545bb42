import { beforeAll, expect, it } from 'vitest';
import { getUser, identify, isSuppressed, suppress, track, unsubscribe } from '../../src/traits/index.js';
import { saveSegment } from '../../src/audience/segments/store.js';
import { mergeUsers } from '../../src/traits/merge.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { outboxOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `m${(made += 1)}`;
const say = (workspaceId: string, userId: string, traits: object, now = '2026-03-01'): Promise<unknown> =>
  identify(db.pool, { workspaceId, userId, traits, now: new Date(now) });

it("the survivor's traits win, the other's fill what is missing, and the other is gone", async () => {
  const workspaceId = workspace();
  await say(
    workspaceId,
    'old',
    { name: 'Old', email: 'old@example.com', plan: 'free', city: 'Rome' },
    '2026-01-01',
  );
  await say(workspaceId, 'new', { name: 'New', plan: 'pro' }, '2026-03-01');
  const user = await mergeUsers(db.pool, { workspaceId, userId: 'new', from: 'old' });
  expect(user).toMatchObject({
    user_id: 'new',
    name: 'New',
    email: 'old@example.com',
    custom_fields: { plan: 'pro', city: 'Rome' },
    first_seen: new Date('2026-01-01'),
    last_seen: new Date('2026-03-01'),
  });
  expect(await getUser(db.pool, { workspaceId, userId: 'old' })).toBeNull();
  const facts = await outboxOf(db.pool, workspaceId);
  expect(facts.every((fact) => fact.user_id === 'new')).toBe(true);
  expect(facts.at(-1)).toMatchObject({ kind: 'user_updated', payload: { fields: ['email', 'custom:city'] } });
});

it("events of both are the survivor's, and each anonymous id stays with one person", async () => {
  const workspaceId = workspace();
  await identify(db.pool, { workspaceId, userId: 'a', traits: {}, anonymousId: 'va' });
  await identify(db.pool, { workspaceId, userId: 'b', traits: {}, anonymousId: 'vb' });
  for (const userId of ['a', 'b', 'b']) await track(db.pool, { workspaceId, userId, event: 'paid' });
  const user = await mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'b' });
  expect(user.anonymous_id).toBe('va');
  const { rows } = await db.pool.query('SELECT end_user_id AS id FROM events WHERE workspace_id = $1', [
    workspaceId,
  ]);
  expect(rows).toEqual([{ id: user.id }, { id: user.id }, { id: user.id }]);
});

it("what either unsubscribed from holds for the survivor; a bounced address stays the address's", async () => {
  const workspaceId = workspace();
  await say(workspaceId, 'a', { email: 'a@example.com' });
  await say(workspaceId, 'b', { email: 'b@example.com' });
  await say(workspaceId, 'c', { email: 'c@example.com' });
  await unsubscribe(db.pool, { workspaceId, email: 'B@example.com', topic: 'news' });
  await suppress(db.pool, { workspaceId, email: 'b@example.com', reason: 'hard_bounce' });
  await mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'b' });
  const stopped = (topic?: string): Promise<boolean> =>
    isSuppressed(db.pool, { workspaceId, userId: 'a', topic });
  expect(await Promise.all([stopped('news'), stopped('offers'), stopped()])).toEqual([true, false, false]);
  await suppress(db.pool, { workspaceId, userId: 'c' });
  await mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'c' });
  expect(await stopped()).toBe(true);
});

it('whoever is not there, and one person twice, is refused and nothing is changed', async () => {
  const workspaceId = workspace();
  await say(workspaceId, 'a', {});
  const refusal = (userId: string, from: string): Promise<unknown> =>
    mergeUsers(db.pool, { workspaceId, userId, from }).then(
      () => 'merged',
      (error: unknown) => error,
    );
  expect(await refusal('a', 'x')).toMatchObject({ problems: [{ code: 'no_such_user', path: '/from' }] });
  expect(await refusal('x', 'a')).toMatchObject({ problems: [{ code: 'no_such_user', path: '/user_id' }] });
  expect(await refusal('a', 'a')).toMatchObject({ problems: [{ code: 'merge_same_person' }] });
  expect(await refusal('', '')).toMatchObject({ problems: [{ path: '/user_id' }, { path: '/from' }] });
  expect(await getUser(db.pool, { workspaceId, userId: 'a' })).not.toBeNull();
});

it('merges of the same two people at once, in either direction, leave one person and wait in no circle', async () => {
  const workspaceId = workspace();
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([say(workspaceId, 'a', { round }), say(workspaceId, 'b', { round })]);
    const results = await Promise.allSettled([
      mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'b' }),
      mergeUsers(db.pool, { workspaceId, userId: 'b', from: 'a' }),
      say(workspaceId, 'a', { seen: round }),
    ]);
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'no_such_user' } }]);
  }
});

it.each([
  ['once', 'completed', 400, 'exited'],
  [{ again_after: [30, 'days'] }, 'completed', 10, 'exited'],
  [{ again_after: [30, 'days'] }, 'completed', 40, 'active'],
  ['every_time', 'completed', 1, 'active'],
  ['every_time', 'held_out', 1, 'exited'],
] as const)(
  'with the entry policy %j, an entry of the one who goes beside a %s one of %i days ago is %s',
  async (entry, state, days, left) => {
    const workspaceId = workspace();
    await Promise.all([say(workspaceId, 'a', {}), say(workspaceId, 'b', {})]);
    await db.pool.query(
      `WITH s AS (INSERT INTO series (workspace_id, key, name, trigger_type, version) VALUES ($1, 's', 's', 'event', 1))
       INSERT INTO series_versions (workspace_id, series_key, version, definition) VALUES ($1, 's', 1, $2)`,
      [workspaceId, { entry }],
    );
    await db.pool.query(
      `INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, state, entered_at, finished_at)
       SELECT $1, 's', 1, u.id, CASE u.user_id WHEN 'a' THEN $2 ELSE 'active' END,
         now() - CASE u.user_id WHEN 'a' THEN $3::integer ELSE 0 END * interval '1 day',
         CASE u.user_id WHEN 'a' THEN now() - $3::integer * interval '1 day' END
       FROM end_users AS u WHERE u.workspace_id = $1`,
      [workspaceId, state, days],
    );
    await mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'b' });
    const { rows } = await db.pool.query(
      'SELECT entry, state FROM enrollments WHERE workspace_id = $1 ORDER BY entry',
      [workspaceId],
    );
    expect(rows).toEqual([
      { entry: 1, state },
      { entry: 2, state: left },
    ]);
  },
);

it('a membership moves without being published, and the survivor is looked at again', async () => {
  const workspaceId = workspace();
  await db.pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspaceId]);
  await saveSegment(
    db.pool,
    workspaceId,
    { key: 'pro', filter: { exists: { var: 'email' } } },
    { create: true },
  );
  await Promise.all([say(workspaceId, 'a', {}), say(workspaceId, 'b', {})]);
  await db.pool.query(
    `INSERT INTO segment_members (workspace_id, segment_key, end_user_id, entered_at)
     SELECT $1, 'pro', id, now() FROM end_users WHERE workspace_id = $1 AND user_id = 'b'`,
    [workspaceId],
  );
  await db.pool.query('DELETE FROM segment_changes WHERE workspace_id = $1', [workspaceId]);
  const { id } = await mergeUsers(db.pool, { workspaceId, userId: 'a', from: 'b' });
  const members = await db.pool.query(
    'SELECT end_user_id AS id FROM segment_members WHERE workspace_id = $1',
    [workspaceId],
  );
  const changes = await db.pool.query(
    'SELECT end_user_id AS id FROM segment_changes WHERE workspace_id = $1',
    [workspaceId],
  );
  expect([members.rows, changes.rows]).toEqual([[{ id }], [{ id }]]);
});
