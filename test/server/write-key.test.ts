import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

/** Stands in every stored value. */
const mark = 'STORED-VALUE';
/** Known traits that take no free text have values that nothing else has. */
const traits = {
  name: mark,
  email: `${mark}@example.com`,
  renewal_status: 'set_to_cancel_trial',
  renewal_date: '2031-05-17',
  signed_up_at: '2019-03-04',
  contract_term: 'bi_annual',
  payment_terms: 'bi_annual',
  on_contract: true,
  plan: mark,
  [`key ${mark}`]: 1,
};
const { email: _, ...companyTraits } = traits;

/** Whom a call is about: ids that are stored, or that nobody has. */
interface Ids {
  readonly user_id: string;
  readonly anonymous_id: string;
  readonly visitor: string;
  readonly company_id: string;
}
const stored: Ids = { user_id: 'full-u', anonymous_id: 'full-a', visitor: 'full-v', company_id: 'full-c' };
const unknown: Ids = { user_id: 'none-u', anonymous_id: 'none-a', visitor: 'none-v', company_id: 'none-c' };

const url = 'https://app.example/';
const page = { name: 'home' };
/** For each call that a write key may make, bodies about those ids; none of them carries a value to store. */
const bodies: Record<string, (ids: Ids) => readonly object[]> = {
  'POST /api/sdk/users/identify': ({ user_id, anonymous_id, visitor, company_id }) => [
    { user_id },
    { user_id, traits: {} },
    { user_id, traits: { last_seen: 'refused' } },
    { user_id, company_id, company_traits: {} },
    { anonymous_id },
    { anonymous_id: visitor, traits: {} },
    { user_id, anonymous_id },
  ],
  'POST /api/sdk/companies/identify': ({ company_id }) => [
    { company_id },
    { company_id, traits: {} },
    { company_id, traits: { id: 'refused' } },
  ],
  'POST /api/sdk/track': ({ user_id, anonymous_id, visitor }) =>
    [{ user_id }, { anonymous_id }, { anonymous_id: visitor }, { user_id, anonymous_id }].map((who) => ({
      event: 'e',
      ...who,
    })),
  'POST /v1/identify': ({ user_id, anonymous_id, visitor }) => [
    { userId: user_id },
    { anonymousId: anonymous_id },
    { anonymousId: visitor, traits: {} },
    { userId: user_id, anonymousId: anonymous_id },
  ],
  'POST /v1/track': ({ user_id, anonymous_id }) => [
    { userId: user_id, event: 'e' },
    { anonymousId: anonymous_id, event: 'e' },
  ],
  'POST /v1/page': ({ user_id }) => [{ userId: user_id, ...page }],
  'POST /v1/screen': ({ user_id }) => [{ userId: user_id, ...page }],
  'POST /v1/group': ({ user_id, anonymous_id, company_id }) => [
    { userId: user_id, groupId: company_id, traits: {} },
    { anonymousId: anonymous_id, groupId: company_id, traits: {} },
  ],
  'POST /v1/alias': ({ user_id, visitor }) => [{ userId: user_id, previousId: visitor }],
  'POST /v1/batch': ({ user_id, company_id }) => [
    {
      batch: [
        { type: 'identify', userId: user_id },
        { type: 'group', userId: user_id, groupId: company_id, traits: {} },
        { type: 'identify', userId: user_id, traits: 'refused' },
      ],
    },
  ],
  // A visitor who is nobody yet may be read by their own id.
  'POST /api/targeting': ({ user_id, anonymous_id }) => [
    { url, user_id },
    { url, user_id, user_hash: 'f'.repeat(64) },
    { url, anonymous_id },
    { url, user_id, anonymous_id },
  ],
};

// The client for browsers sends to the first letter of each path.
for (const [route, about] of Object.entries(bodies)) {
  const letter = /^POST \/v1\/([a-z])/.exec(route)?.[1];
  if (letter !== undefined) bodies[`POST /v1/${letter}`] = about;
}

let pool: Pool;
let service: Service;
let secret: string;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
  const set = async (method: string, path: string, body: object): Promise<void> => {
    const { status, text } = await service.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
  };
  const identify = '/api/sdk/users/identify';
  const { user_id, anonymous_id, company_id, visitor } = stored;
  await set('POST', identify, { user_id, anonymous_id, traits, company_id, company_traits: companyTraits });
  await set('POST', identify, { anonymous_id: visitor, traits });
  await set('POST', '/api/sdk/track', { user_id, event: `event ${mark}`, properties: { plan: mark } });
  await set('PUT', `/api/users/${user_id}/context/notes`, { value: mark });
  await set('PUT', '/api/rules/plan', {
    key: 'plan',
    title: 'Plan',
    decides: 'banner',
    outcomes: ['theirs', 'hide'],
    default: 'hide',
    rule: { if: [{ exists: { var: 'custom:plan' } }, 'theirs'] },
  });
  ({ secret } = await rotate());
});

async function rotate(): Promise<{ secret: string }> {
  return { secret: String((await service.call('POST', '/api/identity/rotate', {})).body['secret']) };
}

/** The answer with the ids that were sent named alike, and without whether something was created or stored anew. */
function comparable(text: string, ids: Ids): string {
  let shown = text.replace(/"(created|stored)":(true|false)/g, '"$1":0');
  for (const [kind, id] of Object.entries(ids)) shown = shown.replaceAll(String(id), `<${kind}>`);
  return shown;
}

async function answersTo(route: string, ids: Ids): Promise<string[]> {
  const [method = '', path = ''] = route.split(' ');
  const answers: string[] = [];
  for (const body of bodies[route]?.(ids) ?? []) {
    const direct = await service.call(method, path, body, service.writeKey);
    answers.push(`${direct.status} ${comparable(direct.text, ids)}`);
    if (!path.startsWith('/api/sdk/')) continue;
    const call = path.replace('/api/sdk/', '');
    const beacon = { key: service.writeKey, calls: [{ call, body }] };
    const handed = await service.call('POST', '/api/sdk/beacon', beacon, '');
    answers.push(`${handed.status} ${comparable(handed.text, ids)}`);
  }
  return answers;
}

it('every call that a write key may make is tried here', () => {
  const routes = service.routes.filter(({ needs }) => needs === 'write');
  expect(Object.keys(bodies).toSorted()).toEqual(
    routes.map(({ method, url: at }) => `${method} ${at}`).toSorted(),
  );
});

describe.each(['off', 'report', 'enforce'])('with identity %s', (mode) => {
  beforeAll(async () => {
    await service.call('PUT', '/api/identity', { mode });
  });

  it.each(Object.keys(bodies))(
    '%s answers a write key of somebody stored as of somebody unknown',
    async (route) => {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT id::text FROM end_users UNION SELECT id::text FROM companies',
      );
      const answers = await answersTo(route, stored);
      expect(answers.length).toBeGreaterThan(0);
      for (const answer of answers) {
        for (const value of [mark, '2031-05-17', '2019-03-04', 'bi_annual', ...rows.map(({ id }) => id)])
          expect(answer).not.toContain(value);
        expect(answer).not.toMatch(/set_to_cancel_trial|last_seen":|"(?!created|stored|plan)[a-z_]+_at"/);
      }
      expect(answers).toEqual(await answersTo(route, unknown));
    },
  );

  it('a signed person is shown what is theirs, and the secret key answers all', async () => {
    const { user_id } = stored;
    const user_hash = createHmac('sha256', secret).update(user_id).digest('hex');
    const shown = await service.call('POST', '/api/targeting', { url, user_id, user_hash }, service.writeKey);
    expect(shown.text).toContain('"variant":"theirs"');
    const { body } = await service.call('POST', '/api/sdk/users/identify', { user_id });
    expect(body).toMatchObject({ user: { name: mark, custom_fields: { plan: mark } } });
    const company = { company_id: stored.company_id };
    expect((await service.call('POST', '/api/sdk/companies/identify', company)).text).toContain(mark);
  });
});
