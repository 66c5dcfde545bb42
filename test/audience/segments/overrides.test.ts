import { beforeAll, beforeEach, expect, it } from 'vitest';
import { diffSegment } from '../../../src/audience/segments/diff.js';
import { listMembers } from '../../../src/audience/segments/members.js';
import { listOverrides, removeOverride, setOverride } from '../../../src/audience/segments/overrides.js';
import { parseFilterIn } from '../../../src/audience/segments/saved.js';
import { explainUser } from '../../../src/audience/explain.js';
import { preview } from '../../../src/audience/preview.js';
import type { Pool } from '../../../src/database/pool.js';
import { momentOf } from '../../../src/filter/time.js';
import { eraseUser } from '../../../src/traits/erase.js';
import { identify } from '../../../src/traits/identify.js';
import { mergeUsers } from '../../../src/traits/merge.js';
import { testDatabase } from '../../support/database.js';
import { worldIn } from './world.js';
import type { World } from './world.js';

let pool: Pool;
let world: World;
let number = 0;
const noon = '2027-03-01T12:00:00.000Z';
const admins = { '==': [{ var: 'custom:role' }, 'admin'] };

beforeAll(async () => {
  ({ pool } = await testDatabase());
});

beforeEach(async () => {
  number += 1;
  await pool.query('DELETE FROM segments; DELETE FROM segment_edges; DELETE FROM segment_changes');
  world = await worldIn(pool, `o${number}`, noon);
  for (const [userId, role] of Object.entries({ ada: 'admin', bob: 'owner', cy: 'owner' }))
    await identify(pool, { workspaceId: world.workspaceId, userId, traits: { role } });
  await world.save('admins', admins);
  await world.keep();
});

const set = (userId: string, member: boolean, until?: string): Promise<unknown> =>
  setOverride(pool, {
    workspaceId: world.workspaceId,
    key: 'admins',
    userId,
    member,
    reason: 'asked for it',
    until,
  });
const members = async (): Promise<string[]> => Object.keys(await world.members('admins'));
const counted = async (filter: unknown): Promise<number> => {
  const { workspaceId } = world;
  const moment = momentOf(world.now);
  return (
    await preview(pool, { workspaceId, filter: await parseFilterIn(pool, workspaceId, filter), moment })
  ).count;
};

it('who is put in is a member and who is kept out is none, in every reader, and both are published', async () => {
  world.now += 60_000;
  await set('bob', true);
  await set('ada', false);
  expect([await counted({ segment: 'admins' }), await counted({ '!': { segment: 'admins' } })]).toEqual([
    1, 2,
  ]);
  await world.keep();
  expect(await members()).toEqual(['bob']);
  expect((await world.told()).map((line) => line.replace(/ at .*/, '')).toSorted()).toEqual([
    'entered admins bob',
    'left admins ada',
  ]);
  const filter = await parseFilterIn(pool, world.workspaceId, { segment: 'admins' });
  const moment = momentOf(world.now);
  expect(
    await explainUser(pool, { workspaceId: world.workspaceId, filter, userId: 'bob', moment }),
  ).toMatchObject({
    matched: true,
  });
  // Their data change, and they stay where they were put.
  await identify(pool, {
    workspaceId: world.workspaceId,
    userId: 'ada',
    traits: { role: 'admin', plan: 'x' },
  });
  await identify(pool, { workspaceId: world.workspaceId, userId: 'bob', traits: { role: 'guest' } });
  await world.keep();
  expect(await members()).toEqual(['bob']);
});

it('at its end an override is over at the exact instant, and the filter decides again', async () => {
  const until = '2027-03-01T12:05:00.123Z';
  await set('bob', true, until);
  await world.keep();
  expect(await members()).toEqual(['ada', 'bob']);
  world.now = Date.parse(until) - 1;
  await world.keep();
  expect(await members()).toEqual(['ada', 'bob']);
  world.now = Date.parse(until) + 300;
  await world.keep();
  expect(await members()).toEqual(['ada']);
  expect((await world.told()).at(-1)).toBe(`left admins bob at ${until}`);
  expect(await listOverrides(pool, world.workspaceId, 'admins')).toEqual([]);
});

it('an override can be changed, listed and removed; what it says holds in segments around it', async () => {
  const { workspaceId } = world;
  await world.save('others', { '!': { segment: 'admins' } });
  await world.keep();
  await set('bob', true);
  await world.keep();
  expect(Object.keys(await world.members('others'))).toEqual(['cy']);
  expect(await listOverrides(pool, workspaceId, 'admins')).toMatchObject([
    { user_id: 'bob', member: true, reason: 'asked for it', until: null },
  ]);
  await set('bob', false);
  await world.keep();
  expect(Object.keys(await world.members('others')).toSorted()).toEqual(['bob', 'cy']);
  expect(await removeOverride(pool, { workspaceId, key: 'admins', userId: 'bob' })).toEqual({
    removed: true,
  });
  expect(await removeOverride(pool, { workspaceId, key: 'admins', userId: 'bob' })).toEqual({
    removed: false,
  });
  await world.keep();
  expect(await members()).toEqual(['ada']);
});

it('a diff and a new filter leave those alone who are in it or out of it by hand', async () => {
  const { workspaceId } = world;
  await set('bob', false);
  await set('cy', true);
  await world.keep();
  const owners = { '==': [{ var: 'custom:role' }, 'owner'] };
  const moment = momentOf(world.now);
  const diff = await diffSegment(pool, { workspaceId, key: 'admins', filter: owners, moment });
  expect(diff).toMatchObject({
    members: 1,
    joins: { count: 0 },
    leaves: { count: 1, sample: [{ user_id: 'ada' }] },
  });
  await world.save('admins', owners);
  await world.keep();
  await world.keep();
  expect(await members()).toEqual(['cy']);
  const list = await listMembers(pool, { workspaceId, key: 'admins', moment });
  expect(list.members.map(({ user_id: userId }) => userId)).toEqual(['cy']);
});

it('an override goes with a person who is erased, and to the survivor of a merge', async () => {
  const { workspaceId } = world;
  await set('bob', true);
  await world.keep();
  await mergeUsers(pool, { workspaceId, userId: 'cy', from: 'bob' });
  await world.keep();
  expect(await members()).toEqual(['ada', 'cy']);
  expect(await listOverrides(pool, workspaceId, 'admins')).toMatchObject([{ user_id: 'cy' }]);
  await eraseUser(pool, { workspaceId, userId: 'cy' });
  expect(await listOverrides(pool, workspaceId, 'admins')).toEqual([]);
});

it('what cannot hold is refused, and nothing is changed', async () => {
  const { workspaceId } = world;
  const refusal = (call: object): Promise<unknown> =>
    setOverride(pool, { workspaceId, key: 'admins', userId: 'bob', member: true, reason: 'r', ...call }).then(
      () => 'set',
      (error: unknown) => error,
    );
  expect(await refusal({ reason: ' ', until: '2020-01-01' })).toMatchObject({
    problems: [
      { code: 'bad_label', path: '/reason' },
      { code: 'override_bad_end', path: '/until' },
    ],
  });
  expect(await refusal({ userId: 'nobody' })).toMatchObject({ code: 'no_such_user' });
  expect(await refusal({ key: 'nope' })).toMatchObject({ code: 'segment_not_found' });
  await pool.query(
    `WITH crowd AS (INSERT INTO end_users (workspace_id, user_id) SELECT $1, 'c' || n FROM generate_series(1, 1000) n RETURNING id)
     INSERT INTO segment_overrides (workspace_id, segment_key, end_user_id, member, reason)
     SELECT $1, 'admins', id, true, 'crowd' FROM crowd`,
    [workspaceId],
  );
  expect(await refusal({})).toMatchObject({ code: 'too_many_overrides' });
  expect(await listOverrides(pool, workspaceId, 'admins')).toHaveLength(1000);
});
