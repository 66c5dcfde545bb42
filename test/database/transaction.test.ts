import { beforeEach, expect, test } from 'vitest';
import { openPool } from '../../src/database/pool.js';
import { inTransaction } from '../../src/database/transaction.js';
import { emptyDatabase } from '../support/database.js';

const { pool, url } = await emptyDatabase();

beforeEach(async () => {
  await pool.query('DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY)');
});

async function ids(): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>('SELECT id FROM t ORDER BY id');
  return rows.map(({ id }) => id);
}

test('what the work wrote is there when it resolved, with its result', async () => {
  const result = await inTransaction(pool, async (client) => {
    await client.query('INSERT INTO t VALUES (1)');
    expect(await ids()).toEqual([]);
    return 'done';
  });
  expect(result).toBe('done');
  expect(await ids()).toEqual([1]);
});

test('nothing is there when the work rejected, and its error comes out', async () => {
  const failure = new Error('no');
  const work = inTransaction(pool, async (client) => {
    await client.query('INSERT INTO t VALUES (1)');
    throw failure;
  });
  await expect(work).rejects.toBe(failure);
  expect(await ids()).toEqual([]);
});

test('a commit that the server turns into a rollback is an error, not a silent loss', async () => {
  const work = inTransaction(pool, async (client) => {
    await client.query('INSERT INTO t VALUES (1)');
    await client.query('INSERT INTO t VALUES (1)').catch(() => undefined);
  });
  await expect(work).rejects.toMatchObject({ code: 'transaction_lost', exit: 3 });
  expect(await ids()).toEqual([]);
});

test('the connection goes back to the pool, clean, after success and failure', async () => {
  const single = await openPool(url, { max: 1 });
  try {
    for (let round = 0; round < 3; round += 1) {
      await inTransaction(single, (client) => client.query('SELECT 1'), {
        isolation: 'serializable',
        readOnly: true,
      });
      await inTransaction(single, (client) => client.query('SELECT 1 / 0')).catch(() => undefined);
      const { rows } = await single.query(
        `SELECT current_setting('transaction_isolation') AS level, now() = statement_timestamp() AS fresh`,
      );
      expect(rows).toEqual([{ level: 'read committed', fresh: true }]);
    }
  } finally {
    await single.end();
  }
});

test('a read-only transaction writes nothing, a repeatable one sees one state', async () => {
  const write = inTransaction(pool, (client) => client.query('INSERT INTO t VALUES (1)'), { readOnly: true });
  await expect(write).rejects.toThrow(/read-only transaction/);
  await inTransaction(
    pool,
    async (client) => {
      expect((await client.query('SELECT FROM t')).rowCount).toBe(0);
      await pool.query('INSERT INTO t VALUES (1)');
      expect((await client.query('SELECT FROM t')).rowCount).toBe(0);
    },
    { isolation: 'repeatable read' },
  );
});
