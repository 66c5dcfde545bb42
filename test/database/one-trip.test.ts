import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { queryInWorkspace } from '../../src/database/one-trip.js';
import { openPool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';

const { pool, url } = await testDatabase();
await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('ours', 'Ours'), ('theirs', 'Theirs')`);

const state = `SELECT current_user::text AS role, current_setting('muster.workspace') AS workspace,
  (SELECT count(*)::integer FROM workspaces) AS seen`;

test('a statement sees its workspace only, has its values bound, and leaves the connection as it was', async () => {
  const one = await openPool(url, { max: 1 });
  try {
    const { rows } = await queryInWorkspace(one, 'ours', {
      text: `${state}, $1::text AS bound`,
      values: ["o'clock"],
    });
    expect(rows).toEqual([{ role: 'muster_app', workspace: 'ours', seen: 1, bound: "o'clock" }]);
    const { rows: after } = await one.query(
      `SELECT current_user = session_user AS self, current_setting('muster.workspace') AS workspace`,
    );
    expect(after).toEqual([{ self: true, workspace: '' }]);
  } finally {
    await one.end();
  }
});

test('what it writes is committed when it answers, and not there where it fails', async () => {
  await queryInWorkspace(pool, 'ours', {
    text: `UPDATE workspaces SET name = $1`,
    values: ['Renamed'],
  });
  const failing = queryInWorkspace(pool, 'ours', { text: `UPDATE workspaces SET name = (1 / 0)::text` });
  await expect(failing).rejects.toThrow('division by zero');
  const foreign = queryInWorkspace(pool, 'ours', { text: `UPDATE workspaces SET workspace_id = 'theirs'` });
  await expect(foreign).rejects.toMatchObject({ code: '42501' });
  const { rows } = await pool.query('SELECT workspace_id, name FROM workspaces ORDER BY 1');
  expect(rows).toEqual([
    { workspace_id: 'ours', name: 'Renamed' },
    { workspace_id: 'theirs', name: 'Theirs' },
  ]);
});

test('a commit that the server turns into a rollback is no success', async () => {
  await pool.query(
    'CREATE TABLE later (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON later TO muster_app',
  );
  const twice = queryInWorkspace(pool, 'ours', { text: 'INSERT INTO later VALUES (1), (1)' });
  await expect(twice).rejects.toMatchObject({ code: '23505' });
  expect((await pool.query('SELECT FROM later')).rowCount).toBe(0);
});

test('of many at once, also of the same prepared statement, each gets its own answer', async () => {
  const asked = Array.from({ length: 200 }, (_, index) => index);
  const answers = await Promise.all(
    asked.map(async (index) => {
      const { rows } = await queryInWorkspace<{ index: number; workspace: string }>(pool, `w-${index}`, {
        name: 'muster_test',
        text: `SELECT $1::integer AS index, current_setting('muster.workspace') AS workspace`,
        values: [index],
      });
      return rows[0];
    }),
  );
  expect(answers).toEqual(asked.map((index) => ({ index, workspace: `w-${index}` })));
});

test('where the role cannot be taken nothing runs, and the error says what is missing', async () => {
  const name = `unable_${process.pid}`;
  await pool.query(
    `CREATE ROLE ${name} LOGIN PASSWORD 'secret'; GRANT SELECT, UPDATE ON workspaces TO ${name}`,
  );
  const address = new URL(url);
  address.username = name;
  address.password = 'secret';
  const unable = await openPool(address.href);
  try {
    const refused = queryInWorkspace(unable, 'ours', { text: `UPDATE workspaces SET name = 'taken'` });
    await expect(refused).rejects.toMatchObject({ code: 'database_roles_missing' });
    expect((await pool.query(`SELECT FROM workspaces WHERE name = 'taken'`)).rowCount).toBe(0);
  } finally {
    await unable.end();
    await pool.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
  }
});

test('it is one trip: nothing is waited for between its beginning and its commit', async () => {
  const server = new URL(url);
  /** How often the client spoke after the server had. */
  let turns = 0;
  let lastWas = 'server';
  const proxy = createServer((client) => {
    const upstream = connect(Number(server.port), server.hostname);
    client.on('data', (data) => {
      if (lastWas === 'server') turns += 1;
      lastWas = 'client';
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      lastWas = 'server';
      client.write(data);
    });
    client.on('error', () => undefined).on('close', () => upstream.destroy());
    upstream.on('error', () => undefined).on('close', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  afterFile(async () => void proxy.close());
  const address = new URL(url);
  const place = proxy.address();
  address.port = typeof place === 'object' && place !== null ? String(place.port) : '';
  const far = await openPool(address.href, { max: 1 });
  try {
    turns = 0;
    expect((await queryInWorkspace(far, 'ours', { text: state })).rows).toHaveLength(1);
    expect(turns).toBe(1);
    await far.query('SELECT 1');
    expect(turns).toBe(2);
  } finally {
    await far.end();
  }
});

test('a connection that is cut in the middle fails the call and is not used again', async () => {
  const one = await openPool(url, { max: 1 });
  try {
    const cut = queryInWorkspace(one, 'ours', {
      text: `SELECT pg_sleep(60) FROM (SELECT $1::text) AS x`,
      values: ['y'],
    });
    const failed = cut.catch((error: unknown) => String(error));
    await expect
      .poll(async () => {
        const { rows } = await pool.query<{ cut: boolean }>(
          `SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
           WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'`,
        );
        return rows.length;
      })
      .toBe(1);
    expect(await failed).toMatch(/terminat/);
    expect((await queryInWorkspace(one, 'ours', { text: state })).rows).toMatchObject([{ seen: 1 }]);
  } finally {
    await one.end();
  }
});
