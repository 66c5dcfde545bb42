import { beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/database/transaction.js';
import { declareTrait } from '../../src/traits/catalogue/declare.js';
import { foldTraits } from '../../src/traits/catalogue/fold.js';
import { loadTraitCatalogue } from '../../src/traits/catalogue/load.js';
import { noteTraitsSent } from '../../src/traits/catalogue/sent.js';
import type { CataloguedTrait } from '../../src/traits/catalogue/types.js';
import { identify, importUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, fileOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `w${(made += 1)}`;

type Person = readonly [userId: string, traits: Record<string, unknown>];

/** A workspace with these people, identified one after another. */
async function withPeople(...people: Person[]): Promise<string> {
  const workspaceId = workspace();
  for (const [userId, traits] of people) await identify(db.pool, { workspaceId, userId, traits });
  return workspaceId;
}

async function traitsOf(workspaceId: string): Promise<Map<string, CataloguedTrait>> {
  const traits = await loadTraitCatalogue(db.pool, workspaceId);
  return new Map(traits.map((trait) => [`${trait.entity === 'user' ? '' : 'company.'}${trait.key}`, trait]));
}

const typesOf = (trait: CataloguedTrait | undefined): unknown =>
  trait?.types.map(({ type, count }) => [type, count]);

const valuesOf = (trait: CataloguedTrait | undefined): unknown =>
  trait?.common_values.map(({ value, count }) => [value, count]);

describe('types and counts', () => {
  it('every type of a value is counted apart, and people once for each trait they have', async () => {
    const w = await withPeople(
      ['a', { mixed: 'text', role: 'admin' }],
      ['b', { mixed: 5, role: 'admin' }],
      ['c', { mixed: true }],
      ['d', { mixed: [1] }],
      ['e', { mixed: { x: 1 } }],
      ['f', { mixed: 'more' }],
    );
    const traits = await traitsOf(w);
    expect(typesOf(traits.get('mixed'))).toEqual([
      ['text', 2],
      ['boolean', 1],
      ['list', 1],
      ['number', 1],
      ['object', 1],
    ]);
    expect([traits.get('mixed')?.users, traits.get('role')?.users]).toEqual([6, 2]);
  });

  it('a value of another type takes the place of the first, and the type once seen stays with 0', async () => {
    const w = await withPeople(['a', { seats: '5' }], ['a', { seats: 5 }]);
    expect(typesOf((await traitsOf(w)).get('seats'))).toEqual([
      ['number', 1],
      ['text', 0],
    ]);
  });

  it('a trait removed with null is out of the counts and stays in the catalogue', async () => {
    const w = await withPeople(
      ['a', { role: 'x', name: 'Ann' }],
      ['a', { role: null, name: null, never: null }],
    );
    const traits = await traitsOf(w);
    expect([...traits.keys()].toSorted()).toEqual(['name', 'role']);
    expect(traits.get('role')).toMatchObject({
      users: 0,
      common_values: [],
      types: [{ type: 'text', count: 0 }],
    });
    expect(traits.get('name')).toMatchObject({ users: 0 });
  });

  it('dedicated columns are listed with the type of the column, and names, addresses and times without values', async () => {
    const w = await withPeople([
      'a',
      {
        name: 'Ann',
        email: 'a@x.y',
        signed_up_at: '2026-01-01',
        renewal_status: 'at_risk',
        on_contract: false,
      },
    ]);
    const traits = await traitsOf(w);
    expect(
      [...traits].map(([key, trait]) => [key, trait.declared_type, typesOf(trait), valuesOf(trait)]),
    ).toEqual([
      ['email', 'text', [['text', 1]], []],
      ['name', 'text', [['text', 1]], []],
      ['on_contract', 'boolean', [['boolean', 1]], [[false, 1]]],
      ['renewal_status', 'text', [['text', 1]], [['at_risk', 1]]],
      ['signed_up_at', 'time', [['time', 1]], []],
    ]);
  });

  it('`__proto__`, `constructor` and a hostile key are traits like any other', async () => {
    const keys = ['__proto__', 'constructor', `'); DROP TABLE traits; --`];
    const traits = Object.fromEntries(keys.map((key) => [key, 1]));
    const found = await traitsOf(await withPeople(['a', traits]));
    expect([...found.keys()].toSorted()).toEqual(keys.toSorted());
    expect([...found.values()].map(({ users }) => users)).toEqual([1, 1, 1]);
  });

  it('a key too long for an index is cut, and raises nothing when it is folded', async () => {
    const w = await withPeople(['a', { ['k'.repeat(20_000)]: 1, ['😀'.repeat(200)]: 1 }]);
    await foldTraits(db.pool, w);
    expect([...(await traitsOf(w)).keys()].toSorted()).toEqual([`${'k'.repeat(199)}…`, '😀'.repeat(200)]);
  });

  it('traits of companies stand beside those of people under the same key', async () => {
    const w = await withPeople(['a', { plan: 'pro' }]);
    await db.pool.query(
      `INSERT INTO companies (workspace_id, company_id, name, custom_fields) VALUES ($1, 'c', 'Acme', '{"plan": 1, "email": "x"}')`,
      [w],
    );
    await db.pool.query(`UPDATE companies SET custom_fields = '{"plan": "x"}' WHERE workspace_id = $1`, [w]);
    const traits = await traitsOf(w);
    expect([...traits].map(([key, trait]) => [key, typesOf(trait)])).toEqual([
      ['plan', [['text', 1]]],
      ['company.name', [['text', 1]]],
      [
        'company.plan',
        [
          ['text', 1],
          ['number', 0],
        ],
      ],
      ['company.email', [['text', 0]]],
    ]);
  });

  it('one workspace does not count the people of another', async () => {
    const here = await withPeople(['a', { role: 'x' }]);
    const there = await withPeople(['a', { role: 'y' }], ['b', { other: 1 }]);
    await foldTraits(db.pool, there);
    expect([...(await traitsOf(here)).keys()]).toEqual(['role']);
    expect(valuesOf((await traitsOf(here)).get('role'))).toEqual([['x', 1]]);
  });

  it('an identify that is rolled back was never counted', async () => {
    const w = await withPeople(['a', { role: 'x' }]);
    const undone = inTransaction(db.pool, async (client) => {
      await identify(client, { workspaceId: w, userId: 'b', traits: { role: 'y', more: 1 } });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect([...(await traitsOf(w)).values()].map(({ key, users }) => [key, users])).toEqual([['role', 1]]);
  });

  it('nobody waits for anybody because of a trait they share, nor for a folding', async () => {
    const w = await withPeople(['a', { role: 'x', shared: 0 }], ['b', { role: 'x' }]);
    await inTransaction(db.pool, async (holding) => {
      await identify(holding, { workspaceId: w, userId: 'a', traits: { role: 5, shared: 1 } });
      await foldTraits(holding, w);
      await inTransaction(db.pool, async (other) => {
        await other.query(`SET LOCAL lock_timeout = '2s'`);
        await identify(other, { workspaceId: w, userId: 'b', traits: { role: 6, shared: 1 } });
      });
    });
    const traits = await traitsOf(w);
    expect(typesOf(traits.get('role'))).toEqual([
      ['number', 2],
      ['text', 0],
    ]);
    expect(traits.get('shared')?.users).toBe(2);
  });

  it('what is appended and what is folded add up to the same at every moment', async () => {
    const w = await withPeople(['a', { role: 'x', n: 1 }]);
    const counted = async () =>
      [...(await traitsOf(w)).values()].map(({ key, types, users }) => ({ key, types, users }));
    const before = await counted();
    expect(await foldTraits(db.pool, w)).toBeGreaterThan(0);
    expect(await counted()).toEqual(before);
    expect(await foldTraits(db.pool, w)).toBe(0);
    const { rows } = await db.pool.query('SELECT FROM trait_changes WHERE workspace_id = $1', [w]);
    expect(rows).toEqual([]);
  });
});

/** Says when what is not yet folded came in. */
const setTimes = (w: string, at: string) =>
  db.pool.query('UPDATE trait_changes SET at = $2 WHERE workspace_id = $1', [w, at]);

describe('times', () => {
  it('first seen stays, last seen moves with each value that arrives, and a removal moves neither', async () => {
    const w = await withPeople(['a', { role: 'x' }]);
    await setTimes(w, '2026-01-01T00:00:00Z');
    await foldTraits(db.pool, w);
    await identify(db.pool, { workspaceId: w, userId: 'b', traits: { role: 'x' } });
    await setTimes(w, '2026-02-01T00:00:00Z');
    const seen = async () => {
      const role = (await traitsOf(w)).get('role');
      return [role?.first_seen, role?.last_seen];
    };
    const expected = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
    expect(await seen()).toEqual(expected);
    await foldTraits(db.pool, w);
    expect(await seen()).toEqual(expected);
    await identify(db.pool, { workspaceId: w, userId: 'b', traits: { role: null } });
    await foldTraits(db.pool, w);
    expect(await seen()).toEqual(expected);
  });

  it('a value sent again as it was is noted once a minute, and not for each call', async () => {
    const w = workspace();
    for (let i = 0; i < 50; i += 1) await noteTraitsSent(db.pool, w, 'user', ['role', 'plan']);
    const { rows } = await db.pool.query(
      'SELECT key, delta FROM trait_changes WHERE workspace_id = $1 ORDER BY key',
      [w],
    );
    expect(rows).toEqual([
      { key: 'plan', delta: '0' },
      { key: 'role', delta: '0' },
    ]);
  });
});

const declare = (key: string) =>
  codesOf(() => declareTrait(db.pool, { workspaceId: 'w', key, type: 'text' }));

describe('declared types', () => {
  it('values of another type are counted as mismatches and nothing is refused', async () => {
    const w = await withPeople(['a', { seats: 5 }], ['b', { seats: '5' }], ['c', { seats: [5] }]);
    const declared = await declareTrait(db.pool, { workspaceId: w, key: 'seats', type: 'number' });
    expect(declared).toMatchObject({ declared_type: 'number', mismatches: 2 });
    await identify(db.pool, { workspaceId: w, userId: 'b', traits: { seats: 6 } });
    expect((await traitsOf(w)).get('seats')).toMatchObject({ mismatches: 1, users: 3 });
    const none = await declareTrait(db.pool, { workspaceId: w, key: 'seats', type: null });
    expect(none).toMatchObject({ declared_type: null, mismatches: 0 });
  });

  it('a trait can be declared before it is sent, for companies apart', async () => {
    const w = workspace();
    expect(
      await declareTrait(db.pool, { workspaceId: w, key: '__proto__', type: 'list', entity: 'company' }),
    ).toEqual({
      key: '__proto__',
      entity: 'company',
      types: [],
      users: 0,
      common_values: [],
      values_exact: true,
      declared_type: 'list',
      mismatches: 0,
      first_seen: null,
      last_seen: null,
    });
  });

  it('a dedicated column, a reserved name and a name that cannot be stored are refused', async () => {
    expect(await declare('signed_up_at')).toEqual(['trait_type_fixed']);
    expect(await declare('last_seen')).toEqual(['reserved_trait']);
    expect(await declare('a\u0000')).toEqual(['trait_bad_text']);
  });
});

describe('common values', () => {
  it('the ten most frequent come first, by value where they are equal', async () => {
    const w = workspace();
    const rows = Array.from({ length: 200 }, (_, i) => `u${i},plan${i % 20},${i % 3},${i % 2 === 0}`);
    const source = fileOf('values.csv', `user_id,plan,seats,beta\n${rows.join('\n')}\nlast,plan7,1,true\n`);
    await importUsers(db.pool, { workspaceId: w, source });
    const traits = await traitsOf(w);
    expect(traits.get('plan')?.common_values).toHaveLength(10);
    expect(traits.get('plan')?.common_values[0]).toEqual({ value: 'plan7', count: 11 });
    expect(valuesOf(traits.get('seats'))).toEqual([
      [1, 68],
      [0, 67],
      [2, 66],
    ]);
    expect(valuesOf(traits.get('beta'))).toEqual([
      [true, 101],
      [false, 100],
    ]);
  });

  it('a trait that everybody has a value of their own of lists none', async () => {
    const w = workspace();
    const rows = Array.from({ length: 40 }, (_, i) => `u${i},${5550000 + i},${i < 2 ? 'Ann' : `Name ${i}`}`);
    await importUsers(db.pool, {
      workspaceId: w,
      source: fileOf('own.csv', `user_id,phone,first\n${rows.join('\n')}\n`),
    });
    const traits = await traitsOf(w);
    expect(valuesOf(traits.get('phone'))).toEqual([]);
    expect(valuesOf(traits.get('first'))).toEqual([['Ann', 2]]);
  });

  it('long values are cut, values of other types stay what they are', async () => {
    const long = '😀'.repeat(150);
    const w = await withPeople(['a', { t: long, l: ['x'], o: { a: 1 }, s: '5', big: [long] }]);
    const traits = await traitsOf(w);
    expect(valuesOf(traits.get('t'))).toEqual([[`${'😀'.repeat(100)}…`, 1]]);
    expect(valuesOf(traits.get('l'))).toEqual([[['x'], 1]]);
    expect(valuesOf(traits.get('o'))).toEqual([[{ a: 1 }, 1]]);
    expect(valuesOf(traits.get('s'))).toEqual([['5', 1]]);
    expect(valuesOf(traits.get('big'))).toEqual([[`["${'😀'.repeat(98)}…`, 1]]);
  });

  it('beyond 10,000 people they are estimated from a sample, say so, and the number of people stays exact', async () => {
    const w = workspace();
    await db.pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields)
       SELECT $1, 'u' || i, jsonb_build_object('plan', CASE WHEN i % 4 = 0 THEN 'pro' ELSE 'free' END)
       FROM generate_series(1, 20000) AS i`,
      [w],
    );
    const plan = (await traitsOf(w)).get('plan');
    expect(plan).toMatchObject({
      users: 20_000,
      values_exact: false,
      types: [{ type: 'text', count: 20_000 }],
    });
    const [free, pro] = plan?.common_values ?? [];
    expect([free?.value, pro?.value]).toEqual(['free', 'pro']);
    expect(Math.abs((pro?.count ?? 0) - 5000)).toBeLessThan(600);
    expect((free?.count ?? 0) + (pro?.count ?? 0)).toBe(20_000);
  });

  it('no value is stored in the catalogue, so that none is left of a person who is erased', async () => {
    const w = await withPeople(['a', { phone: 'secret-555' }]);
    await foldTraits(db.pool, w);
    await identify(db.pool, { workspaceId: w, userId: 'b', traits: { phone: 'secret-556' } });
    for (const table of ['traits', 'trait_types', 'trait_changes']) {
      const { rows } = await db.pool.query(`SELECT t::text FROM ${table} AS t`);
      expect(JSON.stringify(rows)).not.toContain('secret');
    }
    await db.pool.query('DELETE FROM end_users WHERE workspace_id = $1', [w]);
    expect((await traitsOf(w)).get('phone')).toMatchObject({ users: 0, common_values: [] });
  });
});
