import { beforeAll, expect, it } from 'vitest';
import { keepRefusals, refusalsOf } from '../../src/traits/refusals.js';
import { testDatabase } from '../support/database.js';
import { muster } from './muster.js';

let database: { DATABASE_URL: string };

beforeAll(async () => {
  const { url, pool } = await testDatabase();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
  const problem = {
    code: 'trait_type',
    message: '`name` needs text',
    path: '/traits/name',
    hint: '',
  } as const;
  for (const user_id of ['u1', 'u2']) {
    const sent = { user_id, traits: { name: 5 } };
    await keepRefusals(pool, 'sample', refusalsOf([problem], { call: 'identify', sent, whole: false }));
  }
});

it('what could not be stored is listed from the command line, for people and for programs', async () => {
  const one = await muster(['refusals', '--user', 'u1'], database);
  expect(one.code).toBe(0);
  expect(one.out).toContain('u1  /traits/name left out of identify');
  expect(one.out).toContain('`name` needs text (trait_type)');
  expect(one.out).not.toContain('u2');
  const page = await muster(['refusals', '--limit', '1', '--json'], database);
  expect(JSON.parse(page.out)).toMatchObject({ refusals: [{ user_id: 'u2', value: '5' }], next: '2' });
  expect((await muster(['refusals', '--code', 'none'], database)).out).toBe('nothing was refused\n');
});

it('an instant that is none, and a workspace that is not there, are bad input', async () => {
  for (const words of [
    ['--since', 'yesterday'],
    ['--workspace', 'nowhere'],
  ]) {
    const { code, err } = await muster(['refusals', ...words], database);
    expect(code).toBe(2);
    expect(err).toContain('hint');
  }
});
