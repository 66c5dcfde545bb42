import type { Client, Pool } from '../../src/database/pool.js';

/** Every table of the schema that has a workspace_id, partitions apart. */
export async function workspaceTables(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class AS c
     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Puts a row of each workspace into every table. Checks, foreign keys and triggers are dropped before, so that any value
 * of a column's type will do and a table that is added later is filled as well; row-level security is none of them.
 */
export async function fillTables(pool: Pool, workspaces: readonly string[]): Promise<void> {
  await pool.query(`DO $$
    DECLARE found record;
    BEGIN
      FOR found IN
        SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE contype IN ('c', 'f') AND conparentid = 0 AND connamespace = 'public'::regnamespace AND conrelid <> 0
          AND conislocal
      LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.name, found.conname);
      END LOOP;
      FOR found IN
        SELECT tgrelid::regclass AS name, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
      LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', found.tgname, found.name);
      END LOOP;
    END $$`);
  for (const table of await workspaceTables(pool)) {
    for (const workspace of workspaces) await insertRow(pool, table, workspace);
  }
}

/** Inserts a row with some value in each column that needs one. */
export async function insertRow(db: Pool | Client, table: string, workspace: string): Promise<void> {
  const { rows } = await db.query<{ name: string; type: string }>(
    `SELECT quote_ident(a.attname) AS name, coalesce(b.typname, t.typname)::text AS type
     FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
     WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> 'workspace_id' ORDER BY a.attnum`,
    [table],
  );
  const values = rows.map(({ type }) => someValue[type] ?? refuseType(table, type));
  const names = ['workspace_id', ...rows.map(({ name }) => name)];
  await db.query(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${['$1', ...values].join(', ')})`, [
    workspace,
  ]);
}

const someValue: Readonly<Record<string, string>> = {
  text: `'some'`,
  bytea: `'\\x00'`,
  uuid: 'gen_random_uuid()',
  bool: 'false',
  int2: '1',
  int4: '1',
  int8: '1',
  float8: '1',
  numeric: '1',
  jsonb: `'{}'`,
  timestamptz: 'now()',
  date: 'now()',
  interval: `'1 day'`,
  _text: `'{}'`,
  _uuid: `'{}'`,
};

function refuseType(table: string, type: string): never {
  throw new Error(`no value is known for a column of type ${type} in ${table}`);
}
