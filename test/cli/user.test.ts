import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { saveBroadcast } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { getUser, identify, isSuppressed, track } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';
import type { Ran } from './muster.js';

let pool: Pool;
let url: string;
const workspaceId = 'sample';

beforeAll(async () => {
  ({ pool, url } = await testDatabase());
  await pool.query("INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')");
  for (const [userId, email] of [
    ['ann', 'ann@example.com'],
    ['ann-2', 'other@example.com'],
    ['bob', 'shared@example.com'],
    ['cy', 'shared@example.com'],
  ] as const)
    await identify(pool, { workspaceId, userId, traits: { email, name: `Name of ${userId}\u001b[2J` } });
  await track(pool, { workspaceId, userId: 'ann', event: 'signed in', properties: { by: 'phone' } });
});

const user = (...args: string[]): Promise<Ran> => muster(['user', ...args], { DATABASE_URL: url });

it('find, show and timeline name a person by id or address, and print nothing that moves a terminal', async () => {
  const found = await user('find', 'ann', '--json');
  expect(JSON.parse(found.out)).toMatchObject({
    users: [{ user_id: 'ann' }, { user_id: 'ann-2' }],
    next: null,
  });
  const shown = await user('show', 'ANN@example.com');
  expect([shown.code, shown.err, shown.out.includes('\u001b[2J')]).toEqual([0, '', false]);
  expect(shown.out).toMatch(/^ann\n[^]* {2}email: ann@example\.com\n/);
  const timeline = await user('timeline', 'ann@example.com');
  expect(timeline.out).toMatch(/Z {2}event +signed in {2}.*properties=\{"by":"phone"\}/);
  expect((await user('timeline', 'nobody')).err).toContain('[no_such_user]');
});

it('events lists their names with counts and properties; explain --broadcast says what would be sent', async () => {
  expect(
    JSON.parse((await muster(['events', '--prefix', 'SIG', '--json'], { DATABASE_URL: url })).out),
  ).toMatchObject({
    events: [{ event: 'signed in', count: 1, count_exact: true, properties: ['by'] }],
    next: null,
  });
  const message = { text: 'Hello' };
  const audience = { '==': [{ var: 'custom:plan' }, 'pro'] };
  await saveBroadcast(pool, workspaceId, {
    key: 'spring',
    name: 'Spring',
    audience,
    channel: 'log',
    message,
  });
  const explained = await muster(['explain', '--broadcast', 'spring', '--user', 'ann@example.com'], {
    DATABASE_URL: url,
  });
  expect([explained.code, explained.err]).toEqual([0, '']);
  expect(explained.out).toMatch(
    /^ann was sent nothing of spring: it was not launched yet\n {2}a launch now: they are not in the audience\n/,
  );
  expect(explained.out).toContain('✗ plan is "pro"');
});

it('several people with one address are named, and none of them is taken for the other', async () => {
  const { code, err } = await user('erase', 'shared@example.com', '--yes');
  expect(code).toBe(2);
  expect(err).toContain('2 people have the address `shared@example.com`: `bob`, `cy`');
  expect(await getUser(pool, { workspaceId, userId: 'bob' })).not.toBeNull();
  // Every command that takes a person goes by the same.
  for (const command of [
    ['broadcast', 'test', 'spring'],
    ['series', 'story', 'any'],
    ['segments', 'release', 'any'],
    ['explain', 'admins'],
    ['rules', 'slack-mode'],
  ]) {
    const asked = await muster([...command, '--user', 'shared@example.com'], { DATABASE_URL: url });
    expect([command, asked.code, asked.err.includes('[address_shared]')]).toEqual([command, 2, true]);
  }
});

it('merge and erase ask first: without an answer or --yes nothing happens', async () => {
  for (const args of [
    ['erase', 'ann'],
    ['merge', 'ann', 'ann-2'],
  ]) {
    const { code, err } = await user(...args);
    expect([code, err.includes('add --yes: it cannot be undone')]).toEqual([2, true]);
  }
  expect(await getUser(pool, { workspaceId, userId: 'ann-2' })).not.toBeNull();
});

it('suppress, unsubscribe, export, merge and erase do what the API does', async () => {
  await user('unsubscribe', 'ann-2', '--topic', 'news');
  expect(await isSuppressed(pool, { workspaceId, userId: 'ann-2', topic: 'news' })).toBe(true);
  expect(await isSuppressed(pool, { workspaceId, userId: 'ann-2' })).toBe(false);
  expect(JSON.parse((await user('suppress', 'bob', '--json')).out)).toEqual({
    user_id: 'bob',
    changed: true,
  });
  expect((await user('suppress', 'bbo')).err).toContain('[no_such_user]');
  const file = join(ownFolder(), 'ann.ndjson');
  expect((await user('export', 'ann', '--out', file)).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain('"type":"event"');
  const merged = await user('merge', 'ann', 'ann-2', '--yes', '--json');
  expect(JSON.parse(merged.out)).toMatchObject({ user: { user_id: 'ann' }, merged: 'ann-2' });
  expect(await isSuppressed(pool, { workspaceId, userId: 'ann', topic: 'news' })).toBe(true);
  expect((await user('erase', 'ann@example.com', '--yes')).out).toContain('ann is erased');
  expect(await getUser(pool, { workspaceId, userId: 'ann' })).toBeNull();
});
