import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme', { clock: () => Date.parse('2026-03-01T12:00:00Z') });
});

const post = (call: string, body: unknown): Promise<Answer> =>
  service.call('POST', `/v1/${call}`, body, service.writeKey);
const user = async (id: string): Promise<Answer['body']> =>
  (await service.call('GET', `/api/users/${id}`)).body;

async function identified(userId: string, traits: object, context?: object): Promise<Answer['body']> {
  expect((await post('identify', { userId, traits, context })).status).toBe(200);
  return user(userId);
}

async function refusalsOf(userId: string): Promise<unknown[]> {
  const { body } = await service.call('GET', `/api/ingest/refusals?user_id=${userId}`);
  const { refusals } = body;
  if (!Array.isArray(refusals)) throw new Error('no list of refusals');
  return refusals.map(({ code, path, whole }: Record<string, unknown>) => ({ code, path, whole }));
}

async function companies(id: string): Promise<unknown[]> {
  const { rows } = await pool.query<{ company: unknown }>(
    `SELECT jsonb_build_object('name', name, 'signed_up_at', signed_up_at::date, 'custom', custom_fields) AS company
     FROM companies WHERE workspace_id = 'acme' AND company_id = $1`,
    [id],
  );
  return rows.map(({ company }) => company);
}

describe('`company` among the traits of a user', () => {
  it('with an id is joined, with its other traits, and is no trait of the user', async () => {
    const company = { id: 'co-1', name: 'Initech', plan: 'pro', createdAt: 1_735_689_600 };
    expect(await identified('c1', { seats: 3, company })).toEqual(
      expect.objectContaining({
        company_id: 'co-1',
        custom_fields: { seats: 3 },
      }),
    );
    expect(await companies('co-1')).toEqual([
      { name: 'Initech', signed_up_at: '2025-01-01', custom: { plan: 'pro' } },
    ]);
    expect(await identified('c2', { company: { id: 7 } })).toEqual(
      expect.objectContaining({
        company_id: '7',
        custom_fields: {},
      }),
    );
  });

  it('without an id, or of a visitor, stays a trait', async () => {
    const all = [{ name: 'Initech' }, { id: '', name: 'x' }, { id: null }, 'Initech', ['co-1']];
    for (const company of all)
      expect(await identified('c3', { company })).toEqual(
        expect.objectContaining({
          company_id: null,
          custom_fields: { company },
        }),
      );
    await post('identify', { anonymousId: 'c-visitor', traits: { company: { id: 'co-2' } } });
    expect(await companies('co-2')).toEqual([]);
  });

  it('costs nothing else where its id or a trait of it cannot be stored', async () => {
    const company = { id: '[object Object]', name: 'x' };
    expect(await identified('c4', { plan: 'pro', company })).toEqual(
      expect.objectContaining({
        company_id: null,
        custom_fields: { plan: 'pro' },
      }),
    );
    expect(await identified('c5', { company: { id: 'co-5', name: 5, last_seen: 1, plan: 'pro' } })).toEqual(
      expect.objectContaining({ company_id: 'co-5' }),
    );
    expect(await companies('co-5')).toEqual([{ name: null, signed_up_at: null, custom: { plan: 'pro' } }]);
    expect(await refusalsOf('c4')).toEqual([
      { code: 'id_missing_value', path: '/traits/company/id', whole: false },
    ]);
    expect(await refusalsOf('c5')).toEqual([
      { code: 'reserved_trait', path: '/traits/company/last_seen', whole: false },
      { code: 'trait_type', path: '/traits/company/name', whole: false },
    ]);
  });
});

it('a first and a last name make the name of whoever has none', async () => {
  const named = { firstName: ' Ann ', lastName: 'Lee' };
  expect(await identified('n1', named)).toEqual(
    expect.objectContaining({ name: 'Ann Lee', custom_fields: named }),
  );
  expect(await identified('n1', { firstName: 'Anna', lastName: 'Lee' })).toEqual(
    expect.objectContaining({ name: 'Ann Lee' }),
  );
  expect(await identified('n2', { ...named, name: 'Dr Lee' })).toEqual(
    expect.objectContaining({ name: 'Dr Lee' }),
  );
  expect(await identified('n2', { ...named, name: null })).toEqual(expect.objectContaining({ name: null }));
  for (const parts of [
    { firstName: 'Ann' },
    { lastName: 'Lee' },
    { ...named, lastName: ' ' },
    { ...named, firstName: 1 },
  ])
    expect(await identified('n3', parts)).toEqual(expect.objectContaining({ name: null }));
  const long = { firstName: 'x'.repeat(1000), lastName: 'y'.repeat(1000) };
  expect(await identified('n4', long)).toEqual(expect.objectContaining({ name: null, custom_fields: long }));
});

describe('`createdAt` and `created_at`', () => {
  it.each([
    ['2025-01-02', '2025-01-02T00:00:00.000Z'],
    ['2025-01-02T03:04:05.678+02:00', '2025-01-02T01:04:05.678Z'],
    ['2025-01-02 03:04:05', '2025-01-02T03:04:05.000Z'],
    ['2025-01-02 03:04:05.678+0000', '2025-01-02T03:04:05.678Z'],
    ['2025-01-02 03:04:05+00', '2025-01-02T03:04:05.000Z'],
    ['2025-01-02t03:04:05z', null],
    [1_735_787_045, '2025-01-02T03:04:05.000Z'],
    [1_735_787_045_678, '2025-01-02T03:04:05.678Z'],
    ['1735787045', '2025-01-02T03:04:05.000Z'],
    [1_735_787_045.5, '2025-01-02T03:04:05.500Z'],
    ['Thu, 02 Jan 2025 03:04:05 GMT', '2025-01-02T03:04:05.000Z'],
    ['Fri, 02 Jan 2025 03:04:05 GMT', null],
    ['Mon Jan 05 2026', null],
    ['03/04/2025', null],
    [20_250_102, null],
    [true, null],
  ])('%j is the signup, where it has one meaning', async (value, wanted) => {
    const id = `t-${String(value).replaceAll(/[^0-9a-z]/gi, '-')}`;
    expect(await identified(id, { createdAt: value })).toEqual(
      expect.objectContaining({
        signed_up_at: wanted,
        custom_fields: wanted === null ? { createdAt: value } : {},
      }),
    );
    // One that is not understood stays a trait, and somebody can find out that it is no signup.
    expect(await refusalsOf(id)).toEqual(
      wanted === null ? [{ code: 'trait_not_time', path: '/traits/createdAt', whole: false }] : [],
    );
    expect(await identified(`${id}-s`, { created_at: value })).toEqual(
      expect.objectContaining({ signed_up_at: wanted }),
    );
  });

  it('gives way to `signed_up_at`, and one without a value says nothing', async () => {
    const both = { createdAt: 'some day', signed_up_at: '2023-01-01' };
    expect(await identified('t-both', both)).toEqual(
      expect.objectContaining({ signed_up_at: '2023-01-01T00:00:00.000Z' }),
    );
    await identified('t-none', { createdAt: '' });
    await identified('t-none', { createdAt: null });
    expect(await refusalsOf('t-both')).toEqual([]);
    expect(await refusalsOf('t-none')).toEqual([]);
  });
});

it('an event has its time in each of these forms', async () => {
  for (const timestamp of [
    '2026-02-01 10:00:00',
    1_769_940_000,
    1_769_940_000_000,
    'Sun, 01 Feb 2026 10:00:00 GMT',
  ])
    expect((await post('track', { userId: 'when', event: 'x', timestamp })).status).toBe(200);
  const { rows } = await pool.query(
    `SELECT DISTINCT e.occurred_at FROM events e JOIN end_users u ON u.id = e.end_user_id WHERE u.user_id = 'when'`,
  );
  expect(rows).toEqual([{ occurred_at: new Date('2026-02-01T10:00:00Z') }]);
});

describe('the zone and the language of a device', () => {
  const berlin = { timezone: 'Europe/Berlin', locale: 'de-DE' };

  it('are those of a person who has none, and change nothing of one who has', async () => {
    expect(await identified('z1', {}, berlin)).toEqual(expect.objectContaining({ custom_fields: berlin }));
    expect(await identified('z1', {}, { timezone: 'Asia/Tokyo', locale: 'ja' })).toEqual(
      expect.objectContaining({
        custom_fields: berlin,
      }),
    );
    expect(await identified('z2', { timezone: 'UTC' }, berlin)).toEqual(
      expect.objectContaining({
        custom_fields: { timezone: 'UTC', locale: 'de-DE' },
      }),
    );
    expect(await identified('z2', { locale: null }, berlin)).toEqual(
      expect.objectContaining({
        custom_fields: { timezone: 'UTC' },
      }),
    );
    await post('group', { userId: 'z3', groupId: 'z-co', context: berlin });
    expect(await user('z3')).toEqual(expect.objectContaining({ custom_fields: berlin }));
  });

  it('of a visitor are theirs, and fill what is missing of whom they turn out to be', async () => {
    await post('identify', { anonymousId: 'z-visitor', context: berlin });
    await identified('z4', { locale: 'fr' });
    await post('identify', { userId: 'z4', anonymousId: 'z-visitor' });
    expect(await user('z4')).toEqual(
      expect.objectContaining({ custom_fields: { timezone: 'Europe/Berlin', locale: 'fr' } }),
    );
    await post('identify', { anonymousId: 'z-visitor', context: { timezone: 'Asia/Tokyo' } });
    expect(await user('z4')).toEqual(
      expect.objectContaining({ custom_fields: { timezone: 'Europe/Berlin', locale: 'fr' } }),
    );
  });

  it('that is none is left out', async () => {
    for (const context of [
      { timezone: 'Berlin' },
      { timezone: 7, locale: {} },
      { locale: 'a whole sentence' },
      { locale: '' },
    ])
      expect(await identified('z5', {}, context)).toEqual(expect.objectContaining({ custom_fields: {} }));
  });

  it('go to the traits that the settings of the workspace name, at once', async () => {
    const names = { zone_trait: 'tz', language_trait: 'lang' };
    expect((await service.call('PUT', '/api/settings', names)).status).toBe(200);
    expect(await identified('z6', { timezone: 'UTC' }, berlin)).toEqual(
      expect.objectContaining({
        custom_fields: { timezone: 'UTC', tz: 'Europe/Berlin', lang: 'de-DE' },
      }),
    );
    await service.call('PUT', '/api/settings', { zone_trait: 'timezone', language_trait: 'locale' });
  });

  it('refuse nothing of a person who can hold no more, alone and in a batch', async () => {
    const full = {
      plan: 'free',
      ...Object.fromEntries(Array.from({ length: 999 }, (_, at) => [`k${at}`, at])),
    };
    const calls: Record<string, (sent: object) => Promise<Answer>> = {
      alone: (sent) => post('identify', sent),
      visitor: (sent) => post('identify', { ...sent, anonymousId: 'z-full' }),
      batch: (sent) => post('batch', { batch: [{ type: 'identify', ...sent }] }),
    };
    for (const [name, send] of Object.entries(calls)) {
      await service.call('POST', '/api/sdk/users/identify', { user_id: `z-${name}`, traits: full });
      await send({ userId: `z-${name}`, traits: { plan: 'pro' }, context: berlin });
      expect((await user(`z-${name}`))['custom_fields']).toEqual({ ...full, plan: 'pro' });
      expect(await refusalsOf(`z-${name}`)).toEqual([]);
      await send({ userId: `z-${name}`, traits: { plan: 'team', one: 'more' }, context: berlin });
      expect((await user(`z-${name}`))['custom_fields']).toEqual({ ...full, plan: 'pro' });
      expect(await refusalsOf(`z-${name}`)).toEqual([
        { code: 'too_many_custom_traits', path: '/traits', whole: false },
      ]);
    }
  });

  it('are a change of the person that starts what waits for it', async () => {
    await identified('z7', { plan: 'pro' });
    await identified('z7', {}, berlin);
    await identified('z7', {}, berlin);
    const { rows } = await pool.query(
      `SELECT kind, payload -> 'fields' AS fields FROM outbox WHERE workspace_id = 'acme' AND user_id = 'z7' ORDER BY id`,
    );
    expect(rows).toEqual([
      { kind: 'user_created', fields: ['custom:plan'] },
      { kind: 'user_updated', fields: ['custom:locale', 'custom:timezone'] },
    ]);
  });
});

it('`integrations` names places that Segment would forward to, so a call is stored whatever it says, and it is not kept', async () => {
  const integrations = { All: false };
  await post('identify', { userId: 'i1', traits: { plan: 'pro' }, integrations });
  await post('track', { userId: 'i1', event: 'x', properties: { total: 1 }, integrations });
  expect(await user('i1')).toEqual(expect.objectContaining({ custom_fields: { plan: 'pro' } }));
  const { rows } = await pool.query(
    `SELECT e.properties FROM events e JOIN end_users u ON u.id = e.end_user_id WHERE u.user_id = 'i1'`,
  );
  expect(rows).toEqual([{ properties: { total: 1 } }]);
});
