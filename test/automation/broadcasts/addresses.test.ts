import { domainToASCII } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import {
  launchBroadcast,
  noEmailSettings,
  previewBroadcast,
  reportBroadcast,
  saveBroadcast,
} from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { sameMailbox } from '../../../src/traits/mailbox.js';
import { isSuppressed, suppress, unsubscribe, unsuppress } from '../../../src/traits/index.js';
import { testDatabase } from '../../support/database.js';
import { addPeople, addWorkspace, broadcastOf, recipientsOf, refusal, workspace } from './support.js';

let pool: Pool;
const message = { title: 'Hello', text: 'Hello' };
const email = (key: string, more: object = {}) => broadcastOf(key, { channel: 'email', message, ...more });

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await addWorkspace(pool);
  await addPeople(pool, [
    { userId: 'b', email: 'same@example.com' },
    { userId: 'a', email: ' Same@Example.com' },
    { userId: 'B', email: 'SAME@EXAMPLE.COM' },
    { userId: 'alone', email: 'alone@example.com' },
    { userId: 'idn', email: 'x@bücher.example' },
    { userId: 'idn-2', email: 'X@xn--bcher-kva.example' },
    { userId: 'idn-3', email: 'x@BÜCHER.example' },
    { userId: 'first', email: 'pair@example.com' },
    { userId: 'second', email: 'pair@example.com' },
    { userId: 'none' },
    { userId: 'none-2' },
    { userId: 'bad', email: 'no address' },
    { userId: 'bad-2', email: 'no address' },
  ]);
  // By id alone: the address itself may be sent to.
  await suppress(pool, { workspaceId: workspace, userId: 'first' });
});

const save = (definition: Record<string, unknown>) =>
  saveBroadcast(pool, workspace, definition, {
    email: {
      ...noEmailSettings,
      smtp_url: 'smtp://mail.example.com',
      from: 'Acme <a@example.com>',
      public_url: 'https://muster.example.com',
    },
  });

test('a preview counts those to be sent to who share an address, in whatever way it is written', async () => {
  await save(email('shared'));
  const preview = await previewBroadcast(pool, workspace, 'shared');
  expect(preview).toMatchObject({ matched: 13, will_send: 8, duplicate: 0, suppressed: 1, unreachable: 4 });
  expect(preview.shared_addresses).toEqual({ addresses: 2, people: 6 });
  await saveBroadcast(pool, workspace, broadcastOf('by-person'));
  expect((await previewBroadcast(pool, workspace, 'by-person')).shared_addresses).toBeNull();
});

test('with dedupe an address is sent to once: to the lowest user_id of those who can be sent to', async () => {
  await save(email('once', { dedupe: 'address' }));
  const preview = await previewBroadcast(pool, workspace, 'once');
  expect(preview).toMatchObject({
    matched: 13,
    to_send: 4,
    will_send: 4,
    deferred: 0,
    suppressed: 1,
    unreachable: 4,
    capped: 0,
    passed: 0,
    duplicate: 4,
    shared_addresses: { addresses: 0, people: 0 },
  });
  expect(preview.samples.duplicate.map(({ user_id: id }) => id)).toEqual(['a', 'b', 'idn-2', 'idn-3']);
  const { breakdown } = await launchBroadcast(pool, workspace, 'once');
  const {
    samples: _samples,
    key: _key,
    as_of: _asOf,
    took_ms: _took,
    shared_addresses: _shared,
    ...counts
  } = preview;
  expect({ ...breakdown, first_due_at: null, last_due_at: null }).toEqual({
    ...counts,
    first_due_at: null,
    last_due_at: null,
  });
  const rows = await recipientsOf(pool, 'once');
  const by = (verdict: string) =>
    rows
      .filter((row) => row.verdict === verdict)
      .map((row) => row.user_id ?? '')
      .toSorted((one, other) => (one < other ? -1 : 1));
  expect(by('will_send')).toEqual(['B', 'alone', 'idn', 'second']);
  expect(by('duplicate')).toEqual(['a', 'b', 'idn-2', 'idn-3']);
  expect(by('suppressed')).toEqual(['first']);
  const report = await reportBroadcast(pool, workspace, 'once');
  expect(report.skipped).toEqual({ duplicate: 4, suppressed: 1, unreachable: 4 });
  expect(report.progress).toMatchObject({ recipients: 13, pending: 4, skipped: 9 });
});

test('a channel that goes by the person has no addresses to share, and a launch from before there were duplicates has none', async () => {
  expect(await refusal(saveBroadcast(pool, workspace, broadcastOf('log', { dedupe: 'address' })))).toEqual([
    ['dedupe_without_address', '/dedupe'],
  ]);
  expect(await refusal(save(email('word', { dedupe: 'email' })))).toEqual([
    ['broadcast_expected', '/dedupe'],
  ]);
  await saveBroadcast(pool, workspace, broadcastOf('older'));
  await launchBroadcast(pool, workspace, 'older');
  await pool.query(
    `UPDATE broadcast_runs SET breakdown = breakdown - 'duplicate' WHERE broadcast_key = 'older'`,
  );
  expect((await reportBroadcast(pool, workspace, 'older')).breakdown.duplicate).toBe(0);
});

test('a visitor and a user with the same id are two people in the samples of a preview', async () => {
  await addWorkspace(pool, 'twins');
  await addPeople(pool, [{ userId: 'x1', name: 'Customer' }], 'twins');
  await pool.query(`INSERT INTO end_users (workspace_id, anonymous_id) VALUES ('twins', 'x1')`);
  await saveBroadcast(pool, 'twins', broadcastOf('both'));
  for (const sample of [1, 5]) {
    const { samples } = await previewBroadcast(pool, 'twins', 'both', { sample });
    expect(samples.will_send).toEqual([{ user_id: 'x1', name: 'Customer', email: null }]);
    expect(samples.unreachable).toEqual([{ user_id: null, name: null, email: null }]);
  }
});

test('an address and its A-label form are one mailbox on both lists', async () => {
  const isIt = (address: string) => isSuppressed(pool, { workspaceId: workspace, email: address });
  await suppress(pool, { workspaceId: workspace, email: 'p@xn--mller-kva.example' });
  expect(await isIt('P@MÜLLER.example')).toBe(true);
  expect(await isIt('p@mueller.example')).toBe(false);
  expect(await unsuppress(pool, { workspaceId: workspace, email: 'p@müller.example' })).toEqual({
    changed: true,
  });
  expect(await isIt('p@xn--mller-kva.example')).toBe(false);
  await unsubscribe(pool, { workspaceId: workspace, email: 'p@müller.example' });
  expect(await isIt('p@xn--mller-kva.example')).toBe(true);
  // A letter outside ASCII in front of the @ is kept as it is written.
  expect(await isIt('ö@müller.example')).toBe(false);
});

test('SQL writes a domain as a mail server would', async () => {
  const domains = [
    'bücher.example',
    'BÜCHER.example',
    'straße.de',
    'пример.рф',
    'ПРИМЕР.РФ',
    '例え。テスト',
    'παράδειγμα.δοκιμή',
    'ΠΑΡΆΔΕΙΓΜΑ.example',
    'مثال.إختبار',
    'ｅｘａｍｐｌｅ.com',
    'cafe\u0301.example',
    'faß-süß.öäü.example',
    'ليهمابتكلموشعربي.example',
    'a.b.ñandú.example',
    '😀.example',
    'VIỆT.example',
    'ᏣᎳᎩ.example',
    'ⲀⲂ.example',
  ];
  const { rows } = await pool.query<{ ascii: string }>(
    `SELECT muster_mailbox('Ann@' || domain) AS ascii FROM unnest($1::text[]) WITH ORDINALITY AS d (domain, n) ORDER BY n`,
    [domains],
  );
  expect(rows.map(({ ascii }) => ascii)).toEqual(domains.map((domain) => `ann@${domainToASCII(domain)}`));
  // The link to unsubscribe hashes in memory what the lists hash in SQL.
  expect(domains.map((domain) => sameMailbox(` Ann@${domain} `))).toEqual(rows.map(({ ascii }) => ascii));
});
