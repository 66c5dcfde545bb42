import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { freshFor } from '../../src/server/access.js';
import { isMistyped, newKey, storeKey } from '../../src/server/keys.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
/** A second process on the same database. */
let other: Service;
let now = Date.now();

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme', { clock: () => now });
  other = await startService(pool, 'acme', { clock: () => now });
});

const tryKey = async (key: string, at = service): Promise<string> => {
  const { status, body } = await at.call('GET', '/api/series', undefined, key);
  return body.error?.code ?? String(status);
};
const textOf = ({ body }: Answer): string => String(body['key']);
const idOf = ({ body }: Answer): string => String(body['id']);
const make = async (kind: 'secret' | 'write' = 'secret'): Promise<Answer> =>
  service.call('POST', '/api/keys', { kind, name: 'ci' });

it('a key is shown when it is made and never again, and works at once', async () => {
  const made = await make();
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    kind: 'secret',
    name: 'ci',
    state: 'live',
    valid_until: null,
    revoked_at: null,
  });
  expect(await tryKey(textOf(made))).toBe('200');
  const { text, body } = await service.call('GET', '/api/keys');
  expect(text).not.toContain(textOf(made).slice(-50, -8));
  expect(body['keys']).toContainEqual({ ...made.body, key: undefined });
  const stored = JSON.stringify((await pool.query('SELECT * FROM api_keys')).rows);
  expect(stored).not.toContain(textOf(made).slice(15, 63));
});

it('any slip of one character is told as a slip, not as an unknown key', async () => {
  const key = newKey('write', 'acme');
  expect(isMistyped(key)).toBe(false);
  for (let at = 0; at < key.length; at += 1) {
    const slip = key.slice(0, at) + (key[at] === '0' ? '1' : '0') + key.slice(at + 1);
    expect(isMistyped(slip)).toBe(true);
    expect(isMistyped(key.slice(0, at) + key.slice(at + 1))).toBe(true);
  }
  expect(await tryKey(`${key}0`)).toBe('key_mistyped');
  expect(await tryKey(key)).toBe('key_unknown');
});

it('a key made before there were checksums goes on working', async () => {
  const key = `mk_secret_acme_${'ab'.repeat(24)}`;
  await storeKey(pool, { key, kind: 'secret', workspaceId: 'acme' });
  expect(await tryKey(key)).toBe('200');
  expect(isMistyped(key)).toBe(false);
});

it('after a rotation both keys work until the overlap ends, and then only the new one', async () => {
  const old = await make();
  const made = await service.call('POST', `/api/keys/${idOf(old)}/rotate`, { overlap_seconds: 60 });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    kind: 'secret',
    name: 'ci',
    replaced: { id: idOf(old), state: 'ending', valid_until: new Date(now + 60_000).toISOString() },
  });
  now += 59_999;
  expect([await tryKey(textOf(old)), await tryKey(textOf(made))]).toEqual(['200', '200']);
  now += 1;
  expect([await tryKey(textOf(old)), await tryKey(textOf(made))]).toEqual(['key_expired', '200']);
});

it('rotating again never makes an overlap longer, and a key that ended cannot be rotated', async () => {
  const old = await make();
  await service.call('POST', `/api/keys/${idOf(old)}/rotate`, { overlap_seconds: 10 });
  const again = await service.call('POST', `/api/keys/${idOf(old)}/rotate`, { overlap_seconds: 1000 });
  expect(again.body).toMatchObject({ replaced: { valid_until: new Date(now + 10_000).toISOString() } });
  now += 10_000;
  const late = await service.call('POST', `/api/keys/${idOf(old)}/rotate`, {});
  expect([late.status, late.body.error?.code]).toEqual([409, 'key_has_ended']);
});

it('an overlap of 0 ends the old key at once', async () => {
  const old = await make();
  await service.call('POST', `/api/keys/${idOf(old)}/rotate`, { overlap_seconds: 0 });
  expect(await tryKey(textOf(old))).toBe('key_expired');
});

it('a revoked key is refused at once by the process that revoked it, and soon by every other', async () => {
  const made = await make();
  expect(await tryKey(textOf(made), other)).toBe('200');
  const revoked = await service.call('DELETE', `/api/keys/${idOf(made)}`);
  expect(revoked.body).toMatchObject({ state: 'revoked' });
  expect(await tryKey(textOf(made))).toBe('key_revoked');
  await expect
    .poll(() => tryKey(textOf(made), other), { timeout: freshFor + 3000, interval: 50 })
    .toBe('key_revoked');
});

it('a revoked key is not revived by storing it again', async () => {
  const made = await make();
  await service.call('DELETE', `/api/keys/${idOf(made)}`);
  await storeKey(pool, { key: textOf(made), kind: 'secret', workspaceId: 'acme' });
  expect(await tryKey(textOf(made))).toBe('key_revoked');
});

it('the last secret key that lasts cannot be revoked, also when two are revoked at once', async () => {
  const lone = await startService(pool, 'lone', { clock: () => now });
  const second = await lone.call('POST', '/api/keys', { kind: 'secret' });
  const { body } = await lone.call('GET', '/api/keys');
  const ids = (Array.isArray(body['keys']) ? body['keys'] : [])
    .filter((key: { kind: string }) => key.kind === 'secret')
    .map((key: { id: string }) => key.id);
  expect(ids).toHaveLength(2);
  const answers = await Promise.all(ids.map((id) => lone.call('DELETE', `/api/keys/${id}`)));
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '409']);
  expect(answers.find(({ status }) => status === 409)?.body.error?.code).toBe('key_is_last');
  expect([await tryKey(lone.secretKey, lone), await tryKey(textOf(second), lone)].toSorted()).toEqual([
    '200',
    'key_revoked',
  ]);
});

it('an id that is no key of this workspace is a 404', async () => {
  const stranger = await startService(pool, 'stranger');
  const theirs = await stranger.call('POST', '/api/keys', { kind: 'write' });
  for (const id of [idOf(theirs), 'nonsense', '0'.repeat(36)]) {
    const answer = await service.call('DELETE', `/api/keys/${id}`);
    expect([answer.status, answer.body.error?.code]).toEqual([404, 'no_such_key']);
  }
  expect(await tryKey(textOf(theirs), stranger)).toBe('key_not_allowed');
});
