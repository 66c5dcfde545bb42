import { connect } from 'node:net';
import { Pool as PgPool } from 'pg';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { serviceLog } from '../../src/server/log.js';
import { buildServer } from '../../src/server/build.js';
import { newKey, storeKey } from '../../src/server/keys.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { serviceAt, startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
const logged: string[] = [];

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const log = serviceLog({ level: 'trace', to: { write: (line: string) => void logged.push(line) } });
  service = await startService(pool, 'acme', { log });
});

const identify = '/api/sdk/users/identify';

/** The one shape that every error has, whoever noticed it. */
function expectError(
  { status, body, headers }: Answer,
  wanted: { status: number; code: string; path?: string },
): void {
  expect(status).toBe(wanted.status);
  expect(headers.get('content-type')).toMatch(/^application\/json/);
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error ?? {})).toEqual(['code', 'message', 'path', 'hint', 'details']);
  expect(body.error).toMatchObject({ code: wanted.code, path: wanted.path ?? '' });
  expect(body.error?.hint).not.toBe('');
}

it('a call without a key, with an unknown one, or with one of another kind is refused before its body is read', async () => {
  expect.hasAssertions();
  expectError(await service.call('GET', '/api/users/x', undefined, ''), { status: 401, code: 'key_missing' });
  for (const key of [
    newKey('secret', 'acme'),
    newKey('secret', 'nowhere'),
    `mk_secret_acme_${'0'.repeat(48)}`,
  ]) {
    expectError(await service.call('GET', '/api/users/x', undefined, key), {
      status: 401,
      code: 'key_unknown',
    });
  }
  const malformed = await service.raw(identify, '{', { authorization: 'Bearer nonsense' });
  expectError(malformed, { status: 401, code: 'key_mistyped' });
  expect(malformed.headers.get('www-authenticate')).toBe('Bearer');
});

it('a write key can send people and nothing else', async () => {
  expect((await service.call('POST', identify, { user_id: 'w1' }, service.writeKey)).status).toBe(200);
  const everyone = { filter: { everyone: true } };
  for (const [method, path, body] of [
    ['GET', '/api/users/w1', undefined],
    ['POST', '/api/audiences/preview', everyone],
    ['POST', '/api/audiences/compile', everyone],
    ['POST', '/api/audiences/explain', { ...everyone, user_id: 'w1' }],
    ['GET', '/api/series', undefined],
    ['POST', '/api/series', {}],
    ['PUT', '/api/series/x', {}],
  ] as const) {
    expectError(await service.call(method, path, body, service.writeKey), {
      status: 403,
      code: 'key_not_allowed',
    });
  }
});

it("a key's kind is the stored one, whatever its text claims", async () => {
  expect.hasAssertions();
  const key = newKey('secret', 'acme');
  await storeKey(pool, { key, kind: 'write', workspaceId: 'acme' });
  expectError(await service.call('GET', '/api/keys', undefined, key), {
    status: 403,
    code: 'key_not_allowed',
  });
});

it('keys are stored as hashes only', async () => {
  const { rows } = await pool.query<{ key_hash: Buffer }>('SELECT key_hash FROM api_keys');
  expect(rows.every(({ key_hash }) => key_hash.length === 32)).toBe(true);
  const dump = JSON.stringify((await pool.query('SELECT * FROM api_keys')).rows);
  expect(dump).not.toContain(service.secretKey.slice(-20));
});

it('an unknown address or method is refused in the same shape', async () => {
  const answer = await service.call('GET', '/api/nothing?secret=1');
  expectError(answer, { status: 404, code: 'no_such_route' });
  expect(answer.body.error?.message).toBe('there is no `GET /api/nothing`');
  expectError(await service.call('DELETE', '/healthz'), { status: 404, code: 'no_such_route' });
  expectError(await service.call('GET', '/api/users/%E0%A4%A'), { status: 400, code: 'bad_request' });
});

it('a body that is not one JSON object in UTF-8 is refused, and the place of the fault is named', async () => {
  const cut = await service.raw(identify, '{"user_id": "secret-person",');
  expectError(cut, { status: 400, code: 'body_not_json' });
  expect(cut.body.error?.message).toContain('line 1, column 29');
  expect(cut.text).not.toContain('secret-person');
  expectError(await service.raw(identify, ''), { status: 400, code: 'body_not_json' });
  expectError(await service.raw(identify, new Uint8Array([0x22, 0xff, 0x22])), {
    status: 400,
    code: 'body_not_json',
  });
  for (const body of ['[]', 'null', '"x"', '1']) {
    expectError(await service.raw(identify, body), { status: 400, code: 'body_invalid' });
  }
});

it('a key that stands twice is refused: a filter must not lose a condition', async () => {
  expect.hasAssertions();
  const twice = '{"filter": {"==": [{"var": "user_id"}, "a"], "==": [{"var": "user_id"}, "b"]}}';
  expectError(await service.raw('/api/audiences/preview', twice), {
    status: 400,
    code: 'body_duplicate_key',
  });
});

it('another content type, or none, is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const answer = await service.raw(identify, 'user_id=1', { 'content-type': type });
    expectError(answer, { status: 415, code: 'body_wrong_type' });
    expect(answer.body.error?.message).toContain(type);
  }
});

/** A body of so many bytes. */
function bodyOf(bytes: number): string {
  const frame = '{"user_id":"big","nope":""}';
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
}

it('a body about one user of more than 32,768 bytes is refused, and one of exactly that many is read', async () => {
  expect.hasAssertions();
  const refused = await service.raw(identify, bodyOf(32_769));
  expectError(refused, { status: 413, code: 'body_too_large' });
  expect(refused.body.error?.message).toContain('32768 bytes');
  expectError(await service.raw(identify, bodyOf(32_768)), {
    status: 400,
    code: 'body_unknown_key',
    path: '/nope',
  });
});

it('a batch of more than 500,000 bytes is refused, and one of exactly that many is read', async () => {
  expect.hasAssertions();
  const batch = '/api/users/batch';
  expectError(await service.raw(batch, bodyOf(500_001)), { status: 413, code: 'body_too_large' });
  expectError(await service.raw(batch, bodyOf(500_000)), {
    status: 400,
    code: 'body_missing_key',
    path: '/users',
  });
});

it('a body of the wrong shape is refused with every problem and its path', async () => {
  const { status, body } = await service.raw(
    identify,
    '{"traits":[],"anonymous_id":3,"extra":1,"__proto__":{},"a/b~c":1}',
  );
  expect(status).toBe(400);
  expect(body.error?.details.problems.map(({ code, path }) => `${code} ${path}`).toSorted()).toEqual([
    'body_invalid /anonymous_id',
    'body_invalid /traits',
    'body_unknown_key /__proto__',
    'body_unknown_key /a~1b~0c',
    'body_unknown_key /extra',
  ]);
});

it('a call that names nobody is refused, and says by what it could', async () => {
  const { status, body } = await service.raw(identify, '{"traits":{}}');
  expect([status, body.error]).toMatchObject([400, { code: 'body_missing_key', path: '/user_id' }]);
  expect(body.error?.hint).toContain('anonymous_id');
});

it('a query that no stored text can be equal to is refused, and does not fail', async () => {
  expect.hasAssertions();
  for (const query of [
    'deliveries?series=%00',
    'deliveries?after=a&after=%00',
    'broadcasts/b/report?run=%00',
  ]) {
    expectError(await service.call('GET', `/api/${query}`), { status: 400, code: 'bad_request' });
  }
  const many = await service.call('POST', '/api/deliveries/resolve', { as: 'retry', ids: ['\u0000'] });
  expectError(many, { status: 400, code: 'body_invalid', path: '/ids/0' });
});

it('deliveries of a series or a broadcast that is not there are not resolved to nothing', async () => {
  expect.hasAssertions();
  for (const kind of ['series', 'broadcast']) {
    const answer = await service.call('POST', '/api/deliveries/resolve', { as: 'retry', [kind]: 'misspelt' });
    expectError(answer, { status: 404, code: `${kind}_not_found` });
  }
});

it('bytes that are not HTTP get the same shape and no stack', async () => {
  const { port } = new URL(service.url);
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
    let got = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (got += chunk));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });
  expect(text).toMatch(/^HTTP\/1.1 400 /);
  expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: 'bad_request' } });
});

it('an unexpected error answers with a request id and nothing of its cause; the log has the cause and no trait', async () => {
  // Postgres quotes the whole row in the detail of this error.
  await pool.query(`ALTER TABLE end_users ADD CONSTRAINT nobody CHECK (name <> 'Very Private')`);
  const answer = await service.call('POST', identify, { user_id: 'lost', traits: { name: 'Very Private' } });
  await pool.query('ALTER TABLE end_users DROP CONSTRAINT nobody');
  expectError(answer, { status: 500, code: 'internal_error' });
  const id = answer.headers.get('x-request-id') ?? '';
  expect(answer.body.error?.message).toContain(id);
  expect(answer.text).not.toMatch(/end_users|23514|Very Private|\.js/);
  const line = logged.find((each) => each.includes('request failed') && each.includes(id)) ?? '';
  expect(line).toContain('23514');
  expect(logged.join('')).not.toContain('Very Private');
});

it('the log names calls by their pattern, never a person', async () => {
  await service.call('GET', '/api/users/private%40example.com');
  const lines = logged.join('');
  expect(lines).toContain('"route":"/api/users/:user_id"');
  expect(lines).not.toMatch(/private(%40|@)example/);
});

it('a database that cannot be reached is a 503 that can be tried again, and the process itself stays healthy', async () => {
  const broken = new PgPool({
    connectionString: 'postgres://muster@127.0.0.1:1/none',
    connectionTimeoutMillis: 1000,
  });
  afterFile(() => broken.end());
  const server = await buildServer({ pool: broken });
  const away = serviceAt(await server.listen({ port: 0, host: '127.0.0.1' }));
  afterFile(() => server.close());
  const answer = await away.call('GET', '/api/users/x', undefined, service.secretKey);
  expectError(answer, { status: 503, code: 'database_lost' });
  expectError(await away.call('GET', '/readyz'), { status: 503, code: 'not_ready' });
  expect((await away.call('GET', '/healthz')).body).toEqual({ ok: true });
});

it('an address that cannot be read is refused in few words, and no cache may keep that', async () => {
  for (const [part, words] of [
    ['%zz', 'a `%` of its address begins no character'],
    ['x'.repeat(5_000), 'longer than 4096 characters'],
  ] as const) {
    const answer = await service.call('GET', `/api/users/${part}`);
    expectError(answer, { status: 400, code: 'bad_request' });
    expect(answer.body.error?.message).toContain(words);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  }
});

it('a fault in the address is named by its message, and its path is the name of the part', async () => {
  for (const [query, message, path] of [
    ['limit=x', '`limit` in the address must be integer', '/limit'],
    ['nope=1', 'the key `nope` is not part of this call', '/nope'],
    ['state=lost', '`state` in the address must be `unknown` or `failed`', '/state'],
  ] as const) {
    const { status, body } = await service.call('GET', `/api/deliveries?${query}`);
    expect([status, body.error?.message, body.error?.path]).toEqual([400, message, path]);
  }
});

it('a value that is none of those allowed is refused with all of them, in one problem', async () => {
  const { body } = await service.call('POST', '/api/deliveries/x/resolve', { as: 'lost' });
  expect(body.error).toMatchObject({
    message: '`as` must be `retry`, `delivered` or `skip`',
    path: '/as',
    details: { problems: [{ path: '/as' }] },
  });
  expect(body.error?.details.problems).toHaveLength(1);
});

it("no message repeats more than a part of a caller's text, nor a character that steers a terminal", async () => {
  const zone = `\u001b[31m${'😀'.repeat(2_000)}`;
  const { body } = await service.call('POST', '/api/audiences/compile', { filter: { everyone: true }, zone });
  expect(body.error?.code).toBe('bad_zone');
  expect(body.error?.message.length).toBeLessThan(1_200);
  expect(body.error?.message).not.toMatch(/\p{Cc}/u);
});
