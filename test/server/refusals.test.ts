import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
});

interface Kept {
  readonly code: string;
  readonly [key: string]: unknown;
}

function listIn(body: Answer['body']): Kept[] {
  const { refusals } = body;
  return Array.isArray(refusals) ? refusals.filter(isKept) : [];
}

function isKept(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}

const kept = async (query: string): Promise<Kept[]> => {
  const { status, body } = await service.call('GET', `/api/ingest/refusals?${query}`);
  expect(status).toBe(200);
  return listIn(body);
};
const user = async (id: string): Promise<Answer['body']> =>
  (await service.call('GET', `/api/users/${id}`)).body;
const write = (path: string, body: unknown): Promise<Answer> =>
  service.call('POST', path, body, service.writeKey);
const script = { library: 'muster.js' };

it('on /v1 what is good of a call is stored, and each trait that is not is kept with its person, place and value', async () => {
  const traits = {
    name: 'Sina',
    email: 's@example.com',
    plan: 'pro',
    renewal_date: '03/04/2025',
    big: 2 ** 60,
  };
  for (const [userId, anonymousId] of [
    ['seg-1', undefined],
    ['seg-2', 'seg-visitor'],
  ] as const) {
    const { status } = await write('/v1/batch', {
      batch: [{ type: 'identify', userId, anonymousId, traits, messageId: `m-${userId}` }],
    });
    expect(status).toBe(200);
    expect(await user(userId)).toMatchObject({
      name: 'Sina',
      email: 's@example.com',
      renewal_date: null,
      custom_fields: { plan: 'pro' },
    });
    const found = await kept(`user_id=${userId}`);
    expect(found).toMatchObject([
      {
        code: 'trait_bad_number',
        path: '/traits/big',
        value: '1152921504606847000',
        call: 'identify',
        whole: false,
      },
      {
        code: 'trait_not_time',
        path: '/traits/renewal_date',
        value: '"03/04/2025"',
        message_id: `m-${userId}`,
      },
    ]);
    expect(found[0]).toMatchObject({ user_id: userId, anonymous_id: anonymousId ?? null });
  }
  await write('/v1/identify', { userId: 'seg-3', traits: { name: 12, plan: 'pro' } });
  expect(await user('seg-3')).toMatchObject({ name: null, custom_fields: { plan: 'pro' } });
  await write('/v1/group', {
    userId: 'seg-3',
    groupId: 'seg-co',
    traits: { name: 'Globex', on_contract: 'yes' },
  });
  await write('/v1/track', { userId: 'seg-3', event: 'Paid', properties: { total: 1, id: 2 ** 60 } });
  expect((await kept('user_id=seg-3')).map(({ call, code, path }) => [call, code, path])).toEqual([
    ['track', 'trait_bad_number', '/properties/id'],
    ['group', 'trait_type', '/traits/on_contract'],
    ['identify', 'trait_type', '/traits/name'],
  ]);
  const { rows } = await pool.query(
    `SELECT c.name, e.properties->>'total' AS total FROM companies c, events e
     WHERE c.workspace_id = 'acme' AND c.company_id = 'seg-co' AND e.workspace_id = 'acme' AND e.event = 'Paid'`,
  );
  expect(rows).toEqual([{ name: 'Globex', total: '1' }]);
});

it('traits that are too large together, or no object, are left out, and the person is there', async () => {
  const traits = Object.fromEntries(Array.from({ length: 32 }, (_, each) => [`t${each}`, 'x'.repeat(1018)]));
  expect((await write('/v1/identify', { userId: 'large', traits: 'none' })).status).toBe(200);
  expect((await write('/v1/batch', { batch: [{ type: 'identify', userId: 'large', traits }] })).status).toBe(
    200,
  );
  expect(await user('large')).toMatchObject({ custom_fields: {} });
  expect((await kept('user_id=large')).map(({ code }) => code)).toEqual([
    'event_too_large',
    'traits_not_object',
  ]);
});

it('a call that is lost whole is kept too, alone and in a batch, with every fault and whoever it names', async () => {
  await write('/v1/identify', { userId: 'known-1' });
  await write('/v1/identify', { userId: 'known-2' });
  await write('/v1/batch', {
    batch: [
      { type: 'alias', userId: 'known-1', previousId: 'known-2', messageId: 'alias-1' },
      { type: 'track', userId: 'known-1', event: 'x'.repeat(300) },
      { type: 'nonsense', userId: 'known-1' },
    ],
  });
  expect(await kept('user_id=known-1')).toMatchObject([
    { code: 'segment_alias_known', call: 'alias', whole: true, message_id: 'alias-1' },
    { code: 'segment_bad_type', call: 'batch', whole: true, path: '/type', value: '"nonsense"' },
    { code: 'bad_event_name', call: 'track', whole: true },
  ]);
  expect((await write('/v1/alias', { userId: 'known-1', previousId: 'known-2' })).status).toBe(409);
  expect(
    (await service.raw('/v1/track', '{"userId":', { authorization: `Bearer ${service.writeKey}` })).status,
  ).toBe(400);
  expect((await write('/v1/identify', { userId: 'lost', traits: { x: 'y'.repeat(40_000) } })).status).toBe(
    413,
  );
  const [large, broken, alias] = await kept('limit=3');
  expect(large).toMatchObject({ code: 'body_too_large', call: 'identify', user_id: null, whole: true });
  expect(broken).toMatchObject({ code: 'body_not_json', call: 'track', user_id: null });
  expect(alias).toMatchObject({ code: 'segment_alias_known', call: 'alias', user_id: 'known-1' });
});

it('a reserved trait refuses /api/sdk with 400 and writes nothing, with either key and from the script too', async () => {
  const body = { user_id: 'reserved', traits: { plan: 'pro', created_at: '2020-01-01', on_contract: 'yes' } };
  for (const key of [service.writeKey, service.secretKey]) {
    for (const more of [{}, script]) {
      const { status, body: answer } = await service.call(
        'POST',
        '/api/sdk/users/identify',
        { ...body, ...more },
        key,
      );
      expect([status, answer.error?.code]).toEqual([400, 'reserved_trait']);
    }
  }
  expect((await user('reserved')).error?.code).toBe('no_such_user');
  const company = { company_id: 'reserved', traits: { last_seen: 'x', plan: 'pro' }, ...script };
  expect((await write('/api/sdk/companies/identify', company)).status).toBe(400);
});

it('of a call of the browser script the good part is stored, and the answer says that it is a part', async () => {
  const traits = { plan: 'pro', on_contract: 'yes' };
  const answer = await write('/api/sdk/users/identify', { user_id: 'page-1', traits, ...script });
  expect([answer.status, answer.body]).toEqual([
    200,
    { user: { user_id: 'page-1' }, created: true, partial: true },
  ]);
  expect(await user('page-1')).toMatchObject({ custom_fields: { plan: 'pro' } });
  expect(await kept('user_id=page-1')).toMatchObject([
    { code: 'trait_type', path: '/traits/on_contract', call: 'identify', whole: false },
  ]);
  const whole = await write('/api/sdk/users/identify', {
    user_id: 'page-2',
    traits: { plan: 'pro' },
    ...script,
  });
  expect(whole.body).not.toHaveProperty('partial');
  // Who is told is refused, as ever.
  const told = await write('/api/sdk/users/identify', { user_id: 'page-3', traits });
  expect([told.status, told.body.error?.code]).toEqual([400, 'trait_type']);
  expect((await user('page-3')).error?.code).toBe('no_such_user');
  expect(await kept('user_id=page-3')).toEqual([]);
});

it('the last calls of a page are stored in part too, reserved traits left out, and what is lost whole is kept', async () => {
  const { status, body } = await service.call(
    'POST',
    '/api/sdk/beacon',
    {
      key: service.writeKey,
      calls: [
        {
          call: 'users/identify',
          body: { user_id: 'left', traits: { plan: 'pro', updated_at: 1, name: 5 } },
        },
        { call: 'track', body: { user_id: 'left', event: '', message_id: 'left-1' } },
        { call: 'track', body: { user_id: 'left', event: 'big', properties: { text: 'x'.repeat(40_000) } } },
      ],
    },
    '',
  );
  expect([status, body]).toMatchObject([
    200,
    { results: [{ status: 200, body: { partial: true } }, { status: 400 }, { status: 413 }] },
  ]);
  expect(await user('left')).toMatchObject({ name: null, custom_fields: { plan: 'pro' } });
  expect((await kept('user_id=left')).map(({ code, call, whole }) => [code, call, whole])).toEqual([
    ['event_too_large', 'track', true],
    ['body_invalid', 'track', true],
    ['trait_type', 'identify', false],
    ['reserved_trait', 'identify', false],
  ]);
});

it('a header that a caller makes up does not make a call one of a page that was left', async () => {
  const headers = { authorization: `Bearer ${service.writeKey}`, 'muster-left-page': 'yes' };
  const body = JSON.stringify({ user_id: 'forged', traits: { updated_at: 1 } });
  expect((await service.raw('/api/sdk/users/identify', body, headers)).status).toBe(400);
});

it('a write key cannot read refusals, and an answer to one says nothing stored', async () => {
  const answer = await service.call('GET', '/api/ingest/refusals', undefined, service.writeKey);
  expect([answer.status, answer.body.error?.code]).toEqual([403, 'key_not_allowed']);
});

it('refusals are found by code and instant, a page at a time, newest first', async () => {
  const before = new Date().toISOString();
  for (let each = 0; each < 5; each += 1)
    await write('/v1/identify', { userId: `paged-${each}`, traits: { contract_term: 'never' } });
  const ids: unknown[] = [];
  let query = 'code=trait_not_allowed&limit=2';
  for (;;) {
    const { body } = await service.call('GET', `/api/ingest/refusals?${query}&since=${before}`);
    ids.push(...listIn(body).map((each) => each['user_id']));
    if (typeof body['next'] !== 'string') break;
    query = `code=trait_not_allowed&limit=2&after=${body['next']}`;
  }
  expect(ids).toEqual(['paged-4', 'paged-3', 'paged-2', 'paged-1', 'paged-0']);
  const { status, body } = await service.call('GET', '/api/ingest/refusals?since=yesterday');
  expect([status, body.error?.code]).toEqual([400, 'bad_since']);
});

it('hostile ids and values are kept within bounds, as text that the database can hold', async () => {
  const nul = String.fromCharCode(0);
  const half = String.fromCharCode(0xd800);
  const traits = { [`${half}key`]: 1, long: `${'y'.repeat(5000)}${nul}`, name: `${nul}${half}` };
  expect(
    (
      await write('/v1/batch', {
        batch: [
          { type: 'identify', userId: 'hostile', traits, messageId: `m${nul}` },
          { type: 'identify', userId: `h${nul}`, anonymousId: 'x'.repeat(5000) },
        ],
      })
    ).status,
  ).toBe(200);
  const all = [...(await kept('user_id=hostile')), ...(await kept('limit=4'))];
  expect(all.length).toBeGreaterThan(4);
  for (const each of all) {
    for (const value of Object.values(each)) expect(String(value).length).toBeLessThanOrEqual(512);
    // Values and messages spell such characters out.
    const { code, path, call, user_id, anonymous_id, message_id } = each;
    expect(JSON.stringify({ code, path, call, user_id, anonymous_id, message_id })).not.toMatch(
      /\\u0000|\\ud800/,
    );
  }
});

it('they are counted by code, also those that are too many to be kept', async () => {
  const own = await testDatabase();
  const busy = await startService(own.pool, 'busy', { clock: () => 1_700_000_000_000 });
  const item = {
    type: 'identify',
    userId: 'many',
    traits: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`t${n}`, 2 ** 60])),
  };
  const batch = Array.from({ length: 260 }, () => item);
  for (let each = 0; each < 2; each += 1) {
    const { status } = await busy.call('POST', '/v1/batch', { batch });
    expect(status).toBe(200);
  }
  const { rows } = await own.pool.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM ingest_refusals',
  );
  expect(rows).toEqual([{ count: 10_000 }]);
  const metrics = await (await fetch(`${busy.url}/metrics`)).text();
  expect(metrics).toContain('muster_ingest_refusals_total{code="trait_bad_number"} 10400');
});
