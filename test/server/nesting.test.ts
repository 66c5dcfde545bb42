import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { serviceLog } from '../../src/server/log.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
const logged: string[] = [];

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const log = serviceLog({ level: 'info', to: { write: (line: string) => void logged.push(line) } });
  service = await startService(pool, 'w', { log });
});
beforeEach(async () => {
  logged.length = 0;
  await pool.query('TRUNCATE end_users, companies, events CASCADE');
});

/** A value of so many levels, lists and objects in turn; the innermost is empty. */
function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = levels - 1; level > 0; level -= 1) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

/** The pointer of the level that is one too many. */
const tooDeep = (path: string): string => path + '/in/0'.repeat(32);

/** Every value named `deep` that is stored, of people, companies and events. */
async function stored(): Promise<unknown[]> {
  const { rows } = await pool.query<{ deep: unknown }>(
    `SELECT custom_fields -> 'deep' AS deep FROM end_users WHERE custom_fields ? 'deep'
     UNION ALL SELECT custom_fields -> 'deep' FROM companies WHERE custom_fields ? 'deep'
     UNION ALL SELECT coalesce(properties -> 'deep', properties #> '{context,deep}') FROM events
       WHERE properties ? 'deep' OR properties #> '{context,deep}' IS NOT NULL`,
  );
  return rows.map(({ deep }) => deep);
}

/** Calls that stand for themselves, each around a deep value: address, body, and where the value is. */
const single: Record<string, readonly [string, (deep: unknown) => object, string]> = {
  'traits of identify': [
    'POST /api/sdk/users/identify',
    (deep) => ({ user_id: 'u', traits: { deep } }),
    '/traits/deep',
  ],
  'company traits of identify': [
    'POST /api/sdk/users/identify',
    (deep) => ({ user_id: 'u', company_id: 'c', company_traits: { deep } }),
    '/company_traits/deep',
  ],
  'traits of a company': [
    'POST /api/sdk/companies/identify',
    (deep) => ({ company_id: 'c', traits: { deep } }),
    '/traits/deep',
  ],
  'properties of an event': [
    'POST /api/sdk/track',
    (deep) => ({ user_id: 'u', event: 'e', properties: { deep } }),
    '/properties/deep',
  ],
  'traits of a backfill': ['PATCH /api/users/u', (deep) => ({ traits: { deep } }), '/traits/deep'],
};

it.each(Object.entries(single))(
  '64 levels in the %s are taken, 65 refused with code and path',
  async (_, [address, bodyOf, path]) => {
    const [method = '', url = ''] = address.split(' ');
    const send = (levels: number): Promise<Answer> => service.call(method, url, bodyOf(nested(levels)));
    expect((await send(65)).body.error).toMatchObject({ code: 'trait_too_deep', path: tooDeep(path) });
    expect(await stored()).toEqual([]);
    expect((await send(64)).status).toBe(200);
    expect(await stored()).toEqual([nested(64)]);
  },
);

it.each([
  ['traits', 'identify', (deep: unknown) => ({ userId: 'u', traits: { deep } })],
  ['properties', 'track', (deep: unknown) => ({ userId: 'u', event: 'e', properties: { deep } })],
] as const)(
  "64 levels in the %s of Segment's %s are taken, 65 left out and kept as a refusal",
  async (part, call, bodyOf) => {
    expect((await service.call('POST', `/v1/${call}`, bodyOf(nested(65)))).status).toBe(200);
    expect(await stored()).toEqual([]);
    const { body } = await service.call('GET', '/api/ingest/refusals?limit=1');
    expect(body).toMatchObject({ refusals: [{ code: 'trait_too_deep', path: tooDeep(`/${part}/deep`) }] });
    expect((await service.call('POST', `/v1/${call}`, bodyOf(nested(64)))).status).toBe(200);
    expect(await stored()).toEqual([nested(64)]);
  },
);

it('64 levels in the traits of a batch of users are taken, 65 refused for that item with code and path', async () => {
  const users = [65, 64].map((levels, i) => ({ user_id: `u${i}`, traits: { deep: nested(levels) } }));
  const { status, body } = await service.call('POST', '/api/users/batch', { users });
  expect([status, body['results']]).toMatchObject([
    200,
    [
      { status: 'rejected', error: { code: 'trait_too_deep', path: tooDeep('/users/0/traits/deep') } },
      { status: 'created' },
    ],
  ]);
  expect(await stored()).toEqual([nested(64)]);
});

it("64 levels in the items of Segment's batch are taken, 65 refused; context has one level less", async () => {
  const items = (levels: number): object[] => [
    { type: 'identify', userId: 'a', traits: { deep: nested(levels) } },
    { type: 'track', userId: 'b', event: 'e', properties: { deep: nested(levels) } },
    { type: 'group', userId: 'c', groupId: 'g', traits: { deep: nested(levels) } },
    { type: 'page', userId: 'd', context: { deep: nested(levels - 1) } },
  ];
  expect((await service.call('POST', '/v1/batch', { batch: items(65) })).status).toBe(200);
  expect(logged.join('')).toContain('"refused":{"item_too_deep":3,"trait_too_deep":1}');
  expect(await stored()).toEqual([]);
  expect((await service.call('POST', '/v1/batch', { batch: items(64) })).status).toBe(200);
  const found = await stored();
  expect(found).toHaveLength(4);
  expect(found).toEqual(expect.arrayContaining([nested(64), nested(63)]));
});

it("64 levels in the last calls of a page are taken, 65 refused in that call's answer", async () => {
  const calls = [65, 64].map((levels) => ({
    call: 'track',
    body: { user_id: 'u', event: 'e', properties: { deep: nested(levels) } },
  }));
  const { body } = await service.call('POST', '/api/sdk/beacon', { key: service.writeKey, calls });
  expect(body['results']).toMatchObject([
    { status: 400, body: { error: { code: 'item_too_deep' } } },
    { status: 200 },
  ]);
  expect(await stored()).toEqual([nested(64)]);
});
