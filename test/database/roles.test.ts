import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { matchingAmong } from '../../src/audience/people.js';
import { preview } from '../../src/audience/preview.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { saveSeries } from '../../src/automation/series/store.js';
import { migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { checkIsolation } from '../../src/database/roles.js';
import { inTransaction } from '../../src/database/transaction.js';
import { inWorkspace } from '../../src/database/workspace.js';
import { startPostgres } from '../../src/embedded/index.js';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { eraseUser, identify } from '../../src/traits/index.js';
import { importUsers } from '../../src/traits/import.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../embedded/places.js';
import { afterFile } from '../support/cleanup.js';
import { administer, databaseUrl } from '../support/template.js';

// A server of this file's own: roles belong to a whole server, and here they are missing, made and removed.
let server = '';

beforeAll(async () => {
  const postgres = await startPostgres({ dataDir: temporaryFolder(), settings: { fsync: 'off' } });
  afterFile(async () => postgres.stop());
  server = postgres.url;
});

type Sql = (text: string) => Promise<unknown>;

async function as<T>(address: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  return administer(address, (client) => work((text) => client.query(text)));
}

const noRoles = `DROP ROLE IF EXISTS muster_app, muster_reader, muster_engine`;

interface Owner {
  readonly name: string;
  /** Address of a database that this user owns, with nothing in it. */
  readonly url: string;
}

/** A user with these attributes and an empty database of its own. */
async function owner(attributes: string): Promise<Owner> {
  const name = `owner_${randomBytes(4).toString('hex')}`;
  await as(server, async (sql) => {
    await sql(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' ${attributes}`);
    await sql(`CREATE DATABASE ${name} OWNER ${name} ENCODING 'UTF8' TEMPLATE template0`);
  });
  const url = new URL(databaseUrl(server, name));
  url.username = name;
  url.password = 'secret';
  return { name, url: url.href };
}

/** Runs the work as the owner, and removes the database and all roles afterwards. */
async function withOwner(
  attributes: string,
  work: (pool: Pool, owner: Owner) => Promise<void>,
): Promise<void> {
  const made = await owner(attributes);
  const pool = await openPool(made.url);
  try {
    await work(pool, made);
  } finally {
    await pool.end();
    await as(server, async (sql) => {
      await sql(`DROP DATABASE ${made.name} WITH (FORCE)`);
      await sql(`REASSIGN OWNED BY ${made.name} TO CURRENT_USER`);
      await sql(`DROP OWNED BY ${made.name} CASCADE`);
      await sql(noRoles);
      await sql(`DROP ROLE ${made.name}`);
    });
  }
}

const admins = { '==': [{ var: 'custom:role' }, 'admin'] };

/** What a product does with Muster, from the first call to the entrance of a series. */
async function useIt(pool: Pool): Promise<void> {
  const filter = parseFilter(admins);
  await inWorkspace(pool, 'ours', (client) =>
    client.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('ours', 'Ours')`),
  );
  await saveSeries(pool, 'ours', {
    key: 'hello',
    name: 'Hello',
    trigger: { type: 'user_created' },
    audience: admins,
    steps: [{ key: 'greet', type: 'send', channel: 'log', message: { text: 'Hello' } }],
  });
  for (const [userId, role] of Object.entries({ ann: 'admin', bob: 'member', cyd: 'admin' })) {
    await identify(pool, { workspaceId: 'ours', userId, companyId: 'acme', traits: { role } });
  }
  await identify(pool, { workspaceId: 'theirs', userId: 'ann', traits: { role: 'admin' } });
  const moment = momentOf(Date.now());
  expect(await preview(pool, { workspaceId: 'ours', filter, moment })).toMatchObject({ count: 2 });
  const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const options = { limit: 100, maxAttempts: 3, wait: () => 0, logger };
  expect(await takeIn(pool, options)).toMatchObject({ rows: 4, entered: 2, failed: 0 });
  const source = join(temporaryFolder(), 'people.csv');
  writeFileSync(source, 'user_id,role\ndan,admin\nbob,admin\n');
  expect(await importUsers(pool, { workspaceId: 'ours', source })).toMatchObject({ created: 1, updated: 1 });
  expect(await eraseUser(pool, { workspaceId: 'ours', userId: 'ann' })).toEqual({ erased: true });
  expect(await preview(pool, { workspaceId: 'ours', filter, moment })).toMatchObject({ count: 3 });
  expect(await preview(pool, { workspaceId: 'theirs', filter, moment })).toMatchObject({ count: 1 });
}

async function refusal(work: Promise<unknown>): Promise<MusterError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MusterError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** The statements that a hint hands to an administrator. */
const remedyOf = (error: MusterError): string => error.first.hint.replace(/^[^:]*: /, '');

describe('a user who is no superuser', () => {
  test('but may create roles brings everything about by itself', async () => {
    await withOwner('CREATEROLE', async (pool) => {
      await migrate(pool);
      await useIt(pool);
      expect(await migrate(pool)).toEqual([]);
    });
  });

  test('and may not create roles uses those that an administrator made', async () => {
    await withOwner('', async (pool, { name }) => {
      await as(server, async (sql) => {
        await sql(
          'CREATE ROLE muster_app NOLOGIN; CREATE ROLE muster_reader NOLOGIN; CREATE ROLE muster_engine NOLOGIN',
        );
        await sql(`GRANT muster_app, muster_reader, muster_engine TO ${name}`);
      });
      expect(await migrate(pool)).toContain(8);
      await useIt(pool);
    });
  });

  test('and finds no roles is refused with the statements that an administrator runs, which are enough', async () => {
    await withOwner('', async (pool, { name }) => {
      const error = await refusal(migrate(pool));
      expect(error).toMatchObject({ code: 'database_roles_missing', exit: 2, status: 503 });
      expect(error.message).toContain('the role muster_app does not exist');
      expect(error.first.hint).toContain(`GRANT muster_app TO "${name}"`);
      expect((await pool.query(`SELECT to_regclass('muster_schema') AS made`)).rows).toEqual([
        { made: null },
      ]);
      await as(server, (sql) => sql(remedyOf(error)));
      await migrate(pool);
      await useIt(pool);
    });
  });

  test('and does not inherit is told to, because it would see nothing', async () => {
    await withOwner('NOINHERIT', async (pool, { name }) => {
      await as(server, async (sql) => {
        await sql(
          'CREATE ROLE muster_app NOLOGIN; CREATE ROLE muster_reader NOLOGIN; CREATE ROLE muster_engine NOLOGIN',
        );
        await sql(`GRANT muster_app, muster_reader, muster_engine TO ${name}`);
      });
      const error = await refusal(migrate(pool));
      expect(error.message).toBe(
        `workspaces cannot be kept apart on this server: ${name} may not use muster_engine`,
      );
      await as(server, (sql) => sql(remedyOf(error)));
      await migrate(pool);
      await useIt(pool);
    });
  });

  test('and owns no table needs the three roles alone, where another user migrates', async () => {
    await withOwner('CREATEROLE', async (pool, { name, url }) => {
      await migrate(pool);
      const service = `service_${randomBytes(4).toString('hex')}`;
      await as(server, async (sql) => {
        await sql(`CREATE ROLE ${service} LOGIN PASSWORD 'secret'`);
        await sql(`GRANT muster_app, muster_reader, muster_engine TO ${service}`);
      });
      const address = new URL(url);
      address.username = service;
      const serving = await openPool(address.href);
      try {
        await checkIsolation(serving);
        await useIt(serving);
        const owned = serving.query('DROP TABLE outbox');
        await expect(owned).rejects.toThrow('must be owner');
      } finally {
        await serving.end();
        await as(databaseUrl(server, name), (sql) => sql(`DROP OWNED BY ${service}; DROP ROLE ${service}`));
      }
    });
  });

  test('and has a schema of its own name finds its tables there under every role', async () => {
    await withOwner('CREATEROLE', async (pool, { name, url }) => {
      await pool.query(`CREATE SCHEMA ${name}`);
      const other = await openPool(url);
      try {
        await migrate(other);
        await useIt(other);
        const look = { workspaceId: 'ours', moment: momentOf(Date.now()) };
        const found = await inTransaction(other, async (client) => {
          const { rows } = await client.query<{ id: string }>('SELECT id FROM end_users');
          return matchingAmong(
            client,
            look,
            parseFilter(admins),
            rows.map(({ id }) => id),
          );
        });
        expect(found).toHaveLength(3);
        const { rows } = await other.query(`SELECT to_regclass('public.end_users') AS public`);
        expect(rows).toEqual([{ public: null }]);
      } finally {
        await other.end();
      }
    });
  });
});

describe('roles', () => {
  test('that are removed later are missed at the start and in each transaction, and put back by a migration', async () => {
    await withOwner('CREATEROLE', async (pool, { name }) => {
      await migrate(pool);
      await as(databaseUrl(server, name), (sql) => sql('DROP OWNED BY muster_app; DROP ROLE muster_app'));
      for (const work of [checkIsolation(pool), identify(pool, { workspaceId: 'ours', userId: 'ann' })]) {
        const error = await refusal(work);
        expect(error).toMatchObject({ code: 'database_roles_missing' });
        expect(error.message).toContain('the role muster_app does not exist');
      }
      // Made again by hand, it has lost its rights and its policies.
      await pool.query('CREATE ROLE muster_app NOLOGIN');
      await migrate(pool);
      await checkIsolation(pool);
      await useIt(pool);
    });
  });

  test('that pass over row-level security or have the rights of others are refused', async () => {
    await withOwner('CREATEROLE', async (pool) => {
      await migrate(pool);
      for (const [breaking, reason] of [
        ['ALTER ROLE muster_app BYPASSRLS', 'the role muster_app passes over row-level security'],
        ['ALTER ROLE muster_reader SUPERUSER', 'the role muster_reader passes over row-level security'],
        ['GRANT muster_engine TO muster_app', 'the role muster_app has the rights of muster_engine'],
      ] as const) {
        await as(server, (sql) => sql(breaking));
        const error = await refusal(checkIsolation(pool));
        expect(error.message).toBe(`workspaces cannot be kept apart on this server: ${reason}`);
        await as(server, (sql) => sql(remedyOf(error)));
        await checkIsolation(pool);
      }
    });
  });

  test('are made once by eight databases of one server that migrate at the same time', async () => {
    const names = Array.from({ length: 8 }, () => `many_${randomBytes(4).toString('hex')}`);
    await as(server, async (sql) => {
      await sql(noRoles);
      for (const name of names) await sql(`CREATE DATABASE ${name} TEMPLATE template0`);
    });
    const pools = await Promise.all(names.map((name) => openPool(databaseUrl(server, name))));
    try {
      const ran = await Promise.all(pools.map((pool) => migrate(pool)));
      expect(ran.filter((versions) => versions.includes(8))).toHaveLength(8);
      await Promise.all(pools.map((pool) => checkIsolation(pool)));
    } finally {
      await Promise.all(pools.map((pool) => pool.end()));
      await as(server, async (sql) => {
        for (const name of names) await sql(`DROP DATABASE ${name} WITH (FORCE)`);
        await sql(noRoles);
      });
    }
  });

  test('that another user of the server made are refused to one who may not grant them', async () => {
    await as(server, (sql) =>
      sql(
        'CREATE ROLE muster_app NOLOGIN; CREATE ROLE muster_reader NOLOGIN; CREATE ROLE muster_engine NOLOGIN',
      ),
    );
    await withOwner('CREATEROLE', async (pool) => {
      // Before Postgres 16 whoever may create roles may grant every one; this server is no such.
      const error = await refusal(migrate(pool));
      expect(error).toMatchObject({ code: 'database_roles_missing' });
      expect(error.message).not.toContain('does not exist');
      await as(server, (sql) => sql(remedyOf(error)));
      await migrate(pool);
      await useIt(pool);
    });
  });
});
