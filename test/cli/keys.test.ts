import { beforeAll, expect, it } from 'vitest';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import { containing } from '../support/matchers.js';
import { muster } from './muster.js';

let database: { DATABASE_URL: string };

beforeAll(async () => {
  const { pool, url } = await testDatabase();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
});

function partsOf(json: string): { key: string; id: string } {
  const made: unknown = JSON.parse(json);
  if (!isObject(made)) throw new Error(`no key: ${json}`);
  return { key: String(made['key']), id: String(made['id']) };
}

it('keys are created, listed without their text, rotated and revoked', async () => {
  const made = await muster(['keys', 'create', '--kind', 'secret', '--name', 'ci', '--json'], database);
  expect([made.code, made.err]).toEqual([0, '']);
  const { key, id } = partsOf(made.out);
  expect(key).toMatch(/^mk_secret_sample_/);
  const rotated = await muster(['keys', 'rotate', id, '--overlap', '7d', '--json'], database);
  expect(JSON.parse(rotated.out)).toMatchObject({
    kind: 'secret',
    name: 'ci',
    replaced: { id, state: 'ending' },
  });
  expect((await muster(['keys', 'revoke', id], database)).code).toBe(0);
  const listed = await muster(['keys', 'list'], database);
  expect(listed.out).toContain(`...${key.slice(-4)}`);
  expect(listed.out).toContain('revoked');
  expect(listed.out).not.toContain(key.slice(20, 60));
});

it('a workspace, key or overlap that is none is refused with exit code 2', async () => {
  const lost = await muster(['keys', 'create', '--workspace', 'nowhere', '--json'], database);
  expect([lost.code, lost.err]).toEqual([2, containing('unknown_workspace')]);
  const none = await muster(['keys', 'revoke', 'nonsense', '--json'], database);
  expect([none.code, none.err]).toEqual([2, containing('no_such_key')]);
  const long = await muster(['keys', 'rotate', 'x', '--overlap', '31d', '--json'], database);
  expect([long.code, long.err]).toEqual([2, containing('bad_usage')]);
});
