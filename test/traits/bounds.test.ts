import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { inWorkspace } from '../../src/database/workspace.js';
import { setTraits } from '../../src/traits/set-traits.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
let service: Service;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
});

const keys = (count: number, prefix: string, value: unknown = 1): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, value]));

type Table = 'end_users' | 'companies';
const idOf = { end_users: 'user_id', companies: 'company_id' } as const;

async function store(table: Table, id: string, traits: object): Promise<void> {
  await pool.query(
    `INSERT INTO ${table} (workspace_id, ${idOf[table]}, custom_fields) VALUES ('acme', $1, $2)`,
    [id, traits],
  );
}

/** As databases from before the bounds have them. */
async function storeOverfull(id: string, traits: object): Promise<void> {
  await pool.query('ALTER TABLE end_users DISABLE TRIGGER end_users_bounds_insert');
  await store('end_users', id, traits);
  await pool.query('ALTER TABLE end_users ENABLE TRIGGER end_users_bounds_insert');
}

async function stored(table: Table, id: string): Promise<Record<string, unknown>> {
  const { rows } = await pool.query<{ traits: Record<string, unknown> }>(
    `SELECT custom_fields AS traits FROM ${table} WHERE workspace_id = 'acme' AND ${idOf[table]} = $1`,
    [id],
  );
  return rows[0]?.traits ?? {};
}

/** What a call says of being refused, or the text `taken`. */
type Way = (id: string, traits: object) => Promise<unknown>;

const call =
  (method: string, path: (id: string) => string, body: (id: string, traits: object) => object): Way =>
  async (id, traits) => {
    const { status, body: answer } = await service.call(method, path(id), body(id, traits));
    return status === 200 ? 'taken' : answer.error?.code;
  };
const post = (path: string, body: (id: string, traits: object) => object): Way =>
  call('POST', () => path, body);

const identify = '/api/sdk/users/identify';
const file =
  (type: string, write: (id: string, traits: object) => string): Way =>
  async (id, traits) => {
    const { body } = await service.raw('/api/imports', write(id, traits), { 'content-type': type });
    const rejects: unknown = body['rejects'];
    return body['rejected'] === 0 ? 'taken' : rejects;
  };
/** A batch of Segment answers 200 whatever it left out. */
const batched =
  (item: (id: string, traits: object) => object): Way =>
  async (id, traits) => {
    const others = ['before', 'after'].map((userId) => ({
      type: 'identify',
      userId: `${id}-${userId}`,
      traits: { a: 1 },
    }));
    await service.call('POST', '/v1/batch', { batch: [others[0], item(id, traits), others[1]] });
    for (const { userId } of others) expect(await stored('end_users', userId)).toEqual({ a: 1 });
    return undefined;
  };

/** The rest of the call is taken, and the answer is the same. */
const inPart = (path: string, body: (id: string, traits: object) => object): Way => {
  const send = post(path, body);
  return async (id, traits) => {
    expect(await send(id, traits)).toBe('taken');
    return undefined;
  };
};
const ofPeople: Record<string, Way> = {
  identify: post(identify, (user_id, traits) => ({ user_id, traits })),
  'identify that joins a visitor': async (id, traits) => {
    const anonymous_id = `v-${id}-${Object.keys(traits)[0] ?? ''}`;
    await service.call('POST', identify, { anonymous_id, traits });
    const { status, body } = await service.call('POST', identify, { user_id: id, anonymous_id });
    return status === 200 ? 'taken' : body.error?.code;
  },
  'a merge of two known people': async (id, traits) => {
    const from = `gone-${id}-${JSON.stringify(traits).length}`;
    await store('end_users', from, traits);
    const { status, body } = await service.call('POST', `/api/users/${id}/merge`, { from });
    if (status !== 200) expect(await stored('end_users', from)).toEqual(traits);
    return status === 200 ? 'taken' : body.error?.code;
  },
  PATCH: call(
    'PATCH',
    (id) => `/api/users/${id}`,
    (_, traits) => ({ traits }),
  ),
  'batch of people': async (id, traits) => {
    const users = [{ user_id: `${id}-1` }, { user_id: id, traits }, { user_id: `${id}-2`, traits: { a: 1 } }];
    const { body } = await service.call('POST', '/api/users/batch', { users });
    expect([await stored('end_users', `${id}-1`), await stored('end_users', `${id}-2`)]).toEqual([
      {},
      { a: 1 },
    ]);
    return body['rejected'] === 0 ? 'taken' : body['results'];
  },
  'a file of CSV': file('text/csv', (id, traits) => {
    const header = ['user_id', ...Object.keys(traits)].join(',');
    return `${header}\n${[id, ...Object.entries(traits).map(([, value]) => String(value))].join(',')}\n${id}-other${','.repeat(Object.keys(traits).length)}\n`;
  }),
  'a file of NDJSON': file(
    'application/x-ndjson',
    (user_id, traits) =>
      `${JSON.stringify({ user_id: `${user_id}-1`, traits: { a: 1 } })}\n${JSON.stringify({ user_id, traits })}\n`,
  ),
  'a step of a series': async (id, traits) => {
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM end_users WHERE user_id = $1', [id]);
    await inWorkspace(pool, 'acme', (client) =>
      setTraits(client, 'acme', [{ endUser: rows[0]?.id ?? '', traits: { ...traits } }]),
    );
    return undefined;
  },
  "Segment's identify": inPart('/v1/identify', (userId, traits) => ({ userId, traits })),
  "a batch of Segment's": batched((userId, traits) => ({ type: 'identify', userId, traits })),
};
const ofCompanies: Record<string, Way> = {
  'the company call': post('/api/sdk/companies/identify', (company_id, traits) => ({ company_id, traits })),
  'PATCH with a company': call(
    'PATCH',
    (id) => `/api/users/of-${id}`,
    (company_id, company_traits) => ({ company_id, company_traits }),
  ),
  'a batch of people with companies': async (company_id, company_traits) => {
    const other = { user_id: `${company_id}-1`, company_id: `${company_id}-other`, company_traits: { a: 1 } };
    const users = [other, { user_id: `${company_id}-2`, company_id, company_traits }];
    const { body } = await service.call('POST', '/api/users/batch', { users });
    expect(await stored('companies', `${company_id}-other`)).toEqual({ a: 1 });
    return body['rejected'] === 0 ? 'taken' : body['results'];
  },
  'a file of people with companies': file(
    'application/x-ndjson',
    (company_id, company_traits) =>
      `${JSON.stringify({ user_id: `${company_id}-1`, traits: {} })}\n${JSON.stringify({ user_id: `${company_id}-2`, company_id, company_traits })}\n`,
  ),
  'identify with a company': post(identify, (company_id, company_traits) => ({
    user_id: `of-${company_id}`,
    company_id,
    company_traits,
  })),
  "Segment's group": inPart('/v1/group', (groupId, traits) => ({ groupId, userId: `of-${groupId}`, traits })),
  "a batch of Segment's": batched((groupId, traits) => ({
    type: 'group',
    groupId,
    anonymousId: 'a',
    traits,
  })),
};

describe.each([
  ['end_users', ofPeople],
  ['companies', ofCompanies],
] as const)('%s', (table, ways) => {
  it.each(Object.entries(ways))(
    '%s: the 1,001st custom trait is refused and nothing of the call is written',
    async (name, way) => {
      const id = `traits-${table}-${name.replace(/\W/g, '')}`;
      const before = keys(990, 'k');
      await store(table, id, before);
      const refusal = await way(id, { ...keys(11, 'new'), k0: 7 });
      expect(JSON.stringify(refusal ?? 'too_many_custom_traits')).toContain('too_many_custom_traits');
      expect(await stored(table, id)).toEqual(before);
      expect((await way(id, keys(10, 'fits'))) ?? 'taken').toBe('taken');
      expect(Object.keys(await stored(table, id))).toHaveLength(1000);
    },
  );

  it.each(Object.entries(ways))('%s: more than 128 KiB of custom traits are refused', async (name, way) => {
    const id = `bytes-${table}-${name.replace(/\W/g, '')}`;
    const before = { big: 'x'.repeat(110_000) };
    await store(table, id, before);
    const refusal = await way(id, { more: 'y'.repeat(22_000) });
    expect(JSON.stringify(refusal ?? 'custom_traits_too_large')).toContain('custom_traits_too_large');
    expect(await stored(table, id)).toEqual(before);
    const fits = { more: 'y'.repeat(20_000) };
    expect((await way(id, fits)) ?? 'taken').toBe('taken');
    expect(await stored(table, id)).toEqual({ ...before, ...fits });
  });
});

it('somebody new is refused with more, too, and is not made', async () => {
  const { status, body } = await service.call('POST', identify, {
    user_id: 'fresh',
    traits: keys(1001, 'k'),
  });
  expect([status, body.error?.code]).toEqual([422, 'too_many_custom_traits']);
  expect((await pool.query(`SELECT FROM end_users WHERE user_id = 'fresh'`)).rowCount).toBe(0);
});

it('numbers that are short in storage and long as text count by their text', async () => {
  const traits = { list: Array.from({ length: 500 }, () => 1e-300) };
  const { body } = await service.call('POST', identify, { user_id: 'digits', traits });
  expect(body.error?.code).toBe('custom_traits_too_large');
});

it('of calls at once about one person, as many are taken as fit, and each of those whole', async () => {
  const answers = await Promise.all(
    Array.from({ length: 15 }, (_, index) =>
      service.call('POST', identify, { user_id: 'race', traits: keys(100, `c${index}-`) }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
  expect(Object.keys(await stored('end_users', 'race'))).toHaveLength(1000);
});

it('who exceeds a bound from before may shrink and change what is there, but not grow', async () => {
  await storeOverfull('old-traits', keys(1200, 'k'));
  const send = async (userId: string, traits: object): Promise<unknown> =>
    (await service.call('POST', identify, { user_id: userId, traits })).body.error?.code;
  expect(await send('old-traits', { new: 1 })).toBe('too_many_custom_traits');
  expect(await send('old-traits', { k0: 2 })).toBeUndefined();
  expect(await send('old-traits', { name: 'Jane' })).toBeUndefined();
  expect(await send('old-traits', { k1: null, k2: null, new: 1 })).toBeUndefined();
  expect(await send('old-traits', { newer: 1 })).toBe('too_many_custom_traits');
  const batch = [{ type: 'identify', userId: 'old-traits', traits: { k0: 3, k3: null } }];
  await service.call('POST', '/v1/batch', { batch });
  expect(await stored('end_users', 'old-traits')).toMatchObject({ k0: 3, new: 1 });
  await storeOverfull('old-bytes', { a: 'x'.repeat(140_000), b: 'x'.repeat(100) });
  expect(await send('old-bytes', { b: 'x'.repeat(101) })).toBe('custom_traits_too_large');
  expect(await send('old-bytes', { b: 'y'.repeat(100) })).toBeUndefined();
  expect(await send('old-bytes', { a: 'short' })).toBeUndefined();
});
