import { beforeAll, describe, expect, test } from 'vitest';
import { matchingAmong } from '../../src/audience/people.js';
import { preview } from '../../src/audience/preview.js';
import { openPool } from '../../src/database/pool.js';
import type { Client } from '../../src/database/pool.js';
import { checkIsolation } from '../../src/database/roles.js';
import { inTransaction } from '../../src/database/transaction.js';
import { beginInWorkspace, inAudience, inWorkspace } from '../../src/database/workspace.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { fillTables, insertRow, workspaceTables } from './guarded.js';

const { pool, url } = await testDatabase();
const tables = await workspaceTables(pool);
const moment = momentOf('2026-06-01T12:00:00Z');

beforeAll(async () => fillTables(pool, ['ours', 'theirs']));

const refused = { code: '42501', message: expect.stringContaining('row-level security') as unknown };
const notAllowed = { code: '42501', message: expect.stringContaining('permission denied') as unknown };

async function countIn(client: Client, table: string, condition = 'true'): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table} WHERE ${condition}`);
  return Number(rows[0]?.count);
}

test('every table with a workspace_id has row-level security, enabled and forced, and exactly its three policies', async () => {
  const { rows } = await pool.query<{ name: string; secured: boolean; policies: string[] }>(
    `SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS secured, ARRAY(
       SELECT concat_ws(' ', polname, polcmd, polpermissive, polroles::regrole[]::text,
         pg_get_expr(polqual, polrelid), '/', pg_get_expr(polwithcheck, polrelid))
       FROM pg_policy WHERE polrelid = c.oid ORDER BY polname) AS policies
     FROM pg_class AS c WHERE c.oid = ANY ($1::regclass[]::oid[])`,
    [tables],
  );
  const own = `(workspace_id = NULLIF(current_setting('muster.workspace'::text, true), ''::text))`;
  const policies = [
    `muster_app * t {muster_app} ${own} / ${own}`,
    'muster_engine * t {muster_engine} true / true',
    'muster_reader r t {muster_reader} true /',
  ];
  expect(rows.filter(({ secured }) => !secured).map(({ name }) => name)).toEqual([]);
  expect(
    rows.filter((row) => JSON.stringify(row.policies) !== JSON.stringify(policies)).map(({ name }) => name),
  ).toEqual([]);
  // A list of tables that finds nothing would agree with everything.
  expect(tables.length).toBeGreaterThan(20);
  const { rows: known } = await pool.query<{ name: string }>('SELECT name FROM guarded_tables ORDER BY name');
  expect(known.map(({ name }) => name)).toEqual(tables.toSorted());
});

test('the roles log in nowhere, pass over nothing and have the rights of nobody else', async () => {
  const { rows } = await pool.query(
    `SELECT rolname::text AS name FROM pg_roles AS r WHERE rolname LIKE 'muster\\_%'
       AND rolname IN ('muster_app', 'muster_reader', 'muster_engine')
       AND NOT (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
       AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) ORDER BY 1`,
  );
  expect(rows).toEqual([{ name: 'muster_app' }, { name: 'muster_engine' }, { name: 'muster_reader' }]);
});

describe('as the role of a workspace', () => {
  test.each(tables)('without a workspace no row of %s is visible', async (table) => {
    const fresh = await openPool(url, { max: 1 });
    try {
      const look = (client: Client): Promise<number> => countIn(client, table);
      const bare = async (client: Client): Promise<number> => {
        await client.query('SET LOCAL ROLE muster_app');
        return look(client);
      };
      // Before the setting was ever made in the session, and after the transaction that made it.
      expect(await inTransaction(fresh, bare)).toBe(0);
      expect(await inWorkspace(fresh, 'ours', look)).toBe(1);
      expect(await inTransaction(fresh, bare)).toBe(0);
    } finally {
      await fresh.end();
    }
  });

  test.each(tables)('in one workspace no row of another is seen, changed or removed in %s', async (table) => {
    await inWorkspace(pool, 'ours', async (client) => {
      expect(await countIn(client, table)).toBe(1);
      expect(await countIn(client, table, `workspace_id = 'theirs'`)).toBe(0);
      const changed = await client.query(`UPDATE ${table} SET workspace_id = workspace_id`);
      expect(changed.rowCount).toBe(1);
      await client.query('SAVEPOINT gone');
      expect((await client.query(`DELETE FROM ${table}`)).rowCount).toBe(1);
      await client.query('ROLLBACK TO SAVEPOINT gone');
    });
    expect((await pool.query(`SELECT FROM ${table} WHERE workspace_id = 'theirs'`)).rowCount).toBe(1);
  });

  test.each(tables)(
    'a row can neither be written into nor moved to another workspace in %s',
    async (table) => {
      const insert = inWorkspace(pool, 'ours', (client) => insertRow(client, table, 'theirs'));
      await expect(insert).rejects.toMatchObject(refused);
      const move = inWorkspace(pool, 'ours', (client) =>
        client.query(`UPDATE ${table} SET workspace_id = 'theirs'`),
      );
      await expect(move).rejects.toMatchObject(refused);
    },
  );

  test('the connection goes back as it came, after a failure too', async () => {
    const one = await openPool(url, { max: 1 });
    const state = `SELECT current_user = session_user AS self, current_setting('role') AS role,
      current_setting('muster.workspace', true) AS workspace`;
    try {
      const inside = await inWorkspace(one, 'ours', (client) => client.query(state));
      expect(inside.rows).toEqual([{ self: false, role: 'muster_app', workspace: 'ours' }]);
      const failing = inWorkspace(one, 'ours', (client) => client.query('SELECT 1 / 0'));
      await expect(failing).rejects.toThrow('division by zero');
      expect((await one.query(state)).rows).toEqual([{ self: true, role: 'none', workspace: '' }]);
    } finally {
      await one.end();
    }
  });

  test.each([`o'clock`, `'; RESET ROLE; SET LOCAL x.y = '`, `back\\slash'`, '$$', 'ünï'])(
    'the id %j stays what it is',
    async (id) => {
      const inside = await inWorkspace(pool, id, (client) =>
        client.query(`SELECT current_user::text AS role, current_setting('muster.workspace') AS workspace`),
      );
      expect(inside.rows).toEqual([{ role: 'muster_app', workspace: id }]);
    },
  );

  test.each(['', 'a\0b'])('the id %j, which can be none, is refused', async (id) => {
    const nothing = inWorkspace(pool, id, async () => undefined);
    await expect(nothing).rejects.toMatchObject({ code: 'unknown_workspace' });
  });
});

describe('partitions', () => {
  test('are out of reach for the roles, those too that were made since; the parent leads to them', async () => {
    await inWorkspace(pool, 'ours', async (client) => {
      await client.query(`SELECT make_event_partition('2031-05-01Z')`);
      await client.query(
        `INSERT INTO events (workspace_id, end_user_id, event, occurred_at) VALUES ('ours', gen_random_uuid(), 'late', '2031-05-05Z')`,
      );
      expect(await countIn(client, 'events', `event = 'late'`)).toBe(1);
    });
    const { rows } = await pool.query<{ name: string; open: boolean }>(
      `SELECT c.relname AS name, bool_or(has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')) AS open
       FROM pg_class AS c CROSS JOIN pg_roles AS r
       WHERE c.relispartition AND c.relkind = 'r' AND r.rolname IN ('muster_app', 'muster_reader', 'muster_engine') GROUP BY 1`,
    );
    expect(rows.map(({ name }) => name)).toContain('events_2031_05');
    expect(rows.filter(({ open }) => open)).toEqual([]);
    const direct = inWorkspace(pool, 'ours', (client) => client.query('SELECT FROM events_2031_05'));
    await expect(direct).rejects.toMatchObject(notAllowed);
  });
});

const asReader = async <T>(work: (client: Client) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query('SET LOCAL ROLE muster_reader');
    return work(client);
  });

describe('as the role of audiences', () => {
  test.each(tables)('nothing can be written to %s', async (table) => {
    await expect(asReader((client) => insertRow(client, table, 'ours'))).rejects.toMatchObject(notAllowed);
    const update = asReader((client) => client.query(`UPDATE ${table} SET workspace_id = 'x'`));
    await expect(update).rejects.toMatchObject(notAllowed);
    await expect(asReader((client) => client.query(`DELETE FROM ${table}`))).rejects.toMatchObject(
      notAllowed,
    );
  });

  test('only what compiled audiences ask about can be read', async () => {
    const readable: string[] = [];
    const refusals: unknown[] = [];
    for (const table of tables) {
      const look = asReader((client) => countIn(client, table));
      const found = await look.catch((error: unknown) => error);
      if (typeof found === 'number') readable.push(table);
      else refusals.push(found);
    }
    const { rows } = await pool.query<{ name: string }>(
      'SELECT name FROM guarded_tables WHERE audience ORDER BY name',
    );
    expect(readable).toEqual(rows.map(({ name }) => name));
    expect(refusals).toEqual(refusals.map(() => expect.objectContaining(notAllowed) as unknown));
    expect(readable).toEqual(expect.arrayContaining(['companies', 'end_users', 'events']));
    expect(readable).not.toContain('api_keys');
  });

  test('its transaction can write nothing even where it may, as in a temporary table', async () => {
    const write = inAudience(pool, 1000, (client) => client.query('CREATE TEMP TABLE x (y int)'));
    await expect(write).rejects.toMatchObject({ code: '25006' });
  });

  test('previews, and looks in the middle of a transaction, run as it and as nobody else', async () => {
    const filter = parseFilter({ everyone: true });
    const look = (): Promise<unknown> => preview(pool, { workspaceId: 'ours', filter, moment });
    const among = (): Promise<unknown> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: string }>('SELECT id FROM end_users');
        const ids = rows.map(({ id }) => id);
        const found = await matchingAmong(client, { workspaceId: 'ours', moment }, filter, ids);
        const { rows: after } = await client.query('SELECT current_user = session_user AS self');
        return { asked: ids.length, found: found.length, after };
      });
    expect(await look()).toMatchObject({ count: 1 });
    expect(await among()).toEqual({ asked: 2, found: 1, after: [{ self: true }] });
    await pool.query('REVOKE SELECT ON end_users FROM muster_reader');
    try {
      await expect(look()).rejects.toMatchObject(notAllowed);
      await expect(among()).rejects.toMatchObject(notAllowed);
    } finally {
      await pool.query('GRANT SELECT ON end_users TO muster_reader');
    }
  });

  test('a look that fails in the middle of a transaction gives it back whole, with the role that it had', async () => {
    const outcome = await inWorkspace(pool, 'ours', async (client) => {
      await client.query(`UPDATE end_users SET name = 'before'`);
      const crossed = parseFilter({ '==': [{ var: 'name' }, 'before'] });
      await client.query('SET LOCAL search_path = pg_catalog');
      const failed = await matchingAmong(client, { workspaceId: 'ours', moment }, crossed, [
        '00000000-0000-0000-0000-000000000000',
      ]).catch((error: unknown) => error);
      await client.query('SET LOCAL search_path = public');
      const { rows } = await client.query('SELECT current_user::text AS role, name FROM end_users');
      return { failed, rows };
    });
    expect(outcome.failed).toMatchObject({ message: 'relation "end_users" does not exist' });
    expect(outcome.rows).toEqual([{ role: 'muster_app', name: 'before' }]);
  });
});

test('a table that lost a policy, its force or a grant is noticed by name', async () => {
  await expect(checkIsolation(pool)).resolves.toBeUndefined();
  for (const breaking of [
    'DROP POLICY muster_app ON outbox',
    'ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE outbox DISABLE ROW LEVEL SECURITY',
    'REVOKE ALL ON outbox FROM muster_app',
  ]) {
    await pool.query(breaking);
    await expect(checkIsolation(pool)).rejects.toMatchObject({
      code: 'database_unguarded',
      message: 'tables lack their row-level security: outbox',
    });
    await pool.query('SELECT muster_guard_again()');
    await expect(checkIsolation(pool)).resolves.toBeUndefined();
  }
});

test('a transaction that is begun by hand is bound as well', async () => {
  const client = await pool.connect();
  afterFile(async () => client.release());
  await beginInWorkspace(pool, client, 'ours', { isolation: 'repeatable read', readOnly: true });
  expect(await countIn(client, 'end_users')).toBe(1);
  const { rows } = await client.query('SHOW transaction_read_only');
  expect(rows).toEqual([{ transaction_read_only: 'on' }]);
  await client.query('ROLLBACK');
});
