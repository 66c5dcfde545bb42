import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { expect, inject, test } from 'vitest';
import { openPool } from '../../src/database/pool.js';
import { inTransaction } from '../../src/database/transaction.js';
import { databaseAddress, isConnectionError, unreachable } from '../../src/database/unreachable.js';
import { MusterError } from '../../src/errors/index.js';
import { freePort } from '../../src/embedded/ports.js';
import { emptyDatabase } from '../support/database.js';
import { administer, databaseUrl } from '../support/template.js';
import { containing } from '../support/matchers.js';

const SECRET = 'hush-hush';
const { pool, url } = await emptyDatabase();

async function refusal(target: string, connectTimeout = 5_000): Promise<MusterError> {
  try {
    const opened = await openPool(target, { connectTimeout });
    await opened.end();
  } catch (error) {
    if (error instanceof MusterError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('it says who it is, and speaks UTF8', async () => {
  const { rows } = await pool.query<{ name: string }>(`SELECT current_setting('application_name') AS name`);
  expect(rows).toEqual([{ name: 'muster' }]);
});

test('a server that is not there is refused with its address, and never with the password', async () => {
  const port = await freePort();
  const error = await refusal(`postgres://someone:${SECRET}@127.0.0.1:${port}/name?password=${SECRET}`);
  expect(error).toMatchObject({ code: 'database_unreachable', exit: 3, status: 503 });
  expect(error.message).toBe(
    `the database at \`someone@127.0.0.1:${port}/name\` cannot be used: nothing answers there`,
  );
  expect(JSON.stringify(error.toBody())).not.toContain(SECRET);
});

test('a host name that does not exist, with several ways to fail, gives one reason', async () => {
  const error = await refusal(`postgres://someone:${SECRET}@no-such-host.invalid/name`);
  expect(error.code).toBe('database_unreachable');
  expect(error.message).toMatch(/cannot be used: (no such host|the host name cannot be looked up)$/);
  const cause = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]);
  expect(unreachable(cause, 'postgres://localhost/name').message).toContain('nothing answers there');
});

test('a database that is missing is told apart', async () => {
  const error = await refusal(databaseUrl(url, 'no_such_database'));
  expect(error.code).toBe('database_unreachable');
  expect(error.message).toMatch(/no_such_database` cannot be used: there is no database of that name$/);
});

// A server that is given may trust everybody from here and never ask.
test.skipIf(process.env['DATABASE_URL'])('a wrong password is told apart, and not shown', async () => {
  const wrong = new URL(url);
  wrong.password = SECRET;
  const error = await refusal(wrong.href);
  expect(error).toMatchObject({ code: 'database_unreachable', exit: 3 });
  expect(error.message).toContain('it refuses the password');
  expect(error.message).not.toContain(SECRET);
});

test('a server that accepts and then says nothing is given up in time', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  const port = await listening(silent);
  try {
    const error = await refusal(`postgres://someone:${SECRET}@127.0.0.1:${port}/name`, 200);
    expect(error).toMatchObject({ code: 'database_unreachable', exit: 3 });
    expect(error.message).toMatch(/cannot be used: (no answer in time|the connection was cut)$/);
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
});

test.each([
  '',
  'name',
  'http://localhost/name',
  `postgres://someone:${SECRET}@host:port/name`,
  'mysql://localhost',
])('an address that is none (%j) is refused without quoting it', async (target) => {
  const error = await refusal(target);
  expect(error).toMatchObject({ code: 'database_url_invalid', exit: 2 });
  expect(JSON.stringify(error.toBody())).not.toContain(SECRET);
  expect(error.cause).toBeUndefined();
});

test.each([
  ['postgres://someone:secret@host:5433/name', 'someone@host:5433/name'],
  ['postgres://host/name?password=secret', 'host/name'],
  ['postgres://some%40one:secret@/name?host=/run/postgresql', 'some@one@/run/postgresql/name'],
  ['postgres://someone:%zz@[::1]:5432/name', 'someone@[::1]:5432/name'],
  ['not a url: secret', 'DATABASE_URL'],
])('the address %j is shown as %j', (target, shown) => {
  expect(databaseAddress(target)).toBe(shown);
});

test('a database in another encoding is refused', async () => {
  const server = inject('servers').databaseUrl;
  const name = `muster_test_latin_${process.pid}`;
  await administer(server, async (client) => {
    await client.query(
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    try {
      expect(await refusal(databaseUrl(server, name))).toMatchObject({
        code: 'database_encoding',
        message: containing('is encoded in LATIN1, but Muster needs UTF8'),
      });
    } finally {
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
});

test('a server older than 15 is refused', async () => {
  const error = await refusalOfVersion(140_011);
  expect(error).toMatchObject({ code: 'database_too_old', exit: 3 });
  expect(error.message).toContain('runs Postgres 14, but Muster needs 15 or later');
});

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function cell(text: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(Buffer.byteLength(text));
  return Buffer.concat([size, Buffer.from(text)]);
}

function column(name: string): Buffer {
  return Buffer.concat([
    Buffer.from(`${name}\0`),
    Buffer.from('00000000000000000019ffffffffffff0000', 'hex'),
  ]);
}

/** A server that speaks just enough of the protocol to answer the one question with a version of ours. */
async function refusalOfVersion(version: number): Promise<MusterError> {
  const ready = message('Z', Buffer.from('I'));
  const count = Buffer.from([0, 2]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      socket.on('data', (question) => {
        if (question[0] !== 'Q'.charCodeAt(0)) {
          socket.end();
          return;
        }
        socket.write(
          Buffer.concat([
            message('T', Buffer.concat([count, column('version'), column('encoding')])),
            message('D', Buffer.concat([count, cell(String(version)), cell('UTF8')])),
            message('C', Buffer.from('SELECT 1\0')),
            ready,
          ]),
        );
      });
    });
  });
  const port = await listening(server);
  try {
    return await refusal(`postgres://someone@127.0.0.1:${port}/name`);
  } finally {
    server.close();
  }
}

test('a connection that is cut, idle or in a transaction, fails what it was used for and nothing else', async () => {
  const heard: Error[] = [];
  const other = await openPool(url, { onIdleError: (error) => heard.push(error) });
  try {
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await expect.poll(() => heard.length).toBe(1);
    expect((await other.query('SELECT 1')).rowCount).toBe(1);

    const cut = inTransaction(other, async (client) => {
      const answer = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const closed = new Promise((resolve) => client.once('end', resolve));
      await pool.query('SELECT pg_terminate_backend($1)', [answer.rows[0]?.pid]);
      await closed;
      await client.query('SELECT 1');
    });
    expect(await cut.catch(isConnectionError)).toBe(true);
    expect((await other.query('SELECT 1')).rowCount).toBe(1);
  } finally {
    await other.end();
  }
});
