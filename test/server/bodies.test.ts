import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { request } from 'node:http';
import { beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let service: Service;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme', { upload: { limit: 100_000 } });
});

const user = (id: string): Promise<Answer> => service.call('GET', `/api/users/${id}`);
const identify = '/api/sdk/users/identify';
const compressors = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync };

it.each(Object.entries(compressors))(
  'a body compressed with %s is read on every call',
  async (encoding, compress) => {
    const headers = { 'content-encoding': encoding.toUpperCase() };
    const [one, two, three] = [`${encoding}-1`, `${encoding}-2`, `${encoding}-3`];
    const answers = [
      await service.raw(identify, compress(JSON.stringify({ user_id: one })), headers),
      await service.raw('/v1/identify', compress(JSON.stringify({ userId: two })), headers),
      await service.raw('/api/imports', compress(`user_id,plan\n${three},pro\n`), {
        ...headers,
        'content-type': 'text/csv',
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const id of [one, two, three]) expect((await user(id)).status).toBe(200);
  },
);

it('a compressed body on /v1 is JSON whatever its content type says', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream']) {
    const body = gzipSync(JSON.stringify({ batch: [{ type: 'identify', userId: `typed-${type.length}` }] }));
    const headers = { 'content-type': type, 'content-encoding': 'gzip' };
    expect((await service.raw('/v1/batch', body, headers)).status).toBe(200);
    expect((await user(`typed-${type.length}`)).status).toBe(200);
  }
});

it('an encoding that is unknown, or stands twice, is refused with 415 and named', async () => {
  for (const encoding of ['zstd', 'gzip, gzip', 'utf-8']) {
    const { status, body } = await service.raw(identify, '{}', { 'content-encoding': encoding });
    expect([status, body.error?.code]).toEqual([415, 'body_wrong_encoding']);
    expect(body.error?.message).toContain(`\`${encoding}\``);
  }
  expect(
    (await service.raw(identify, '{"user_id":"plain"}', { 'content-encoding': 'identity' })).status,
  ).toBe(200);
});

it('bytes that are not of their encoding, or were cut off, are refused as such', async () => {
  const whole = gzipSync(JSON.stringify({ user_id: 'cut' }));
  for (const bytes of [Buffer.from('{"user_id":"cut"}'), whole.subarray(0, 20)]) {
    const { status, body } = await service.raw(identify, bytes, { 'content-encoding': 'gzip' });
    expect([status, body.error?.code]).toEqual([400, 'body_not_inflated']);
  }
  expect((await user('cut')).status).toBe(404);
});

it('bytes that are not of their encoding do no harm where the call is refused before they are read', async () => {
  for (const [path, type, status] of [
    [identify, 'application/xml', 415],
    ['/api/users/batch', 'text/plain', 415],
    ['/api/imports', 'application/xml', 415],
  ] as const) {
    const headers = { 'content-type': type, 'content-encoding': 'gzip' };
    expect((await service.raw(path, '{"user_id":"x"}', headers)).status).toBe(status);
    expect((await service.call('GET', '/healthz')).status).toBe(200);
  }
});

it('the bounds of a body hold for what it inflates to', async () => {
  const bomb = gzipSync(Buffer.alloc(200_000_000));
  expect(bomb.length).toBeLessThan(500_000);
  const headers = { 'content-encoding': 'gzip' };
  const before = process.memoryUsage().rss;
  for (const path of ['/v1/batch', '/api/users/batch']) {
    const { status, body } = await service.raw(path, bomb, headers);
    expect([status, body.error?.code]).toEqual([413, 'body_too_large']);
  }
  const file = gzipSync(`user_id\n${'x'.repeat(200_000)}\n`);
  const { status, body } = await service.raw('/api/imports', file, {
    ...headers,
    'content-type': 'text/csv',
  });
  expect([status, body.error?.code]).toEqual([413, 'body_too_large']);
  expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  // Exactly as much as may be is read.
  const frame = '{"user_id":"big","nope":""}';
  const exact = gzipSync(frame.replace('""', `"${'x'.repeat(32_768 - frame.length)}"`));
  expect((await service.raw(identify, exact, headers)).body.error?.code).toBe('body_unknown_key');
});

/** Sends what `fetch` does not: a body in chunks, without its length. */
async function inChunks(
  path: string,
  chunks: readonly Uint8Array[],
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${service.secretKey}`, 'content-encoding': 'gzip' };
    const sent = request(service.url + path, { method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end();
  });
}

it('a compressed body may come in chunks', async () => {
  const bytes = gzipSync(JSON.stringify({ userId: 'chunked' }));
  const { status } = await inChunks('/v1/identify', [bytes.subarray(0, 11), bytes.subarray(11)]);
  expect(status).toBe(200);
  expect((await user('chunked')).status).toBe(200);
});

it('an address that does not exist is 404 whatever its body is, and pages of other origins may read that', async () => {
  for (const [path, type] of [
    ['/v1/x', 'text/plain'],
    ['/api/nothing', 'application/x-protobuf'],
    ['/api/nothing', 'application/json'],
  ] as const) {
    const { status, body, headers } = await service.raw(path, '{', {
      'content-type': type,
      'content-encoding': 'zstd',
    });
    expect([status, body.error?.code]).toEqual([404, 'no_such_route']);
    expect(headers.get('access-control-allow-origin')).toBe(path === '/v1/x' ? '*' : null);
  }
});

it('an empty body is no body, whatever type its header names', async () => {
  for (const type of [
    'application/json',
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'a/b',
  ]) {
    await service.call('POST', identify, { user_id: 'erased' });
    const answer = await fetch(`${service.url}/api/users/erased`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${service.secretKey}`, 'content-type': type },
    });
    expect(answer.status).toBe(200);
    expect((await user('erased')).status).toBe(404);
  }
});
