import { beforeAll, describe, expect, it } from 'vitest';
import { findPeople } from '../../src/audience/find-people.js';
import type { FindPeople, PeoplePage } from '../../src/audience/find-people.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { eraseUser, identify, identifyVisitor } from '../../src/traits/index.js';
import { findPerson } from '../../src/traits/find-person.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const workspaceId = 'acme';
const moment = momentOf('2026-06-01T12:00:00Z');

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('acme', 'A'), ('other', 'O')`);
  const people = [
    ['ann', 'Ann Vega', 'ann@example.com', 'pro'],
    ['ANN', 'Émile Okafor', 'Shared@Example.com', 'free'],
    ['u-3', 'Jo Smith', 'shared@example.com', 'pro'],
    ['u-4', '100% Sure', 'under_score@example.com', 'pro'],
    ['odd@id', 'Somebody', 'ann@other.test', 'free'],
    ['u-6', 'Ann Other', 'odd@id', 'free'],
    ['u-7', 'Гришa Ли', null, 'free'],
  ] as const;
  for (const [userId, name, email, plan] of people)
    await identify(pool, {
      workspaceId,
      userId,
      traits: { name, plan, ...(email === null ? {} : { email }) },
    });
  await identifyVisitor(pool, { workspaceId, anonymousId: 'visitor-1', traits: { name: 'Nobody Known' } });
  await identify(pool, { workspaceId: 'other', userId: 'ann', traits: { name: 'Ann of others' } });
});

const find = (more: Partial<FindPeople>): Promise<PeoplePage> =>
  findPeople(pool, { workspaceId, moment, ...more });
const idsOf = ({ users }: PeoplePage): string[] =>
  users.map(({ user_id, anonymous_id }) => user_id ?? anonymous_id ?? '');
const found = async (search: string): Promise<string[]> => idsOf(await find({ search }));

describe('people are found', () => {
  it('by the whole id first, then by the whole address in any letter case, then by a part', async () => {
    expect((await found('ann'))[0]).toBe('ann');
    // Others by a part of the id, the address and the name.
    expect((await found('ann')).toSorted()).toEqual(['ANN', 'ann', 'odd@id', 'u-6']);
    expect((await found('odd@id')).slice(0, 2)).toEqual(['odd@id', 'u-6']);
    expect((await found('SHARED@example.com')).toSorted()).toEqual(['ANN', 'u-3']);
    expect(await found('visitor-1')).toEqual(['visitor-1']);
  });

  it('by words, each of which stands somewhere, short ones at the beginning of a word', async () => {
    expect(await found('vega ann')).toEqual(['ann']);
    expect(await found('mith jo')).toEqual(['u-3']);
    expect(await found('Jo S')).toEqual(['u-3']);
    expect(await found('o')).not.toContain('u-3');
    expect(await found('nobody')).toEqual(['visitor-1']);
  });

  it('in any letter case, also of letters outside ASCII', async () => {
    expect(await found('émile')).toEqual(['ANN']);
    expect(await found('ГРИШ')).toEqual(['u-7']);
  });

  it('by wildcards of SQL as plain characters', async () => {
    expect(await found('100%')).toEqual(['u-4']);
    expect(await found('r_s')).toEqual(['u-4']);
    expect(await found('%')).toEqual([]);
    expect(await found('\\')).toEqual([]);
  });
});

it('a filter leaves only who matches, with a search and without one', async () => {
  const filter = parseFilter({ '==': [{ var: 'custom:plan' }, 'pro'] });
  expect((await find({ filter })).users).toHaveLength(3);
  expect(idsOf(await find({ filter, search: 'example' })).toSorted()).toEqual(['ann', 'u-3', 'u-4']);
});

it('pages hold everybody once, whatever their size', async () => {
  for (const search of [undefined, 'ann', 'shared@example.com', 'e']) {
    const whole = (await find({ search })).users.map(({ id }) => id);
    for (const limit of [1, 2, 3]) {
      const ids: string[] = [];
      let after: string | undefined;
      do {
        const page: PeoplePage = await find({ search, limit, after });
        ids.push(...page.users.map(({ id }) => id));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(ids).toEqual(whole);
    }
  }
  expect((await find({})).users).toHaveLength(8);
});

it('what a person was called before finds nobody, and neither does who was erased', async () => {
  await identify(pool, { workspaceId, userId: 'temp', traits: { name: 'Before Wedding' } });
  expect(await found('wedding')).toEqual(['temp']);
  await identify(pool, { workspaceId, userId: 'temp', traits: { name: 'After' } });
  expect([await found('wedding'), await found('after')]).toEqual([[], ['temp']]);
  await eraseUser(pool, { workspaceId, userId: 'temp' });
  expect(await found('after')).toEqual([]);
  const { rows } = await pool.query(`SELECT FROM people_search WHERE text LIKE '%temp%'`);
  expect(rows).toEqual([]);
});

it('a search that is too long, or a page that never was, is refused', async () => {
  await expect(find({ search: 'x'.repeat(201) })).rejects.toMatchObject({ code: 'bad_search' });
  await expect(find({ after: '3.ab' })).rejects.toMatchObject({ code: 'bad_page' });
});

const who = (text: string, email?: boolean): Promise<string> =>
  findPerson(pool, { workspaceId, text, email });

it('an address names the one person who has it, an id before an address, and several are listed', async () => {
  expect(await who('u-3')).toBe('u-3');
  expect(await who('Ann@Example.COM')).toBe('ann');
  expect(await who('odd@id')).toBe('odd@id');
  expect(await who('odd@id', true)).toBe('u-6');
  await expect(who('shared@example.com')).rejects.toMatchObject({
    code: 'address_shared',
    message: '2 people have the address `shared@example.com`: `ANN`, `u-3`',
  });
  await expect(who('none@example.com')).rejects.toMatchObject({ code: 'no_such_user' });
});

describe('among many people', () => {
  it('a word that thousands have brings each of them once, in the order of the pages', async () => {
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, name) SELECT 'other', 'robin-' || n, 'Robin ' || n FROM generate_series(1, 2500) AS n`,
    );
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page: PeoplePage = await find({ workspaceId: 'other', search: 'robin', limit: 1000, after });
      ids.push(...page.users.map(({ id }) => id));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect([ids.length, new Set(ids).size]).toEqual([2500, 2500]);
    expect(ids).toEqual(ids.toSorted());
    const filter = parseFilter({ '==': [{ var: 'user_id' }, 'robin-77'] });
    const { users } = await find({ workspaceId: 'other', search: 'robin', filter });
    expect(users.map(({ user_id }) => user_id)).toEqual(['robin-77']);
  });

  it('a rare word is found by the index, whatever other workspaces hold', async () => {
    await pool.query(
      `INSERT INTO people_search (workspace_id, end_user_id, text)
       SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'other' END, gen_random_uuid(), ' id' || n || ' ' || md5(n::text) || '@example.com robin'
       FROM generate_series(1, 20000) AS n`,
    );
    await pool.query('VACUUM ANALYZE people_search');
    const client = await pool.connect();
    // A plan for the text that is asked, and one for whatever text may come.
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`);
      await client.query(
        `PREPARE search (text, text) AS SELECT end_user_id FROM people_search AS s
         WHERE s.workspace_id = $1 AND s.text LIKE muster_search_text($2) LIMIT 2001`,
      );
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN EXECUTE search ('acme', '%c4ca4238%')`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('Bitmap Index Scan on people_search_text');
      expect(plan).toMatch(/Index Cond: \(\(workspace_id = (?:'acme'::text|\$1)\) AND \(text ~~/);
      await client.query('DEALLOCATE search');
    }
    client.release(true);
  });
});
