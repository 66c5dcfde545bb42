import { beforeAll, expect, it } from 'vitest';
import { eraseUser, identify, identifyVisitor } from '../../src/traits/index.js';
import { mergeUsers } from '../../src/traits/merge.js';
import { keepRefusals, listRefusals, refusalsOf } from '../../src/traits/refusals.js';
import { mostRefusals, pruneRefusals, refusalDays } from '../../src/traits/upkeep/refusals.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  await db.pool.query(
    `INSERT INTO workspaces (workspace_id, name) VALUES ('acme', 'Acme'), ('other', 'Other'), ('joined', 'Joined')`,
  );
});

const fault = { code: 'trait_type', message: 'no text', path: '/traits/name', hint: '' } as const;
const of = (sent: object) => refusalsOf([fault], { call: 'identify', sent, whole: false });

async function users(workspaceId: string): Promise<(string | null)[]> {
  const { refusals } = await listRefusals(db.pool, workspaceId);
  return refusals.map(({ user_id: id }) => id);
}

it('refusals are kept for 30 days, and of each workspace only the newest', async () => {
  const now = Date.now();
  for (const workspace of ['acme', 'other'])
    for (const id of ['a', 'b', 'c', 'd']) await keepRefusals(db.pool, workspace, of({ user_id: id }));
  await db.pool.query(`UPDATE ingest_refusals SET at = $1 WHERE workspace_id = 'acme' AND user_id = 'a'`, [
    new Date(now - refusalDays * 86_400_000 - 1000),
  ]);
  expect(await pruneRefusals(db.pool, { now })).toBe(1);
  expect(await users('acme')).toEqual(['d', 'c', 'b']);
  expect(await users('other')).toEqual(['d', 'c', 'b', 'a']);
  expect(await pruneRefusals(db.pool, { now, most: 2 })).toBe(3);
  expect(await users('acme')).toEqual(['d', 'c']);
  expect(await users('other')).toEqual(['d', 'c']);
  expect([mostRefusals, refusalDays]).toEqual([100_000, 30]);
});

it('what was refused of people who are merged, and of visits whose anonymous id is given up, is found by the person who is left', async () => {
  const workspaceId = 'joined';
  const call = { workspaceId, userId: 'ann' };
  const sent: object[] = [{ user_id: 'ann-2' }, { user_id: 'bob' }];
  await identify(db.pool, { workspaceId, userId: 'ann-2', anonymousId: 'tablet' });
  sent.push({ anonymous_id: 'tablet' });
  // Each browser takes the place of the one before: of one nothing is stored yet, the next is a visitor.
  await identify(db.pool, { ...call, anonymousId: 'phone' });
  sent.push({ anonymous_id: 'phone' });
  for (const each of sent) await keepRefusals(db.pool, workspaceId, of(each));
  await identify(db.pool, { ...call, anonymousId: 'laptop' });
  await keepRefusals(db.pool, workspaceId, of({ anonymous_id: 'laptop' }));
  await keepRefusals(db.pool, workspaceId, of({ anonymous_id: 'kiosk' }));
  await identifyVisitor(db.pool, { workspaceId, anonymousId: 'kiosk' });
  await identify(db.pool, { ...call, anonymousId: 'kiosk' });
  await mergeUsers(db.pool, { ...call, from: 'ann-2' });
  expect(await users(workspaceId)).toEqual(['ann', 'ann', 'ann', 'ann', 'bob', 'ann']);
  await eraseUser(db.pool, call);
  expect(await users(workspaceId)).toEqual(['bob']);
});

it('erasing a person erases what was refused of them and of their visit, and nothing of whoever else used that browser', async () => {
  await identify(db.pool, { workspaceId: 'acme', userId: 'jane', anonymousId: 'browser' });
  for (const sent of [
    { user_id: ' jane ' },
    { anonymous_id: 'browser' },
    { user_id: 'john', anonymous_id: 'browser' },
  ])
    await keepRefusals(db.pool, 'acme', of(sent));
  await eraseUser(db.pool, { workspaceId: 'acme', userId: 'jane' });
  expect(await users('acme')).toEqual(['john', 'd', 'c']);
  // Whoever never came to be a person can be erased too.
  await eraseUser(db.pool, { workspaceId: 'acme', userId: 'john' });
  expect(await users('acme')).toEqual(['d', 'c']);
});
