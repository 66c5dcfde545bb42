import { beforeAll, expect, test } from 'vitest';
import {
  launchBroadcast,
  listRecipients,
  previewBroadcast,
  reportBroadcast,
  reportBroadcastNow,
  saveBroadcast,
} from '../../../src/automation/index.js';
import { forbiddenSql } from '../../../src/automation/broadcasts/forbidden.js';
import { reachability } from '../../../src/automation/channels/properties.js';
import { zoneOfPerson } from '../../../src/automation/facts/zone.js';
import { nextSendAt } from '../../../src/automation/series/sending-hours.js';
import { later } from '../../../src/automation/series/wall-clock.js';
import type { Pool } from '../../../src/database/pool.js';
import { percentOf } from '../../../src/filter/values.js';
import { eraseUser, isSuppressed, suppress, unsubscribe } from '../../../src/traits/index.js';
import { testDatabase } from '../../support/database.js';
import { addPeople, addWorkspace, broadcastOf, recipientsOf, refusal, workspace } from './support.js';
import type { NewPerson } from './support.js';

let pool: Pool;
const hour = 3_600_000;
/** Noon in London, 13:00 in Berlin, 07:00 in New York, 21:00 in Tokyo. */
const now = Date.UTC(2026, 10, 24, 12);

const zones = ['Europe/London', 'America/New_York', 'asia/tokyo', 'no zone', null, 7];
const people: NewPerson[] = Array.from({ length: 240 }, (_, index) => {
  const zone = zones[index % zones.length];
  return {
    userId: `u${index}`,
    ...(index % 4 === 0 ? {} : { email: index % 11 === 0 ? 'no address' : `U${index}@example.com ` }),
    ...(index % 3 === 0 ? { name: `Person ${index}` } : {}),
    custom: { n: index, ...(zone === null ? {} : { timezone: zone }) },
  };
});
/** Hours before `now` at which somebody was sent something. */
const contactHours = [1, 100, 167, 169, 200];
let ids: Map<string, string>;

/** Who was sent what: by a series where the index is even, else by an earlier broadcast. */
const contactsOf = (index: number): number[] =>
  contactHours.filter((_, place) => (index + place * 7) % 5 < 2).map((hours) => now - hours * hour);

async function addContacts(): Promise<void> {
  await pool.query(
    `INSERT INTO broadcasts (workspace_id, key, name, definition) VALUES ($1, 'earlier', 'earlier', '{}')`,
    [workspace],
  );
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO broadcast_runs (workspace_id, broadcast_key, run, definition) VALUES ($1, 'earlier', 'once', '{}') RETURNING id`,
    [workspace],
  );
  const run = rows[0]?.id ?? '';
  let number = 0;
  for (const [index, { userId }] of people.entries()) {
    for (const at of contactsOf(index)) {
      number += 1;
      const values = [workspace, ids.get(userId), new Date(at)];
      await (index % 2 === 0
        ? pool.query(
            `INSERT INTO deliveries (workspace_id, id, work_id, enrollment_id, series_key, step, end_user_id, channel, state,
               message, attempted_at, delivered_at)
             VALUES ($1, gen_random_uuid(), 1, 1, 's', 's', $2, 'log', 'delivered', '{}', $3, $3)`,
            values,
          )
        : pool.query(
            `INSERT INTO broadcast_recipients (workspace_id, end_user_id, attempted_at, run_id, number, verdict, variant, state)
             VALUES ($1, $2, $3, $4, $5, 'will_send', 'message', 'sent')`,
            [...values, run, number],
          ));
    }
  }
}

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await addWorkspace(pool);
  await addWorkspace(pool, 'other');
  ids = await addPeople(pool, people);
  await addPeople(pool, people, 'other');
  await addContacts();
  for (let index = 0; index < 240; index += 1) {
    const whom = { workspaceId: workspace, userId: `u${index}` };
    if (index % 13 === 0) await suppress(pool, whom);
    if (index % 17 === 0) await suppress(pool, { workspaceId: workspace, email: `u${index}@EXAMPLE.com` });
    if (index % 19 === 0) await unsubscribe(pool, { ...whom, topic: 'news' });
    if (index % 23 === 0) await unsubscribe(pool, { ...whom, topic: 'offers' });
    if (index % 3 === 0) await suppress(pool, { workspaceId: 'other', userId: `u${index}` });
  }
});

/** What the parts of a series say of one person, asked one by one: what a launch must say of all at once. */
async function expected(index: number): Promise<{ verdict: string; variant: string; due_at: Date | null }> {
  const { userId, email, custom = {} } = people[index] ?? { userId: '' };
  const record = { user_id: userId, email: email ?? null, custom_fields: custom };
  const zone = zoneOfPerson(record, 'timezone', 'Europe/Berlin');
  const place = { person: zone, workspace: 'Europe/Berlin' };
  const quietHours = { from: 20 * 60, to: 8 * 60, zone: 'person' } as const;
  const at = nextSendAt({ quietHours, sendWindow: null }, place, now);
  const since = later(at - 7 * 24 * hour, { amount: 0, unit: 'days' }, zone);
  const sent = contactsOf(index).filter((each) => each > since).length;
  const share = percentOf('letter', record) ?? 100;
  const suppressed = await isSuppressed(pool, { workspaceId: workspace, userId, topic: 'news' });
  const verdict = suppressed
    ? 'suppressed'
    : reachability('email', record) !== null
      ? 'unreachable'
      : sent >= 2
        ? 'capped'
        : at > now
          ? 'deferred'
          : 'will_send';
  const sends = verdict === 'deferred' || verdict === 'will_send';
  const variant = share < 20 ? 'a' : share < 55 ? 'b' : 'c';
  return { verdict, variant, due_at: sends ? new Date(at) : null };
}

const email = {
  smtp_url: 'smtp://mail.example.com',
  from: 'news@example.com',
  reply_to: null,
  footer: null,
  public_url: 'https://muster.example.com',
  on_lost_confirmation: null,
};
const letter = broadcastOf('letter', {
  audience: { '<': [{ var: 'custom:n' }, 200] },
  channel: 'email',
  message: undefined,
  variants: [
    { key: 'a', percent: 20, message: { title: 'A', text: 'Hello {{ name|there }}' } },
    { key: 'b', percent: 35, message: { title: 'B', text: 'Hello {{ name }}' } },
    { key: 'c', percent: 45, message: { title: 'C', text: 'You are number {{ n }}' } },
  ],
  topic: 'news',
  quiet_hours: { from: '20:00', to: '08:00', zone: 'person' },
  frequency_caps: [{ messages: 2, per: [7, 'days'] }],
});
delete letter['message'];

test('a launch freezes for everybody what the rules say of each, and the number shown before is the sum of it', async () => {
  await saveBroadcast(pool, workspace, letter, { email });
  const shown = await previewBroadcast(pool, workspace, 'letter', { now, sample: 1000 });
  const launched = await launchBroadcast(pool, workspace, 'letter', { now });
  const { samples, as_of: asOf, took_ms: _took, key: _key, shared_addresses: _shared, ...breakdown } = shown;
  expect(asOf).toBe(new Date(now).toISOString());
  expect(launched).toMatchObject({ again: false, run: 'once', breakdown });

  const rows = await recipientsOf(pool, 'letter');
  const found = new Map(rows.map((row) => [row.user_id, row]));
  const wrong: unknown[] = [];
  for (let index = 0; index < 200; index += 1) {
    const want = await expected(index);
    const { verdict, variant, due_at } = found.get(`u${index}`) ?? {};
    if (JSON.stringify(want) !== JSON.stringify({ verdict, variant, due_at }))
      wrong.push([index, want, found.get(`u${index}`)]);
  }
  expect(wrong).toEqual([]);
  expect(rows).toHaveLength(200);

  const count = (verdict: string): number => rows.filter((row) => row.verdict === verdict).length;
  const counts = Object.fromEntries(
    ['suppressed', 'unreachable', 'capped', 'passed', 'deferred', 'will_send'].map((each) => [
      each,
      count(each),
    ]),
  );
  expect(breakdown).toMatchObject({
    matched: 200,
    to_send: count('deferred') + count('will_send'),
    ...counts,
  });
  // Each but `passed`, or the test would say little.
  expect(Object.values(counts).filter((each) => each > 3)).toHaveLength(5);
  const { matched } = breakdown;
  expect(Object.values(counts).reduce((sum, each) => sum + each, 0)).toBe(matched);
  for (const verdict of ['suppressed', 'capped', 'deferred'] as const) {
    expect(samples[verdict].map((person) => person.user_id)).toEqual(
      rows
        .filter((row) => row.verdict === verdict)
        .map((row) => row.user_id ?? '')
        .toSorted(),
    );
  }
  // Those who are sent to come first, in the order in which they are due.
  const dues = rows.map((row) => row.due_at?.getTime() ?? Number.MAX_SAFE_INTEGER);
  expect(dues).toEqual(dues.toSorted((one, other) => one - other));
  expect(rows.map((row) => row.number)).toEqual(rows.map((_, index) => index + 1));
});

test('a small sample is spread over the people of each verdict and complete where they are few', async () => {
  const shown = await previewBroadcast(pool, workspace, 'letter', { now, sample: 4 });
  for (const verdict of ['suppressed', 'unreachable', 'capped', 'deferred', 'will_send'] as const) {
    expect(shown.samples[verdict]).toHaveLength(Math.min(4, shown[verdict]));
  }
  expect(shown.samples.will_send[0]).toHaveProperty('user_id');
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('three', { audience: { in: [{ var: 'user_id' }, ['u1', 'u2', 'u5']] } }),
  );
  const three = await previewBroadcast(pool, workspace, 'three');
  expect(three.samples.will_send.map((person) => person.user_id)).toEqual(['u1', 'u2', 'u5']);
});

test('what a template names and nobody has is refused; who lacks it is counted', async () => {
  const { variables } = await previewBroadcast(pool, workspace, 'letter', { now });
  const rows = (await recipientsOf(pool, 'letter')).filter((row) => row.due_at !== null);
  const nameless = rows.filter(({ user_id: id }) => Number(id?.slice(1)) % 3 !== 0).length;
  expect(variables).toEqual([
    { field: 'name', without: nameless },
    { field: 'custom:n', without: 0 },
  ]);
  const text = { text: 'Your {{ plan }}, {{ name }}, and {{ custom:seats|many }} seats' };
  await saveBroadcast(pool, workspace, broadcastOf('gap', { message: text }));
  expect(await refusal(launchBroadcast(pool, workspace, 'gap'))).toEqual([
    ['broadcast_variable_missing', '/message/text'],
  ]);
  expect(await recipientsOf(pool, 'gap')).toEqual([]);
});

test('e-mail that the workspace has not set up, and what is no message to a person, are refused when saved', async () => {
  expect(await refusal(saveBroadcast(pool, workspace, { ...letter, key: 'unset' }))).toEqual([
    ['channel_not_set_up', '/channel'],
  ]);
  expect(await refusal(saveBroadcast(pool, workspace, broadcastOf('post', { channel: 'slack' })))).toEqual([
    ['unknown_channel', '/channel'],
  ]);
});

test('an audience of nobody, or of nobody who may be sent to, is refused and leaves nothing behind', async () => {
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('none', { audience: { '>': [{ var: 'custom:n' }, 1e6] } }),
  );
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('lost', { audience: { '==': [{ var: 'user_id' }, 'u13'] } }),
  );
  expect(await refusal(launchBroadcast(pool, workspace, 'none'))).toEqual([
    ['broadcast_empty_audience', '/audience'],
  ]);
  expect(await refusal(launchBroadcast(pool, workspace, 'lost'))).toEqual([
    ['broadcast_nobody_to_send', '/audience'],
  ]);
  expect(await refusal(reportBroadcast(pool, workspace, 'lost'))).toEqual([['broadcast_run_not_found', '']]);
});

test('why an audience is as small as it is, is told clause by clause before a launch, and of a run by the definition it was launched with', async () => {
  const few = { and: [{ '>=': [{ var: 'custom:n' }, 0] }, { '==': [{ var: 'user_id' }, 'u1'] }] };
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('why', { audience: few, schedule: { cron: '0 9 * * 1' } }),
  );
  const told = (at: object = {}): Promise<unknown> => reportBroadcastNow(pool, workspace, 'why', at);
  const funnel = [
    { path: '/and/0', passed_so_far: 240 },
    { path: '/and/1', passed_so_far: 1 },
  ];
  const before = { state: 'scheduled', run: null, breakdown: null, progress: null };
  expect(await told({ now })).toMatchObject({
    ...before,
    audience: { total: 240, matched: 1, funnel },
    audience_as_of: new Date(now).toISOString(),
  });
  expect(await told({ audience: false })).toMatchObject({ ...before, audience: null, audience_as_of: null });
  await launchBroadcast(pool, workspace, 'why', { run: 'first' });
  await saveBroadcast(pool, workspace, broadcastOf('why', { schedule: { cron: '0 9 * * 1' } }));
  await pool.query(`UPDATE end_users SET custom_fields = custom_fields - 'n' WHERE user_id = 'u1'`);
  expect(await told()).toMatchObject({
    run: 'first',
    breakdown: { matched: 1 },
    audience: { matched: 0, emptied_by: '/and/1' },
  });
  await pool.query(`UPDATE end_users SET custom_fields = custom_fields || '{"n": 1}' WHERE user_id = 'u1'`);
  expect(await refusal(told({ run: 'second' }))).toEqual([['broadcast_run_not_found', '']]);
});

test('a broadcast is launched once; one that recurs once for each run, however often it is asked', async () => {
  await saveBroadcast(pool, workspace, broadcastOf('weekly'));
  const both = await Promise.allSettled([
    launchBroadcast(pool, workspace, 'three'),
    launchBroadcast(pool, workspace, 'three'),
  ]);
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(await refusal(launchBroadcast(pool, workspace, 'three'))).toEqual([['broadcast_launched', '']]);
  expect(await refusal(saveBroadcast(pool, workspace, broadcastOf('three', { name: 'Changed' })))).toEqual([
    ['broadcast_launched', ''],
  ]);

  const runs = await Promise.all(
    ['2026-11-24', '2026-11-24', '2026-12-01'].map((run) =>
      launchBroadcast(pool, workspace, 'weekly', { run }),
    ),
  );
  expect(runs.filter(({ again }) => again)).toHaveLength(1);
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('weekly', { audience: { '==': [{ var: 'user_id' }, 'u1'] } }),
  );
  const third = await launchBroadcast(pool, workspace, 'weekly', { run: '2026-12-08' });
  expect(third.breakdown.matched).toBe(1);
  const report = await reportBroadcast(pool, workspace, 'weekly', { run: '2026-12-01' });
  expect(report.progress.recipients).toBe(240);
  expect(report.runs.map(({ run }) => run)).toHaveLength(3);
  expect(await refusal(launchBroadcast(pool, workspace, 'weekly', { run: 'not a run' }))).toEqual([
    ['broadcast_bad_run', '/run'],
  ]);
});

const local = (passed: string): object => ({
  schedule: { date: '2026-11-24', time: '12:30', zone: 'person', passed },
});

test('who is past the hour is sent to at once, on the next day or not at all, as the schedule says; an unknown zone is the workspace’s', async () => {
  const found: Record<string, unknown> = {};
  for (const passed of ['send_now', 'next_day', 'skip']) {
    const key = `local-${passed.replace('_', '-')}`;
    await saveBroadcast(
      pool,
      workspace,
      broadcastOf(key, {
        audience: { in: [{ var: 'user_id' }, ['u6', 'u7', 'u8', 'u9', 'u10']] },
        ...local(passed),
      }),
    );
    const { breakdown } = await launchBroadcast(pool, workspace, key, { now });
    expect(breakdown).toMatchObject({ matched: 5, late: 3, passed: passed === 'skip' ? 3 : 0, deferred: 0 });
    expect(breakdown.unknown_zone).toBe(passed === 'skip' ? 0 : 2);
    found[passed] = Object.fromEntries(
      (await recipientsOf(pool, key)).map((row) => [
        row.user_id,
        row.due_at?.toISOString().slice(5, 16) ?? row.reason,
      ]),
    );
  }
  const ahead = { u6: '11-24T12:30', u7: '11-24T17:30' };
  expect(found).toEqual({
    send_now: { ...ahead, u8: '11-24T12:00', u9: '11-24T12:00', u10: '11-24T12:00' },
    next_day: { ...ahead, u8: '11-25T03:30', u9: '11-25T11:30', u10: '11-25T11:30' },
    skip: { ...ahead, u8: 'passed', u9: 'passed', u10: 'passed' },
  });
});

test('a time that is over for everybody is refused at the launch', async () => {
  const times: Record<string, object> = {
    instant: { at: '2026-11-24T11:59:00Z' },
    workspace: { date: '2026-11-24', time: '12:59', zone: 'workspace' },
    person: { date: '2026-11-23', time: '23:00', zone: 'person', passed: 'send_now' },
  };
  for (const [key, schedule] of Object.entries(times)) {
    await saveBroadcast(pool, workspace, broadcastOf(`over-${key}`, { schedule }));
    expect([key, await refusal(launchBroadcast(pool, workspace, `over-${key}`, { now }))]).toEqual([
      key,
      [['broadcast_time_over', '/schedule']],
    ]);
    const { breakdown } = await launchBroadcast(pool, workspace, `over-${key}`, { now: now - 2 * hour });
    expect(breakdown.to_send).toBeGreaterThan(100);
  }
});

test('the people of another workspace, and whom they may not send to, are not looked at', async () => {
  await saveBroadcast(pool, 'other', broadcastOf('letter'));
  const { breakdown } = await launchBroadcast(pool, 'other', 'letter');
  expect(breakdown).toMatchObject({ matched: 240, suppressed: 80, to_send: 160 });
});

test('who is erased after the launch is not sent to, stays counted, and is forgotten', async () => {
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('erased', { audience: { in: [{ var: 'user_id' }, ['u231', 'u232']] } }),
  );
  await launchBroadcast(pool, workspace, 'erased');
  await eraseUser(pool, { workspaceId: workspace, userId: 'u231' });
  const { progress, skipped } = await reportBroadcast(pool, workspace, 'erased');
  expect(progress).toEqual({ recipients: 2, sent: 0, pending: 1, skipped: 1, failed: 0, unknown: 0 });
  expect(skipped).toEqual({ deleted: 1 });
  const { recipients } = await listRecipients(pool, workspace, 'erased', { state: 'skipped' });
  expect(recipients).toMatchObject([{ user_id: null, anonymous_id: null, reason: 'deleted' }]);
  const { rows } = await pool.query('SELECT FROM broadcast_recipients WHERE end_user_id = $1', [
    ids.get('u231'),
  ]);
  expect(rows).toEqual([]);
});

test('recipients are listed page by page, by state, verdict and variant', async () => {
  const all: string[] = [];
  let after: string | undefined;
  do {
    const page = await listRecipients(pool, workspace, 'letter', { limit: 77, after });
    all.push(...page.recipients.map(({ delivery }) => delivery));
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect([all.length, new Set(all).size]).toEqual([200, 200]);
  const { recipients } = await listRecipients(pool, workspace, 'letter', { verdict: 'capped', variant: 'c' });
  expect(recipients.length).toBeGreaterThan(0);
  expect(recipients.every((each) => each.verdict === 'capped' && each.variant === 'c')).toBe(true);
});

/** SQL of a number below `sides` that goes by `n` and looks random. */
const digit = (salt: string, sides: number): string =>
  `('x' || substr(md5('${salt}' || n), 1, 6))::bit(24)::integer % ${sides}`;
/** Few addresses in many spellings, so that people share them and entries meet several of them. */
const address = (salt: string): string => `(ARRAY['', ' '])[1 + ${digit(`${salt}a`, 2)}]
  || (ARRAY['p', 'P', 'Pé', 'pÉ'])[1 + ${digit(`${salt}b`, 4)}] || ${digit(`${salt}c`, 60)} || '@Example.com'
  || (ARRAY['', '  '])[1 + ${digit(`${salt}d`, 2)}]`;

test('whom the lists forbid sending to is the same for an audience, found by identifiers, as for one person, found by hash', async () => {
  await addWorkspace(pool, 'lists');
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, anonymous_id, email)
     SELECT 'lists', CASE WHEN n % 5 > 0 THEN 'u' || n END, CASE WHEN n % 5 = 0 THEN 'v' || n END,
       CASE WHEN n % 7 > 0 THEN ${address('person')} WHEN n % 2 = 0 THEN '' END
     FROM generate_series(1, 600) AS n`,
  );
  await pool.query(`INSERT INTO identifier_salts (workspace_id) VALUES ('lists')`);
  const add = (table: string, column: string, value: string): Promise<unknown> =>
    pool.query(
      `INSERT INTO ${table} (workspace_id, kind, hash, ${column} identifier, reason, source)
       SELECT 'lists', kind, muster_identifier_hash('lists', kind, identifier), ${value} identifier, 'r', 's'
       FROM generate_series(1, 40) AS n CROSS JOIN LATERAL (VALUES
         ('user_id', 'u' || ${digit(`${table}u`, 600)}), ('email', ${address(table)}), ('user_id', '')
       ) AS entry (kind, identifier)
       ON CONFLICT DO NOTHING`,
    );
  await add('suppressions', '', '');
  await add('unsubscribes', 'topic,', `(ARRAY['', 'news', 'offers'])[1 + ${digit('topic', 3)}],`);
  const compare = async (topic: string): Promise<{ wrong: number; forbidden: number; people: number }> => {
    const { join, condition } = forbiddenSql(`'lists'`, `'${topic}'`);
    const { rows } = await pool.query<{ wrong: number; forbidden: number; people: number }>(
      `SELECT count(*)::integer AS people, (count(*) FILTER (WHERE ${condition}))::integer AS forbidden,
         (count(*) FILTER (WHERE (${condition}) <> EXISTS (
           SELECT FROM muster_suppressing(u.workspace_id, u.user_id, u.email, '${topic}'))))::integer AS wrong
       FROM end_users u ${join} WHERE u.workspace_id = 'lists'`,
    );
    return rows[0] ?? { wrong: 0, forbidden: 0, people: 0 };
  };
  for (const kept of ['all', 'some', 'none']) {
    if (kept !== 'all') {
      const some = kept === 'some' ? 'get_byte(hash, 0) % 2 = 0' : 'true';
      for (const table of ['suppressions', 'unsubscribes'])
        await pool.query(`UPDATE ${table} SET identifier = NULL WHERE workspace_id = 'lists' AND ${some}`);
    }
    const found = [await compare(''), await compare('news')];
    expect(found).toMatchObject([
      { wrong: 0, people: 600 },
      { wrong: 0, people: 600 },
    ]);
    const [none = 0, news = 0] = found.map(({ forbidden }) => forbidden);
    expect([kept, none > 100, news > none, news < 500]).toEqual([kept, true, true, true]);
  }
});
