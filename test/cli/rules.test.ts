import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { backfillUser } from '../../src/traits/backfill.js';
import { testDatabase } from '../support/database.js';
import { document } from '../rules/rule.js';
import { muster, ownFolder } from './muster.js';
import type { Variables } from './muster.js';

let database: Variables;
const moment = ['--now', '2126-06-18T12:00:00Z', '--zone', 'UTC'];

beforeAll(async () => {
  const { pool, url } = await testDatabase();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'sample')`);
  const traits = { role: 'owner', signed_up_at: '2126-06-10' };
  await backfillUser(pool, { workspaceId: 'sample', userId: 'u1', traits });
});

it('rules KEY --user says what comes of it for one person, by which branch, and how far a checklist is', async () => {
  const ran = await muster(['rules', 'checklist-new-owner', '--user', 'u1', ...moment], database);
  expect([ran.code, ran.err]).toEqual([0, '']);
  expect(ran.out).toContain('u1 → "full"');
  expect(ran.out).toContain(
    '"full", because role is one of "owner" or "admin"; and days since signup is less than 14',
  );
  expect(ran.out).toMatch(
    /\/rule\/if\/1\/if\/0 holds: days since signup is less than 14\n +✓ .*\n +seen 8 {3}wanted 14/,
  );
  expect(ran.out).toContain('0 of 4 done');
  const json = await muster(['rules', 'slack-mode', '--user', 'u1', ...moment, '--json'], database);
  expect(JSON.parse(json.out)).toMatchObject({ key: 'slack-mode', value: 'shared_channel', fallbacks: [] });
});

it('a rule of a file is asked about a person and a page, and told in words without any server', async () => {
  const file = join(ownFolder(), 'rule.json');
  writeFileSync(
    file,
    JSON.stringify(document({ rule: { if: [{ matches: [{ var: 'page:path' }, '/a/*'] }, 'show'] } })),
  );
  const page = ['--url', 'https://app.example/a/b', '--language', 'de'];
  const ran = await muster(['rules', file, '--user', 'u1', ...page, '--json'], database);
  expect(JSON.parse(ran.out)).toMatchObject({ value: 'show', branch: { path: '/rule/if/1' } });
  const told = await muster(['rules', file], { DATABASE_URL: 'postgres://127.0.0.1:1/none' });
  expect([told.code, told.out]).toEqual([
    0,
    'test  A rule of a test\n\n  if page path matches "/a/*" → "show"\n  otherwise → "hide", the default\n',
  ]);
});

it('without a key the rules are listed; what is refused is refused before a server is asked', async () => {
  const ran = await muster(['rules', '--json'], database);
  const listed = JSON.stringify(JSON.parse(ran.out));
  expect(listed).toContain(
    '{"key":"slack-mode","title":"How somebody is served on Slack","decides":"slack_mode"',
  );
  const unknown = await muster(['rules', 'slack-mod', '--user', 'u1'], database);
  expect([unknown.code, unknown.out]).toEqual([2, '']);
  expect(unknown.err).toContain('did you mean `slack-mode`?');
  const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  const bad = await muster(['rules', '{"key": "x"}', '--user', 'u1', '--json'], nowhere);
  expect([bad.code, bad.out]).toEqual([2, '']);
  expect(JSON.parse(bad.err)).toMatchObject({ error: { code: 'rule_missing_key', path: '/title' } });
});
