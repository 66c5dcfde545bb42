import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
let secret: string;
let now = Date.parse('2026-03-01T12:00:00Z');
const identify = '/api/sdk/users/identify';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme', { clock: () => now });
});

const setMode = (mode: string): ReturnType<Service['call']> => service.call('PUT', '/api/identity', { mode });
const hash = (userId: string, of = secret): string => createHmac('sha256', of).update(userId).digest('hex');

async function newSecret(overlap = 0): Promise<string> {
  const { status, body } = await service.call('POST', '/api/identity/rotate', { overlap_seconds: overlap });
  expect(status).toBe(201);
  return String(body['secret']);
}

interface Claims {
  sub?: string;
  aud?: string;
  minutes?: number;
  of?: string;
  alg?: string;
  company?: unknown;
}

async function token({
  sub = 'u1',
  aud = 'acme',
  minutes = 10,
  of = secret,
  alg = 'HS256',
  company,
}: Claims = {}): Promise<string> {
  return new SignJWT(company === undefined ? {} : { company_id: company })
    .setProtectedHeader({ alg })
    .setSubject(sub)
    .setAudience(aud)
    .setExpirationTime(now / 1000 + minutes * 60)
    .sign(new TextEncoder().encode(of));
}

/** What a browser gets for these proofs: the code of the refusal, or the status. */
async function send(proof: object, userId = 'u1', key = service.writeKey): Promise<string> {
  const { status, body } = await service.call('POST', identify, { user_id: userId, ...proof }, key);
  return body.error?.code ?? String(status);
}

async function post(path: string, body: object, key = service.writeKey): Promise<string> {
  const answer = await service.call('POST', path, body, key);
  return answer.body.error?.code ?? String(answer.status);
}

it('enforcing without a secret is refused, because it would refuse everybody', async () => {
  const { status, body } = await setMode('enforce');
  expect([status, body.error?.code]).toEqual([409, 'identity_no_secret']);
  expect((await service.call('GET', '/api/identity')).body).toEqual({ mode: 'off', secrets: [] });
});

it('a secret is shown when it is made and never again', async () => {
  secret = await newSecret();
  const { text, body } = await service.call('GET', '/api/identity');
  expect(text).not.toContain(secret);
  expect(body).toMatchObject({ mode: 'off', secrets: [{ valid_until: null }] });
});

it('while it is off nothing is asked and nothing is counted', async () => {
  expect(await send({})).toBe('200');
  expect(await send({ user_hash: 'wrong' })).toBe('200');
  expect((await service.call('GET', '/api/identity/report')).body).toEqual({
    mode: 'off',
    total: 0,
    reasons: [],
  });
});

it('in report mode everything passes, and the report says what enforcing would refuse and when it was last seen', async () => {
  await setMode('report');
  expect(await send({})).toBe('200');
  now += 1000;
  expect(await send({})).toBe('200');
  expect(await send({ user_hash: hash('u2') })).toBe('200');
  expect(await send({ user_hash: hash('u1') })).toBe('200');
  const { body } = await service.call('GET', '/api/identity/report');
  expect(body).toEqual({
    mode: 'report',
    total: 3,
    reasons: [
      {
        reason: 'identity_unsigned',
        count: 2,
        first_seen: new Date(now - 1000).toISOString(),
        last_seen: new Date(now).toISOString(),
      },
      {
        reason: 'identity_bad_hash',
        count: 1,
        first_seen: new Date(now).toISOString(),
        last_seen: new Date(now).toISOString(),
      },
    ],
  });
});

it('enforced, an unsigned call and one with the hash of another user are refused and write nothing', async () => {
  await setMode('enforce');
  expect(await send({ traits: { role: 'admin' } }, 'victim')).toBe('identity_unsigned');
  expect(await send({ user_hash: hash('u1') }, 'victim')).toBe('identity_bad_hash');
  for (const wrong of [
    '',
    'zz',
    hash('victim').slice(0, 63),
    `${hash('victim')}00`,
    hash('victim', 'other'),
    `${hash('victim')}zz`,
  ])
    expect(await send({ user_hash: wrong }, 'victim')).toBe('identity_bad_hash');
  expect((await pool.query(`SELECT 1 FROM end_users WHERE user_id = 'victim'`)).rowCount).toBe(0);
  expect(await send({ user_hash: hash('victim') }, 'victim')).toBe('200');
  // Ids are stored trimmed, so a signature for an id with a blank is none for the person without it.
  expect(await send({ user_hash: hash('victim ') }, 'victim ')).toBe('identity_bad_hash');
  expect(
    await post('/v1/identify', { userId: 'victim\u00a0', context: { user_hash: hash('victim\u00a0') } }),
  ).toBe('identity_bad_hash');
  expect(await send({ user_hash: hash('victim') }, ' victim ')).toBe('200');
  expect(await send({ user_hash: hash('ü 1').toUpperCase() }, 'ü 1')).toBe('200');
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

it('a token of this user and workspace that ends within an hour is accepted, and nothing else is', async () => {
  expect(await send({ token: await token() })).toBe('200');
  expect(await send({ token: await token({ minutes: 60 }) })).toBe('200');
  expect(await send({ token: await token({ minutes: 62 }) })).toBe('identity_too_long');
  expect(await send({ token: await token({ minutes: -2 }) })).toBe('identity_expired');
  expect(await send({ token: await token({ sub: 'u2' }) })).toBe('identity_other_user');
  expect(await send({ token: await token({ aud: 'other' }) })).toBe('identity_other_workspace');
  expect(await send({ token: await token({ of: `${secret}x` }) })).toBe('identity_bad_token');
  expect(await send({ token: await token({ alg: 'HS512' }) })).toBe('identity_bad_token');
  expect(await send({ token: 'nonsense' })).toBe('identity_bad_token');
  const unsigned = `${part({ alg: 'none' })}.${part({ sub: 'u1', aud: 'acme', exp: now / 1000 + 60 })}.`;
  expect(await send({ token: unsigned })).toBe('identity_bad_token');
  const endless = await new SignJWT({ sub: 'u1', aud: 'acme' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
  expect(await send({ token: endless })).toBe('identity_bad_token');
});

it('when both are sent, both have to hold', async () => {
  expect(await send({ user_hash: hash('u1'), token: await token({ sub: 'u2' }) })).toBe(
    'identity_other_user',
  );
  expect(await send({ user_hash: hash('u2'), token: await token() })).toBe('identity_bad_hash');
});

it('a secret key is never asked', async () => {
  expect(await send({ user_hash: 'wrong' }, 'u1', service.secretKey)).toBe('200');
});

it('track asks for a user and not for a visitor; a company alone takes a secret key', async () => {
  const track = '/api/sdk/track';
  expect(await post(track, { user_id: 'u1', event: 'x' })).toBe('identity_unsigned');
  expect(await post(track, { user_id: 'u1', event: 'x', user_hash: hash('u1') })).toBe('200');
  expect(await post(track, { anonymous_id: 'a1', event: 'x' })).toBe('200');
  const company = { company_id: 'c1', traits: { plan: 'pro' } };
  expect(await post('/api/sdk/companies/identify', company)).toBe('identity_company_unsigned');
  expect(await post('/api/sdk/companies/identify', company, service.secretKey)).toBe('200');
});

describe('a signed user cannot join or change a company without a token that names it', () => {
  const company_id = 'bigco';
  const stored = async (): Promise<unknown[]> => {
    const { rows } = await pool.query<{ company: unknown }>(
      `SELECT c.custom_fields AS company FROM companies AS c WHERE c.company_id = $1
       UNION ALL SELECT jsonb_build_object(u.user_id, u.company_id) FROM end_users AS u WHERE u.user_id = 'eve'`,
      [company_id],
    );
    return rows.map(({ company }) => company);
  };
  const traits = { plan: 'free' };
  const group = { userId: 'eve', groupId: company_id, traits };
  /** Each way to name a company, with what a caller may add to it. */
  const ways: Record<
    string,
    (proof: { user_hash?: string; token?: string }) => [path: string, body: object]
  > = {
    'identify with a company': (proof) => [identify, { user_id: 'eve', company_id, ...proof }],
    'identify with traits of a company': (proof) => [
      identify,
      { user_id: 'eve', company_id, company_traits: traits, ...proof },
    ],
    'group of Segment': (context) => ['/v1/group', { ...group, context }],
    'group of Segment without a user': (context) => [
      '/v1/group',
      { anonymousId: 'eve-a', groupId: company_id, traits, context },
    ],
    'a company alone': ({ token: of }) => ['/api/sdk/companies/identify', { company_id, traits, token: of }],
  };
  const userless = ['a company alone', 'group of Segment without a user'];

  beforeAll(async () => {
    await service.call('POST', '/api/sdk/companies/identify', { company_id, traits: { plan: 'paid' } });
    await service.call('POST', identify, { user_id: 'eve' });
  });

  it.each(Object.keys(ways))('%s', async (name) => {
    const sent = (proof: object): Promise<string> => post(...(ways[name]?.(proof) ?? ['', {}]));
    const user_hash = hash('eve');
    const own = await token({ sub: 'eve' });
    const before = await stored();
    expect(await sent({ user_hash })).toBe('identity_company_unsigned');
    expect(await sent({ token: own })).toBe('identity_other_company');
    for (const company of ['other', 'bigc', 'bigco ', '', 7, null, ['bigco'], { id: 'bigco' }])
      expect(await sent({ token: await token({ sub: 'eve', company }) })).toBe('identity_other_company');
    const forged = await token({ sub: 'eve', company: company_id, of: `${secret}x` });
    expect(await sent({ token: forged })).toBe('identity_bad_token');
    expect(await stored()).toEqual(before);
    // Who has no user of their own may send anybody's company token; a user only theirs.
    const another = await token({ sub: 'mallory', company: company_id });
    expect(await sent({ user_hash, token: another })).toBe(
      userless.includes(name) ? '200' : 'identity_other_user',
    );
    expect(await sent({ token: await token({ sub: 'eve', company: company_id }) })).toBe('200');
  });

  it('a batch of Segment leaves such items out', async () => {
    const item = { ...group, type: 'group', traits: { plan: 'batched' } };
    const context = { user_hash: hash('eve') };
    expect(await post('/v1/batch', { batch: [{ ...item, context }] })).toBe('200');
    expect(JSON.stringify(await stored())).not.toContain('batched');
    const named = { token: await token({ sub: 'eve', company: company_id }) };
    expect(await post('/v1/batch', { batch: [{ ...item, context: named }] })).toBe('200');
    expect(JSON.stringify(await stored())).toContain('batched');
  });

  it('a company named among the traits of identify is left out, alone and in a batch, and the rest is stored', async () => {
    const company = { id: company_id, plan: 'by trait' };
    const item = (plan: string): object => ({ userId: 'eve', traits: { plan, company } });
    const context = { user_hash: hash('eve') };
    expect(await post('/v1/identify', { ...item('first'), context })).toBe('200');
    const named = { token: await token({ sub: 'eve', company: 'other' }) };
    const batch = [{ type: 'identify', ...item('second'), context: named }];
    expect(await post('/v1/batch', { batch })).toBe('200');
    expect(JSON.stringify(await stored())).not.toContain('by trait');
    const { body } = await service.call('GET', '/api/users/eve');
    expect(body).toMatchObject({ custom_fields: { plan: 'second' } });
    const { body: kept } = await service.call('GET', '/api/ingest/refusals?user_id=eve&limit=2');
    const about = { path: '/traits/company', whole: false };
    expect(kept).toMatchObject({
      refusals: [
        { code: 'identity_other_company', ...about },
        { code: 'identity_company_unsigned', ...about },
      ],
    });
    const own = { token: await token({ sub: 'eve', company: company_id }) };
    expect(await post('/v1/identify', { ...item('third'), context: own })).toBe('200');
    expect(JSON.stringify(await stored())).toContain('by trait');
    // Without a signature of the user nothing at all is.
    expect(await post('/v1/identify', item('fourth'))).toBe('identity_unsigned');
  });

  it('the secret key does', async () => {
    const call = { user_id: 'eve', company_id, company_traits: { plan: 'by server' } };
    expect(await post(identify, call, service.secretKey)).toBe('200');
    expect(JSON.stringify(await stored())).toContain('by server');
  });
});

it('a visitor is not asked, and cannot change what is known of the person whom they joined', async () => {
  const joined = { user_id: 'joined', anonymous_id: 'a7', traits: { plan: 'pro' } };
  expect(await post(identify, { ...joined, user_hash: hash('joined') })).toBe('200');
  const visit = { anonymous_id: 'a7', traits: { plan: 'taken over' } };
  expect(await post(identify, visit)).toBe('200');
  const { body } = await service.call('GET', '/api/users/joined');
  expect(body).toMatchObject({ user_id: 'joined', custom_fields: { plan: 'pro' } });
});

it("Segment's calls carry the signature in their context, and it is not stored", async () => {
  expect(await post('/v1/track', { userId: 'u1', event: 'y' })).toBe('identity_unsigned');
  const context = { user_hash: hash('u1'), app: { name: 'x' } };
  expect(await post('/v1/track', { userId: 'u1', event: 'y', context })).toBe('200');
  const { rows } = await pool.query<{ properties: unknown }>(
    `SELECT properties FROM events WHERE event = 'y'`,
  );
  expect(rows).toEqual([{ properties: { context: { app: { name: 'x' } } } }]);
  expect(await post('/v1/alias', { userId: 'u1', previousId: 'a9' })).toBe('identity_unsigned');
  expect(await post('/v1/group', { anonymousId: 'a9', groupId: 'c1', traits: { plan: 'x' } })).toBe(
    'identity_company_unsigned',
  );
});

it('after a rotation the old secret is accepted until the overlap ends', async () => {
  const old = secret;
  secret = await newSecret(60);
  expect(await send({ user_hash: hash('u1', old) })).toBe('200');
  expect(await send({ token: await token({ of: old }) })).toBe('200');
  expect(await send({ user_hash: hash('u1') })).toBe('200');
  now += 60_000;
  expect(await send({ user_hash: hash('u1', old) })).toBe('identity_bad_hash');
  expect(await send({ token: await token({ of: old }) })).toBe('identity_bad_token');
  expect(await send({ user_hash: hash('u1') })).toBe('200');
});
