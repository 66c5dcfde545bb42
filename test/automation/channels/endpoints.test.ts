import { beforeAll, beforeEach, expect, it } from 'vitest';
import {
  deleteEndpoint,
  enableEndpoint,
  getEndpoint,
  listEndpoints,
  rotateEndpointSecret,
  saveEndpoint,
} from '../../../src/automation/channels/endpoints.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import { isSecret, newSecret } from '../../../src/automation/channels/webhook/signature.js';
import type { Pool } from '../../../src/database/pool.js';
import { MusterError } from '../../../src/errors/index.js';
import { testDatabase } from '../../support/database.js';
import { onePerson, workspaceId } from './message.js';

const rules = networkRules();
const url = 'https://hooks.example.com/muster';
const named = { workspaceId, key: 'crm' };

let pool: Pool;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await onePerson(pool);
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('other', 'Other')`);
});

beforeEach(async () => {
  await pool.query('TRUNCATE webhook_endpoints CASCADE');
});

async function problemsOf(work: Promise<unknown>): Promise<(readonly [string, string])[]> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path] as const);
    throw error;
  }
  return [];
}

it('the secret of a new endpoint is shown once, and never after that', async () => {
  const { endpoint, secret } = await saveEndpoint(pool, rules, { ...named, url });
  expect(isSecret(secret ?? '')).toBe(true);
  expect(endpoint).toMatchObject({ key: 'crm', url, enabled: true, description: null, failures: 0 });
  expect(endpoint.secrets).toHaveLength(1);
  const again = await saveEndpoint(pool, rules, { ...named, url, description: 'the CRM' });
  expect(again).toMatchObject({ secret: null, endpoint: { description: 'the CRM' } });
  expect(again.endpoint.secrets).toEqual(endpoint.secrets);
  const shown = JSON.stringify([
    again,
    await listEndpoints(pool, workspaceId),
    await getEndpoint(pool, named),
  ]);
  expect(shown).not.toContain(secret);
  expect(shown).not.toContain('whsec_');
});

it('a change keeps what it does not name', async () => {
  await saveEndpoint(pool, rules, { ...named, url, description: 'the CRM', enabled: false });
  const { endpoint } = await saveEndpoint(pool, rules, { ...named, url: 'https://other.example.com/' });
  expect(endpoint).toMatchObject({ description: 'the CRM', enabled: false, disabled_reason: 'by_hand' });
});

it('a URL is kept as the standard writes it, and what no database stores with it', async () => {
  const saved = await saveEndpoint(pool, rules, { ...named, url: ' HTTPS://Bücher.example:443/\0\uD800' });
  expect(saved.endpoint.url).toBe('https://xn--bcher-kva.example/%00%EF%BF%BD');
});

it('everything that is wrong with an endpoint is said at once', async () => {
  const wrong = { url: 'http://10.0.0.1/', description: 'a\0b', secret: 'whsec_c2hvcnQ=' };
  expect(await problemsOf(saveEndpoint(pool, rules, { workspaceId, key: 'My CRM', ...wrong }))).toEqual([
    ['webhook_bad_key', '/key'],
    ['webhook_blocked_address', '/url'],
    ['bad_label', '/description'],
    ['webhook_bad_secret', '/secret'],
  ]);
  expect(await listEndpoints(pool, workspaceId)).toEqual([]);
});

it.each(['__proto__', '-a', 'A', 'a b', '', 'a'.repeat(64), 'a\n'])('%j is no key', async (key) => {
  expect(await problemsOf(saveEndpoint(pool, rules, { workspaceId, key, url }))).toEqual([
    ['webhook_bad_key', '/key'],
  ]);
});

it.each(['constructor', 'a', '0-9_z', 'a'.repeat(63)])('%s is a key', async (key) => {
  await saveEndpoint(pool, rules, { workspaceId, key, url });
  expect((await listEndpoints(pool, workspaceId)).map((each) => each.key)).toEqual([key]);
});

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;

it('a secret has 24 to 64 bytes in plain base64', () => {
  expect([23, 24, 25, 32, 64, 65].map((bytes) => isSecret(secretOf(bytes)))).toEqual([
    false,
    true,
    true,
    true,
    true,
    false,
  ]);
  const good = secretOf(32);
  const bad = [
    good.slice(6),
    ` ${good}`,
    `${good}\n`,
    good.replace('=', ''),
    good.replace('B', '-'),
    'whsec_',
  ];
  expect(bad.filter(isSecret)).toEqual([]);
  expect(new Set(Array.from({ length: 100 }, newSecret)).size).toBe(100);
});

it('a secret of its own is taken for a new endpoint, and not in place of another', async () => {
  const own = newSecret();
  const { secret } = await saveEndpoint(pool, rules, { ...named, url, secret: own });
  expect(secret).toBe(own);
  await saveEndpoint(pool, rules, { ...named, url, secret: own });
  expect(
    await problemsOf(saveEndpoint(pool, rules, { ...named, url: 'https://a.example/', secret: newSecret() })),
  ).toEqual([['webhook_secret_differs', '/secret']]);
  expect((await getEndpoint(pool, named)).url).toBe(url);
});

it('an overlap that runs is never made longer, and at most five secrets sign', async () => {
  await saveEndpoint(pool, rules, { ...named, url });
  const first = await rotateEndpointSecret(pool, { ...named, overlap: 60 });
  const ends = first.endpoint.secrets[1]?.valid_until;
  for (let n = 0; n < 3; n += 1) await rotateEndpointSecret(pool, { ...named, overlap: 3600 });
  expect((await getEndpoint(pool, named)).secrets.at(-1)?.valid_until).toBe(ends);
  const { endpoint } = await rotateEndpointSecret(pool, { ...named, overlap: 3600 });
  expect(endpoint.secrets).toHaveLength(5);
  expect(endpoint.secrets.map(({ valid_until: until }) => until === null)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(endpoint.secrets.some(({ valid_until: until }) => until === ends)).toBe(false);
});

it('two rotations at once leave one current secret', async () => {
  await saveEndpoint(pool, rules, { ...named, url });
  await Promise.all(Array.from({ length: 4 }, () => rotateEndpointSecret(pool, named)));
  const { secrets } = await getEndpoint(pool, named);
  expect(secrets.filter(({ valid_until: until }) => until === null)).toHaveLength(1);
  expect(secrets).toHaveLength(5);
});

it('two saves of one new endpoint at once make one, with one secret', async () => {
  const saved = await Promise.all(
    Array.from({ length: 4 }, () => saveEndpoint(pool, rules, { ...named, url })),
  );
  expect(saved.filter(({ secret }) => secret !== null)).toHaveLength(1);
  expect((await getEndpoint(pool, named)).secrets).toHaveLength(1);
});

it('a workspace has at most 200 endpoints, and those it has can still be changed', async () => {
  await pool.query(
    `INSERT INTO webhook_endpoints (workspace_id, key, url) SELECT $1, 'e' || n, $2 FROM generate_series(1, 200) AS n`,
    [workspaceId, url],
  );
  expect(await problemsOf(saveEndpoint(pool, rules, { ...named, url }))).toEqual([['too_many_webhooks', '']]);
  await saveEndpoint(pool, rules, { workspaceId, key: 'e1', url });
  await saveEndpoint(pool, rules, { workspaceId: 'other', key: 'e1', url });
});

it('endpoints of one workspace are nothing to another', async () => {
  await saveEndpoint(pool, rules, { ...named, url });
  const other = { workspaceId: 'other', key: 'crm' };
  expect(await listEndpoints(pool, 'other')).toEqual([]);
  for (const call of [getEndpoint, enableEndpoint, rotateEndpointSecret]) {
    expect(await problemsOf(call(pool, other))).toEqual([['webhook_not_found', '']]);
  }
  expect(await deleteEndpoint(pool, other)).toEqual({ deleted: false });
  expect(await listEndpoints(pool, workspaceId)).toHaveLength(1);
  expect(await problemsOf(saveEndpoint(pool, rules, { workspaceId: 'nobody', key: 'crm', url }))).toEqual([
    ['unknown_workspace', ''],
  ]);
});

it('a deleted endpoint takes its secrets along, and comes back with another', async () => {
  const { secret } = await saveEndpoint(pool, rules, { ...named, url });
  expect(await deleteEndpoint(pool, named)).toEqual({ deleted: true });
  expect(await deleteEndpoint(pool, named)).toEqual({ deleted: false });
  expect((await pool.query('SELECT FROM webhook_secrets')).rowCount).toBe(0);
  expect((await saveEndpoint(pool, rules, { ...named, url })).secret).not.toBe(secret);
});
