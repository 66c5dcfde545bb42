import { beforeAll, expect, it } from 'vitest';
import { addManyOptOuts } from '../../src/traits/opt-outs.js';
import { isSuppressed, listSuppressed, listUnsubscribed, suppress } from '../../src/traits/suppression.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

it('each entry is answered for by itself: added, there already, or refused with its place; the good ones are stored', async () => {
  const workspaceId = 'bulk';
  await suppress(db.pool, { workspaceId, email: 'old@example.com', reason: 'hard_bounce' });
  const entries = [
    { email: 'New@example.com', reason: 'complaint', source: 'list' },
    { email: ' OLD@example.com ', reason: 'later' },
    { user_id: 'u1', email: 'u1@example.com' },
    {},
    { user_id: '' },
    { email: 7 },
    'x',
    { email: 'a@example.com', topic: 'news' },
    { email: 'new@EXAMPLE.com' },
  ];
  const results = await addManyOptOuts(db.pool, { workspaceId, list: 'suppressions', entries });
  expect(results.map(({ status, error }) => [status, error?.code, error?.path])).toEqual([
    ['added', undefined, undefined],
    ['present', undefined, undefined],
    ['added', undefined, undefined],
    ['rejected', 'nobody_named', '/entries/3'],
    ['rejected', 'bad_user_id', '/entries/4/user_id'],
    ['rejected', 'bad_label', '/entries/5/email'],
    ['rejected', 'entry_not_object', '/entries/6'],
    ['rejected', 'entry_unknown_key', '/entries/7/topic'],
    // The same address in other letters was the first entry.
    ['present', undefined, undefined],
  ]);
  const { entries: listed } = await listSuppressed(db.pool, { workspaceId });
  expect(
    listed.map(({ identifier, reason, source }) => `${identifier} ${reason} ${source}`).toSorted(),
  ).toEqual([
    'New@example.com complaint list',
    'old@example.com hard_bounce api',
    'u1 manual api',
    'u1@example.com manual api',
  ]);
});

it('an unsubscription holds for its topic, or for all, and its own list alone', async () => {
  const workspaceId = 'topics';
  const entries = [{ email: 'a@example.com', topic: 'news' }, { email: 'b@example.com' }];
  await addManyOptOuts(db.pool, { workspaceId, list: 'unsubscribes', entries });
  const stopped = (email: string, topic?: string): Promise<boolean> =>
    isSuppressed(db.pool, { workspaceId, email, topic });
  expect(await Promise.all([stopped('a@example.com', 'news'), stopped('a@example.com', 'other')])).toEqual([
    true,
    false,
  ]);
  expect(await stopped('b@example.com', 'other')).toBe(true);
  expect((await listUnsubscribed(db.pool, { workspaceId })).entries).toHaveLength(2);
  expect((await listSuppressed(db.pool, { workspaceId })).entries).toEqual([]);
});

it('batches at once that name the same people in other orders wait for each other in no circle', async () => {
  const workspaceId = 'circle';
  const people = Array.from({ length: 300 }, (_, index) => ({
    email: `p${index}@example.com`,
    user_id: `p${index}`,
  }));
  const batches = [
    people,
    people.toReversed(),
    people.map(({ email, ...rest }) => ({ ...rest, email: email.toUpperCase() })),
  ];
  const results = await Promise.all(
    [...batches, ...batches].map((entries) =>
      addManyOptOuts(db.pool, { workspaceId, list: 'suppressions', entries }),
    ),
  );
  const added = results.flat().filter(({ status }) => status === 'added');
  expect(added).toHaveLength(300);
  const { rows } = await db.pool.query<{ count: string }>(
    "SELECT count(*) FROM suppressions WHERE workspace_id = 'circle'",
  );
  expect(rows[0]?.count).toBe('600');
});

const call = (entries: unknown): ReturnType<typeof addManyOptOuts> =>
  addManyOptOuts(db.pool, { workspaceId: 'no', list: 'suppressions', entries });

it('what is no list, and a list of more than 1,000, is refused whole', async () => {
  await expect(call({ email: 'a@example.com' })).rejects.toMatchObject({
    problems: [{ code: 'entries_not_list' }],
  });
  const many = Array.from({ length: 1001 }, (_, index) => ({ user_id: `u${index}` }));
  await expect(call(many)).rejects.toMatchObject({
    problems: [{ code: 'too_many_entries', path: '/entries' }],
  });
});
