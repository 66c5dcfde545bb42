import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import { containing } from '../support/matchers.js';
import type { Pool } from '../../src/database/pool.js';
import { openLocalKeys } from '../../src/cli/sample.js';
import { matchKey, readKeys } from '../../src/server/keys.js';
import { createKey, listKeys, revokeKey, rotateKey } from '../../src/server/manage-keys.js';
import { testRedis } from '../support/redis.js';
import { muster, ownFolder, startMuster } from './muster.js';
import type { Variables } from './muster.js';

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

/** What a start prints and what the file has, as the key's last four characters; fails where the service refuses one. */
async function started(variables: Variables): Promise<{ secret: string; write: string }> {
  const running = startMuster(['start', '--port', '0', '--no-sample', '--json'], variables);
  const line: unknown = JSON.parse(await running.until('\n'));
  if (!isObject(line)) throw new Error('the ready line is not an object');
  const [url, secret, write] = [String(line['url']), String(line['secret_key']), String(line['write_key'])];
  const status = async (path: string, key: string, init: RequestInit = {}): Promise<number> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    return (await fetch(`${url}${path}`, { ...init, headers })).status;
  };
  expect(await status('/api/keys', secret)).toBe(200);
  const body = JSON.stringify({ user_id: 'u', event: 'e' });
  expect(await status('/api/sdk/track', write, { method: 'POST', body })).toBe(200);
  await running.end();
  const file: unknown = JSON.parse(readFileSync(join(variables.MUSTER_DATA ?? '', 'keys.json'), 'utf8'));
  expect(file).toMatchObject({ sample: { secret_key: secret, write_key: write } });
  return { secret, write };
}

it('after muster keys rotate of its own keys, muster start prints keys that work', async () => {
  const { pool, url } = await testDatabase();
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
  const redis = await testRedis();
  const folder = ownFolder();
  const variables = { DATABASE_URL: url, REDIS_URL: redis.url, MUSTER_DATA: folder };
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await muster(['keys', ...args], variables);
    expect([code, err]).toEqual([0, '']);
    return out;
  };
  const first = await openLocalKeys(pool, folder, 'sample');
  const rotated = partsOf(await run('rotate', await idOf(pool, first.secret), '--overlap', '0', '--json'));
  const other = await createKey(pool, { workspaceId: 'sample', kind: 'write', now: Date.now() });
  await run('rotate', other.id, '--json');
  expect(await started(variables)).toEqual({ secret: rotated.key, write: first.write });
  expect(await run('rotate', await idOf(pool, first.write))).toContain('muster start uses the new one');
  expect(await openLocalKeys(pool, folder, 'sample')).not.toMatchObject({ write: first.write });
});

it('a local key that was revoked, or rotated by somebody else, is replaced at the next start, once', async () => {
  const { pool } = await testDatabase();
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
  const folder = ownFolder();
  const first = await openLocalKeys(pool, folder, 'sample');
  expect(await openLocalKeys(pool, folder, 'sample')).toEqual(first);
  const call = { workspaceId: 'sample', now: Date.now() };
  await revokeKey(pool, { ...call, keyId: await idOf(pool, first.write) });
  await rotateKey(pool, { ...call, keyId: await idOf(pool, first.secret), overlap: 3600 });
  const second = await openLocalKeys(pool, folder, 'sample');
  expect([second.secret === first.secret, second.write === first.write]).toEqual([false, false]);
  expect(await openLocalKeys(pool, folder, 'sample')).toEqual(second);
  const live = (await listKeys(pool, 'sample', call.now)).filter(({ state }) => state === 'live');
  expect(live.map(({ ending }) => ending)).toEqual(
    expect.arrayContaining([second.secret.slice(-4), second.write.slice(-4)]),
  );
});

async function idOf(pool: Pool, key: string): Promise<string> {
  return matchKey(await readKeys(pool, 'sample'), key)?.key_id ?? '';
}
