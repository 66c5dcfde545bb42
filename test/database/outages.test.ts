import { DatabaseError, Pool } from 'pg';
import { expect, test } from 'vitest';
import { databaseOutage } from '../../src/database/unreachable.js';
import { testDatabase } from '../support/database.js';
import { afterFile } from '../support/cleanup.js';

function said(code: string): DatabaseError {
  const error = new DatabaseError('said by the server', 20, 'error');
  error.code = code;
  return error;
}

test.each([
  ['53100', 'database_disk_full'],
  ['53200', 'database_out_of_memory'],
  ['53300', 'database_full_up'],
  ['53400', 'database_lost'],
  ['57P01', 'database_lost'],
  ['08006', 'database_lost'],
])('what the server says with %s is told as %s, and when to try again', (state, code) => {
  expect(databaseOutage(said(state))).toMatchObject({ code, status: 503, details: { retry_after: 5 } });
});

test('a statement that is refused is no outage', () => {
  expect(databaseOutage(said('23514'))).toBeNull();
  expect(databaseOutage(new Error('a fault of the code'))).toBeNull();
});

test('a pool whose connections all stay in use is told apart from a server that is away', async () => {
  const { url } = await testDatabase();
  const pool = new Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 50 });
  afterFile(() => pool.end());
  const held = await pool.connect();
  const refused = await pool.query('SELECT 1').catch(databaseOutage);
  held.release();
  expect(refused).toMatchObject({ code: 'database_no_connection', status: 503 });
});
