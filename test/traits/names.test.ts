import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { inWorkspace } from '../../src/database/workspace.js';
import { setTraits } from '../../src/traits/set-traits.js';
import { freeNames } from '../../src/traits/upkeep/names.js';
import { track } from '../../src/traits/track.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;

beforeAll(async () => {
  ({ pool } = await testDatabase());
});

/** As if calls had brought so many names. */
async function fill(
  workspace: string,
  kind: 'user' | 'event',
  count: number,
  byWriteKey = false,
): Promise<void> {
  await pool.query(
    `INSERT INTO known_names (workspace_id, kind, name, by_write_key)
     SELECT $1, $2, 'old' || $4::boolean || n, $4::boolean FROM generate_series(1, $3) AS n`,
    [workspace, kind, count, byWriteKey],
  );
}

/** A workspace where write keys have no room for names, or nobody has. */
async function full(workspace: string, key: 'write' | 'secret'): Promise<Service> {
  const service = await startService(pool, workspace);
  const publicly = key === 'write';
  await fill(workspace, 'user', publicly ? 5000 : 10_000, publicly);
  await fill(workspace, 'event', publicly ? 1000 : 2000, publicly);
  return service;
}

const keyOf = ({ writeKey, secretKey }: Service, key: 'write' | 'secret'): string =>
  key === 'write' ? writeKey : secretKey;

const traitsOf = async (workspace: string, table: string): Promise<unknown[]> => {
  const { rows } = await pool.query<{ traits: unknown }>(
    `SELECT custom_fields AS traits FROM ${table} WHERE workspace_id = $1 ORDER BY created_at`,
    [workspace],
  );
  return rows.map(({ traits }) => traits);
};

const identify = '/api/sdk/users/identify';

describe.each(['write', 'secret'] as const)('with the %s key', (key) => {
  const limit = key === 'write' ? 5000 : 10_000;
  const calls: [string, string, object, string][] = [
    [identify, 'end_users', { user_id: 'a', traits: { fresh: 1 } }, '/traits/fresh'],
    [identify, 'end_users', { anonymous_id: 'v', traits: { fresh: 1 } }, '/traits/fresh'],
    [
      identify,
      'companies',
      { user_id: 'a', company_id: 'c', company_traits: { fresh: 1 } },
      '/company_traits/fresh',
    ],
    ['/api/sdk/companies/identify', 'companies', { company_id: 'c', traits: { fresh: 1 } }, '/traits/fresh'],
  ];

  it.each(calls.map((call, index) => [index, ...call] as const))(
    '%i: %s refuses a new key where there is no room, and takes one that is there',
    async (index, path, table, body, at) => {
      const workspace = `keys-${key}-${index}`;
      const service = await full(workspace, key);
      const refused = await service.call('POST', path, body, keyOf(service, key));
      expect([refused.status, refused.body.error?.code]).toEqual([422, 'too_many_trait_keys']);
      expect(refused.body.error?.path).toBe(at);
      expect(refused.body.error?.message).toContain(String(limit));
      expect(await traitsOf(workspace, table)).toEqual([]);
      await pool.query(
        `UPDATE known_names SET kind = $2, name = 'there' WHERE workspace_id = $1 AND kind = 'user' AND name = 'old' || $3::boolean || '77'`,
        [workspace, table === 'companies' ? 'company' : 'user', key === 'write'],
      );
      const known: unknown = JSON.parse(JSON.stringify(body).replaceAll('fresh', 'there'));
      const taken = await service.call('POST', path, known, keyOf(service, key));
      expect(taken.status).toBe(200);
      expect(await traitsOf(workspace, table)).toEqual([{ there: 1 }]);
    },
  );

  it('an event with a new name is refused, and stored with one that is there', async () => {
    const service = await full(`events-${key}`, key);
    const send = async (event: string): Promise<unknown> =>
      (await service.call('POST', '/api/sdk/track', { user_id: 'a', event }, keyOf(service, key))).body.error
        ?.code;
    expect(await send('fresh')).toBe('too_many_event_names');
    expect(await send(`old${String(key === 'write')}1`)).toBeUndefined();
  });

  it("Segment's calls store the rest of the person, and what is left out is kept as a refusal", async () => {
    const workspace = `segment-${key}`;
    const service = await full(workspace, key);
    const traits = { name: 'Jane', fresh: 1 };
    const batch = [
      { type: 'identify', userId: 'one', traits },
      { type: 'identify', userId: 'two', traits: { name: 'Jo' } },
      { type: 'group', groupId: 'c', userId: 'one', traits },
      { type: 'track', userId: 'two', event: 'fresh' },
    ];
    const { status } = await service.call('POST', '/v1/batch', { batch }, keyOf(service, key));
    expect(status).toBe(200);
    await service.call('POST', '/v1/identify', { userId: 'three', traits }, keyOf(service, key));
    const { rows } = await pool.query(
      'SELECT user_id, name FROM end_users WHERE workspace_id = $1 ORDER BY 1',
      [workspace],
    );
    expect(rows).toEqual([
      { user_id: 'one', name: 'Jane' },
      { user_id: 'three', name: 'Jane' },
      { user_id: 'two', name: 'Jo' },
    ]);
    const kept = await pool.query(
      'SELECT code, path, whole FROM ingest_refusals WHERE workspace_id = $1 ORDER BY code, path',
      [workspace],
    );
    expect(kept.rows).toEqual([
      { code: 'too_many_event_names', path: '/event', whole: true },
      { code: 'too_many_trait_keys', path: '/traits/fresh', whole: false },
      { code: 'too_many_trait_keys', path: '/traits/fresh', whole: false },
      { code: 'too_many_trait_keys', path: '/traits/fresh', whole: false },
    ]);
  });
});

it('the last calls of a page store the rest of the person, and say that a part is missing', async () => {
  const service = await full('beacon', 'write');
  const body = { user_id: 'a', traits: { name: 'Jane', fresh: 1 } };
  const beacon = { key: service.writeKey, calls: [{ call: 'users/identify', body }] };
  const answer = await service.call('POST', '/api/sdk/beacon', beacon, '');
  expect(answer.body).toMatchObject({ results: [{ status: 200, body: { partial: true } }] });
  const { rows } = await pool.query(
    `SELECT name, custom_fields FROM end_users WHERE workspace_id = 'beacon'`,
  );
  expect(rows).toEqual([{ name: 'Jane', custom_fields: {} }]);
});

it('what write keys may not add a secret key may, and then write keys send it', async () => {
  const service = await full('halves', 'write');
  const send = async (key: 'write' | 'secret'): Promise<number> =>
    (await service.call('POST', identify, { user_id: 'a', traits: { fresh: 1 } }, keyOf(service, key)))
      .status;
  expect([await send('write'), await send('secret'), await send('write')]).toEqual([422, 200, 200]);
});

it('of calls at once as many bring new keys as there is room', async () => {
  const service = await startService(pool, 'race');
  await fill('race', 'user', 9990);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      service.call(
        'POST',
        identify,
        { user_id: `u${index}`, traits: { [`new${index}`]: 1 } },
        service.secretKey,
      ),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
});

it('backfills and files leave out people whose keys have no room, and a table of them is refused', async () => {
  const service = await full('lists', 'secret');
  const users = [
    { user_id: 'one', traits: { fresh: 1 } },
    { user_id: 'two', traits: { name: 'Jo' } },
  ];
  const batch = await service.call('POST', '/api/users/batch', { users });
  expect(batch.body['results']).toMatchObject([
    { status: 'rejected', error: { code: 'too_many_trait_keys', path: '/users/0/traits/fresh' } },
    { status: 'created' },
  ]);
  const patch = await service.call('PATCH', '/api/users/one', { traits: { fresh: 1 } });
  expect(patch.body.error?.code).toBe('too_many_trait_keys');
  const load = async (type: string, text: string): Promise<object> =>
    (await service.raw('/api/imports', text, { 'content-type': type })).body;
  expect(
    await load('application/x-ndjson', users.map((each) => JSON.stringify(each)).join('\n')),
  ).toMatchObject({
    rejected: 1,
    updated: 1,
    rejects: [{ line: 1, code: 'too_many_trait_keys' }],
  });
  expect(await load('text/csv', 'user_id,fresh\none,1\n')).toMatchObject({
    error: { code: 'too_many_trait_keys' },
  });
  const declared = await service.call('PUT', '/api/traits/fresh', { declared_type: 'number' });
  expect(declared.body.error?.code).toBe('too_many_trait_keys');
});

it('a step that sets a trait for which there is no room passes over the person', async () => {
  await full('steps', 'secret');
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO end_users (workspace_id, user_id) VALUES ('steps', 'a') RETURNING id`,
  );
  const set = async (traits: Record<string, unknown>): Promise<void> =>
    inWorkspace(pool, 'steps', (client) =>
      setTraits(client, 'steps', [{ endUser: rows[0]?.id ?? '', traits }]),
    );
  await set({ fresh: 1 });
  await set({ oldfalse1: 1 });
  expect(await traitsOf('steps', 'end_users')).toEqual([{ oldfalse1: 1 }]);
});

it('a write key brings events of the last year, a secret key of ten', async () => {
  const service = await startService(pool, 'past');
  const send = async (key: 'write' | 'secret', daysAgo: number): Promise<unknown> => {
    const occurred_at = new Date(Date.now() - daysAgo * 86_400_000).toISOString();
    const body = { user_id: 'a', event: 'e', occurred_at };
    return (await service.call('POST', '/api/sdk/track', body, keyOf(service, key))).body.error?.code;
  };
  expect(await send('write', 364)).toBeUndefined();
  expect(await send('write', 367)).toBe('event_too_old');
  expect(await send('secret', 3600)).toBeUndefined();
  expect(await send('secret', 3660)).toBe('event_too_old');
});

it('names that nothing has any more give their room back after an hour', async () => {
  const service = await full('freed', 'secret');
  await service.call('POST', identify, { user_id: 'a', traits: { oldfalse1: 1 } });
  await service.call('POST', '/api/sdk/track', { user_id: 'a', event: 'oldfalse2' });
  const names = async (): Promise<unknown> => {
    const { rows } = await pool.query<{ names: unknown }>(
      `SELECT array_agg(name ORDER BY name) AS names FROM known_names WHERE workspace_id = 'freed'`,
    );
    return rows[0]?.names;
  };
  const before = await names();
  await freeNames(pool, { now: Date.now() });
  expect(await names()).toEqual(before);
  await freeNames(pool, { now: Date.now() + 3_700_000 });
  expect(await names()).toEqual(['oldfalse1', 'oldfalse2']);
});

it('an event of a file whose name has no room is rejected with its line, and the rest is stored', async () => {
  const service = await full('history', 'secret');
  const text = 'user_id,event,time\na,fresh,2026-01-01\na,oldfalse1,2026-01-01\n';
  const { body } = await service.raw('/api/imports/events', text, { 'content-type': 'text/csv' });
  expect(body).toMatchObject({
    stored: 1,
    rejected: 1,
    rejects: [{ line: 2, code: 'too_many_event_names' }],
  });
});

it('the list of traits comes in pages, each once, and by how keys begin', async () => {
  const service = await startService(pool, 'pages');
  const keys = Array.from({ length: 25 }, (_, index) => `page_${String(index).padStart(2, '0')}`);
  const traits = Object.fromEntries([...keys, 'Other'].map((key) => [key, 1]));
  await service.call('POST', identify, { user_id: 'a', traits });
  await service.call('POST', identify, { user_id: 'b', traits: { page_20: 1 } });
  const ask = async (query: string): Promise<{ keys: unknown; next: unknown }> => {
    const { body } = await service.call('GET', `/api/traits?${query}`);
    const found = body['traits'];
    const each = Array.isArray(found) ? found.map((trait: { key: unknown }) => trait.key) : found;
    return { keys: each, next: body['next'] };
  };
  const first = await ask('limit=10&prefix=PAGE_');
  const second = await ask(`limit=10&prefix=PAGE_&after=${String(first.next)}`);
  const third = await ask(`limit=10&prefix=PAGE_&after=${String(second.next)}`);
  expect([first.keys, second.keys, third.keys].flat()).toEqual([
    'page_20',
    ...keys.filter((key) => key !== 'page_20'),
  ]);
  expect(third.next).toBeNull();
  expect(await ask('prefix=oth')).toEqual({ keys: ['Other'], next: null });
});

it('a usual call asks for no name that is there', async () => {
  await startService(pool, 'usual');
  const call = { workspaceId: 'usual', userId: 'a', event: 'e' };
  await track(pool, call);
  await pool.query('DELETE FROM known_names WHERE workspace_id = $1', ['usual']);
  await track(pool, call);
  expect((await pool.query(`SELECT FROM known_names WHERE workspace_id = 'usual'`)).rowCount).toBe(0);
});
