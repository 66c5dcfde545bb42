import { beforeAll, describe, expect, it } from 'vitest';
import {
  backfillUser,
  backfillUsers,
  identify,
  identifyCompany,
  importUsers,
} from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, fileOf, outboxOf, peopleOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `b${(made += 1)}`;

const kinds = async (workspaceId: string): Promise<string[]> =>
  (await outboxOf(db.pool, workspaceId)).map(({ kind, user_id }) => `${kind} ${user_id}`);

describe('backfill of one person', () => {
  it('merges as identify does, and moves neither first_seen nor last_seen', async () => {
    const workspaceId = workspace();
    const seen = new Date('2026-01-01T00:00:00Z');
    await identify(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { name: 'Jane', plan: 'pro', step: 1, tags: [1] },
      now: seen,
    });
    const { user, created } = await backfillUser(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { name: null, plan: null, step: 2, signed_up_at: '2020-01-01', on_contract: false },
    });
    expect(created).toBe(false);
    expect(user).toMatchObject({
      name: null,
      signed_up_at: new Date('2020-01-01'),
      on_contract: false,
      custom_fields: { step: 2, tags: [1] },
      first_seen: seen,
      last_seen: seen,
    });
  });

  it('makes a person who was never seen', async () => {
    const workspaceId = workspace();
    const { user, created } = await backfillUser(db.pool, {
      workspaceId,
      userId: 'jane',
      traits: { a: null },
    });
    expect(created).toBe(true);
    expect(user).toMatchObject({ first_seen: null, last_seen: null, custom_fields: {} });
  });

  it('refuses reserved traits with every other problem, and writes nothing', async () => {
    const workspaceId = workspace();
    const call = { workspaceId, userId: '', traits: { last_seen: '2026-01-01', on_contract: 'yes' } };
    expect(await codesOf(() => backfillUser(db.pool, call))).toEqual([
      'bad_user_id',
      'reserved_trait',
      'trait_type',
    ]);
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
  });
});

describe('`user_created`', () => {
  it('does not come for a person whom a backfill made, now or with a later identify', async () => {
    const workspaceId = workspace();
    await backfillUser(db.pool, { workspaceId, userId: 'jane' });
    await backfillUsers(db.pool, { workspaceId, users: [{ user_id: 'john' }] });
    for (const userId of ['jane', 'john']) {
      expect((await identify(db.pool, { workspaceId, userId })).created).toBe(false);
    }
    expect(await kinds(workspaceId)).toEqual([]);
  });

  it('comes once when asked, by the call that makes the row, and names what it has', async () => {
    const workspaceId = workspace();
    const ask = { workspaceId, fireTriggers: true };
    const traits = { email: 'j@example.com', '/odd~key': 1, plan: 'pro' };
    await backfillUser(db.pool, { ...ask, userId: 'jane', traits });
    await backfillUser(db.pool, { ...ask, userId: 'jane', traits: { plan: 'free' } });
    await backfillUsers(db.pool, { ...ask, users: [{ user_id: 'jane' }, { user_id: 'john' }] });
    await identify(db.pool, { workspaceId, userId: 'jane' });
    expect(await outboxOf(db.pool, workspaceId)).toMatchObject([
      {
        kind: 'user_created',
        user_id: 'jane',
        payload: { fields: ['email', 'custom:/~1odd~0key', 'custom:plan'] },
      },
      { kind: 'user_created', user_id: 'john' },
    ]);
  });

  it('does not come for a person who was there silently, asked or not', async () => {
    const workspaceId = workspace();
    await backfillUser(db.pool, { workspaceId, userId: 'jane' });
    await backfillUser(db.pool, { workspaceId, userId: 'jane', fireTriggers: true });
    expect(await kinds(workspaceId)).toEqual([]);
  });

  it('comes once for each of 50 people whom identify, backfill, batch and import all make at once', async () => {
    const workspaceId = workspace();
    const ids = Array.from({ length: 50 }, (_, i) => `u${String(i).padStart(2, '0')}`);
    const source = fileOf('race.csv', `user_id,imported\n${ids.map((id) => `${id},1`).join('\n')}\n`);
    const users = ids.map((user_id) => ({ user_id, traits: { batch: 1 } }));
    const ask = { workspaceId, fireTriggers: true };
    await Promise.all([
      importUsers(db.pool, { ...ask, source }),
      backfillUsers(db.pool, { ...ask, users }),
      backfillUsers(db.pool, { ...ask, users: users.toReversed() }),
      ...ids.map((userId) => identify(db.pool, { workspaceId, userId, traits: { identified: 1 } })),
      ...ids.map((userId) => backfillUser(db.pool, { ...ask, userId, traits: { single: 1 } })),
    ]);
    const created = (await kinds(workspaceId)).filter((kind) => kind.startsWith('user_created'));
    expect(created.toSorted()).toEqual(ids.map((id) => `user_created ${id}`));
    const people = await peopleOf(db.pool, workspaceId);
    expect(people.map(({ custom_fields }) => custom_fields)).toEqual(
      ids.map(() => ({ imported: 1, batch: 1, identified: 1, single: 1 })),
    );
  });
});

describe('a batch', () => {
  it('answers item by item: what is wrong is rejected with its place, the rest is written', async () => {
    const workspaceId = workspace();
    await backfillUser(db.pool, { workspaceId, userId: 'john' });
    const users: unknown[] = [
      { user_id: 'jane', traits: { plan: 'pro' } },
      { user_id: 'john', traits: { plan: 'free' } },
      { user_id: 'bad', traits: { last_seen: 'now' } },
      { user_id: 7 },
      'jill',
      { user_id: 'jack', plan: 'pro' },
      { traits: {} },
    ];
    const { results } = await backfillUsers(db.pool, { workspaceId, users });
    expect(results.map(({ user_id, status, error }) => [user_id, status, error?.code, error?.path])).toEqual([
      ['jane', 'created', undefined, undefined],
      ['john', 'updated', undefined, undefined],
      ['bad', 'rejected', 'reserved_trait', '/users/2/traits/last_seen'],
      [null, 'rejected', 'bad_user_id', '/users/3/user_id'],
      [null, 'rejected', 'user_not_object', '/users/4'],
      ['jack', 'rejected', 'row_unknown_key', '/users/5/plan'],
      [null, 'rejected', 'bad_user_id', '/users/6/user_id'],
    ]);
    expect((await peopleOf(db.pool, workspaceId)).map(({ user_id }) => user_id)).toEqual(['jane', 'john']);
  });

  it('applies several items about one person in order, and only the first is `created`', async () => {
    const workspaceId = workspace();
    const last: unknown = JSON.parse('{"a": 3, "c": null, "__proto__": {"x": 1}}');
    const { results } = await backfillUsers(db.pool, {
      workspaceId,
      users: [
        { user_id: 'jane', traits: { a: 1, b: 1, c: 1, name: 'Jane', email: 'j@example.com' } },
        { user_id: 'jane', traits: { a: null, b: 2, email: null } },
        { user_id: 'jane', traits: last },
      ],
    });
    expect(results.map(({ status }) => status)).toEqual(['created', 'updated', 'updated']);
    const [jane] = await peopleOf(db.pool, workspaceId);
    expect(jane).toMatchObject({ name: 'Jane', email: null });
    expect(Object.entries(jane?.custom_fields ?? {})).toEqual([
      ['a', 3],
      ['b', 2],
      ['__proto__', { x: 1 }],
    ]);
  });

  it('leaves a person who would stay as they are unwritten', async () => {
    const workspaceId = workspace();
    const users = [{ user_id: 'jane', traits: { plan: 'pro', name: 'Jane' } }];
    await backfillUsers(db.pool, { workspaceId, users });
    const [before] = await peopleOf(db.pool, workspaceId);
    await backfillUsers(db.pool, { workspaceId, users });
    expect(await peopleOf(db.pool, workspaceId)).toEqual([before]);
  });

  it('takes 1,000 people and refuses 1,001, and what is no list', async () => {
    const workspaceId = workspace();
    const users = Array.from({ length: 1001 }, (_, i) => ({ user_id: `u${i}`, traits: { i } }));
    expect(await codesOf(() => backfillUsers(db.pool, { workspaceId, users }))).toEqual(['too_many_users']);
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
    const { results } = await backfillUsers(db.pool, { workspaceId, users: users.slice(1) });
    expect(results.every(({ status }) => status === 'created')).toBe(true);
    expect(await peopleOf(db.pool, workspaceId)).toHaveLength(1000);
    expect(await codesOf(() => backfillUsers(db.pool, { workspaceId, users: {} }))).toEqual([
      'users_not_list',
    ]);
    expect(await backfillUsers(db.pool, { workspaceId, users: [] })).toEqual({ results: [] });
  });
});

describe('the company of a backfilled person', () => {
  it('is joined, made and merged without a visit, by one call and by items in their order', async () => {
    const workspaceId = workspace();
    const seen = new Date('2026-01-01T00:00:00Z');
    const now = seen;
    await identify(db.pool, { workspaceId, userId: 'jane', companyId: 'old', now });
    await identifyCompany(db.pool, { workspaceId, companyId: 'acme', traits: { seats: 1, a: 1 }, now });
    const { user } = await backfillUser(db.pool, {
      workspaceId,
      userId: 'jane',
      companyId: 'acme',
      companyTraits: { name: 'Acme', seats: 2, a: null },
    });
    expect(user).toMatchObject({ company_id: 'acme', last_seen: seen });
    const { results } = await backfillUsers(db.pool, {
      workspaceId,
      users: [
        { user_id: 'john', company_id: 'acme', company_traits: { seats: 3, name: null } },
        { user_id: 'jim', company_id: 'blue', company_traits: { seats: 9 } },
        { user_id: 'jim', company_id: 'acme', company_traits: { seats: 4 } },
        { user_id: 'jane', traits: { plan: 'pro' } },
        { user_id: 'jack', company_traits: { seats: 5 } },
        { user_id: 'joe', company_id: 'acme', company_traits: { last_seen: 'x' } },
      ],
    });
    expect(results.map(({ status, error }) => [status, error?.code, error?.path])).toEqual([
      ['created', undefined, undefined],
      ['created', undefined, undefined],
      ['updated', undefined, undefined],
      ['updated', undefined, undefined],
      ['rejected', 'company_traits_alone', '/users/4/company_traits'],
      ['rejected', 'reserved_trait', '/users/5/company_traits/last_seen'],
    ]);
    const { rows: companies } = await db.pool.query(
      `SELECT company_id, name, custom_fields, last_seen FROM companies WHERE workspace_id = $1
       AND company_id <> 'old' ORDER BY company_id`,
      [workspaceId],
    );
    expect(companies).toEqual([
      { company_id: 'acme', name: null, custom_fields: { seats: 4 }, last_seen: seen },
      { company_id: 'blue', name: null, custom_fields: { seats: 9 }, last_seen: null },
    ]);
    const { rows } = await db.pool.query(
      'SELECT user_id, company_id FROM end_users WHERE workspace_id = $1 ORDER BY user_id',
      [workspaceId],
    );
    expect(rows).toEqual(['jane', 'jim', 'john'].map((user_id) => ({ user_id, company_id: 'acme' })));
  });
});
