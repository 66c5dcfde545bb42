import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { afterFile } from '../support/cleanup.js';
import { startService } from './service.js';
import type { Service } from './service.js';

const limitMs = 400;
let service: Service;
let pool: Pool;
let folder: string;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  folder = await mkdtemp(join(tmpdir(), 'muster-test-uploads-'));
  afterFile(() => rm(folder, { recursive: true }));
  service = await startService(pool, 'initech', { bodyTimeout: limitMs, upload: { folder } });
});

interface Sending {
  readonly socket: Socket;
  /** All that was answered until the connection was closed. */
  readonly answer: Promise<string>;
}

/** Begins a call whose body is longer than what is sent of it. */
function begin({ url }: Service, path: string, type: string, key: string, part: string): Sending {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const answer = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(text));
    socket.on('error', () => undefined);
  });
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: ${type}\r\ncontent-length: 10000\r\n\r\n${part}`,
  );
  return { socket, answer };
}

it('a body that stops arriving is refused by name, and its connection is closed', async () => {
  const { answer } = begin(service, '/api/sdk/track', 'application/json', service.writeKey, '{"us');
  expect(await answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"body_timeout"/);
  const imported = begin(service, '/api/imports', 'text/csv', service.secretKey, 'user_id\n');
  expect(await imported.answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"body_timeout"/);
});

it('a connection is also closed where the call was refused before its body came', async () => {
  const { answer } = begin(service, '/api/sdk/track', 'application/json', 'wrong', '{"us');
  expect(await answer).toMatch(/^HTTP\/1\.1 401 /);
});

/** Sends a byte now and then, and gives up after four times the limit. */
function drops(path: string, type: string, key: string): Promise<string> {
  const { socket, answer } = begin(service, path, type, key, 'user_id\n');
  const timer = setInterval(() => socket.write('a'), limitMs / 8);
  socket.once('close', () => clearInterval(timer));
  setTimeout(() => socket.destroy(), limitMs * 4);
  return answer;
}

it('a body that arrives in drops is refused, but the file of an import may take its time', async () => {
  const [tracked, imported] = await Promise.all([
    drops('/api/sdk/track', 'application/json', service.writeKey),
    drops('/api/imports', 'text/csv', service.secretKey),
  ]);
  expect(tracked).toContain('body_timeout');
  expect(imported).toBe('');
});

it('stalled uploads of one workspace hold up no other one, and an upload has no name on the disk', async () => {
  const patient = await startService(pool, 'acme', { upload: { folder } });
  const other = await startService(pool, 'globex', { upload: { folder } });
  const stalled = Array.from({ length: 4 }, () =>
    begin(patient, '/api/imports', 'text/csv', patient.secretKey, 'user_id\n'),
  );
  const type = { 'content-type': 'text/csv' };
  await expect
    .poll(async () => (await patient.raw('/api/imports', 'user_id\nx\n', type)).body.error?.code, {
      interval: 5,
    })
    .toBe('imports_busy');
  await expect.poll(() => readdirSync(folder).length).toBe(process.platform === 'linux' ? 0 : 4);
  const headers = { ...type, authorization: `Bearer ${other.secretKey}` };
  expect((await patient.raw('/api/imports', 'user_id\nx\n', headers)).body).toMatchObject({ created: 1 });
  for (const { socket } of stalled) socket.destroy();
  await expect.poll(async () => (await patient.raw('/api/imports', 'user_id\nx\n', type)).status).toBe(200);
});
