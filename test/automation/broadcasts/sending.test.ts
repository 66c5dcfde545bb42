import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { completeRuns } from '../../../src/automation/broadcasts/end-chunk.js';
import {
  DeliveryPostponed,
  DeliveryRefused,
  DeliveryUncertain,
  cancelBroadcast,
  getBroadcast,
  launchBroadcast,
  listParked,
  pauseBroadcast,
  reportBroadcast,
  resolveDeliveries,
  resolveDelivery,
  resumeBroadcast,
  saveBroadcast,
  saveSeries,
  setWorkspaceCaps,
  testBroadcast,
} from '../../../src/automation/index.js';
import type { BroadcastReport, Channel, OutgoingMessage } from '../../../src/automation/index.js';
import { eraseUser, identify, identifyVisitor, suppress, unsubscribe } from '../../../src/traits/index.js';
import { Clock } from '../schedules/support.js';
import { identifyNew, recorder, seriesOf, until, useAutomation } from '../support.js';
import { addPeople, addWorkspace, broadcastOf, recipientsOf, refusal, workspace } from './support.js';

const fixture = useAutomation();

beforeEach(async () => {
  const { pool } = fixture();
  await pool.query('DELETE FROM workspaces');
  await addWorkspace(pool);
});

interface Call {
  readonly key: string;
  readonly message: OutgoingMessage;
  readonly at: number;
}

/** A channel in the place of the log's that remembers its calls and does what it is told. */
function provider(
  behave: (call: Call, nth: number) => void | Promise<void> = () => undefined,
  more: Partial<Channel> = {},
): { calls: Call[]; channel: Channel } {
  const calls: Call[] = [];
  const channel: Channel = {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'marked',
    ...more,
    async deliver(message, { idempotencyKey: key }) {
      const call = { key, message, at: performance.now() };
      calls.push(call);
      await behave(call, calls.filter((each) => each.key === key).length);
    },
  };
  return { calls, channel };
}

const named = (count: number): { userId: string; name: string }[] =>
  Array.from({ length: count }, (_, index) => ({ userId: `u${index}`, name: `Person ${index}` }));

async function reportWhen(
  key: string,
  holds: (report: BroadcastReport) => boolean,
): Promise<BroadcastReport> {
  let report: BroadcastReport | undefined;
  await until(`the report of ${key}`, async () => {
    report = await reportBroadcast(fixture().pool, workspace, key);
    return holds(report);
  });
  if (report === undefined) throw new Error('there is no report');
  const { recipients, sent, pending, skipped, failed, unknown } = report.progress;
  expect(recipients).toBe(sent + pending + skipped + failed + unknown);
  return report;
}

const isOver = ({ state }: BroadcastReport): boolean => state === 'completed';

test('what was shown is sent, each once, and counts as a contact at every place that counts them', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(1100));
  await suppress(pool, { workspaceId: workspace, userId: 'u3' });
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  const { breakdown } = await launchBroadcast(pool, workspace, 'news');
  expect(breakdown).toMatchObject({ matched: 1100, to_send: 1099, suppressed: 1 });
  // Whoever changes after the launch is skipped, and those who are not in the audience any more are still in the number.
  await unsubscribe(pool, { workspaceId: workspace, userId: 'u4' });
  const { lines, sink } = recorder();
  await start({ logSink: sink });
  const report = await reportWhen('news', isOver);
  expect(report.progress).toEqual({
    recipients: 1100,
    sent: 1098,
    pending: 0,
    skipped: 2,
    failed: 0,
    unknown: 0,
  });
  expect(report.skipped).toEqual({ suppressed: 2 });
  expect(lines).toHaveLength(1098);
  expect(new Set(lines.map(({ delivery }) => delivery)).size).toBe(1098);
  expect(lines.find(({ user }) => user === 'u7')).toMatchObject({
    series: 'news',
    step: 'message',
    text: 'Hello Person 7',
  });

  const { rows } = await pool.query<{ contacted: number; kept: number; open: number }>(
    `SELECT (SELECT count(*)::integer FROM end_users WHERE last_contacted_at IS NOT NULL) AS contacted,
       (SELECT count(*)::integer FROM broadcast_recipients WHERE message IS NOT NULL) AS kept,
       (SELECT count(*)::integer FROM work WHERE state <> 'done') AS open`,
  );
  expect(rows).toEqual([{ contacted: 1098, kept: 0, open: 0 }]);
  const capped = broadcastOf('more', { frequency_caps: [{ messages: 1, per: [1, 'days'] }] });
  await saveBroadcast(pool, workspace, { ...capped, audience: { in: [{ var: 'user_id' }, ['u5', 'u4']] } });
  const more = await launchBroadcast(pool, workspace, 'more').catch((error: unknown) => error);
  expect(more).toMatchObject({
    code: 'broadcast_nobody_to_send',
    message: expect.stringContaining('1 suppressed, 1 capped') as unknown,
  });
});

test('a pause ends with the batch that is under way, a resume goes on behind it, a cancel skips the rest', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(700));
  await saveBroadcast(pool, workspace, broadcastOf('long'));
  await launchBroadcast(pool, workspace, 'long');
  // The provider answers so many and then nobody, until the pause or the cancellation is there, whenever that is.
  let answered = 20;
  const { calls, channel } = provider(async () => {
    await sleep(20);
    if (calls.length > answered) await until('being let on', () => answered === Infinity);
  });
  await start({ channels: [channel], concurrency: 10, chunks: 1 });
  await until('the first calls', () => calls.length > 20);
  expect(await pauseBroadcast(pool, workspace, 'long')).toMatchObject({ state: 'paused' });
  answered = Infinity;
  const paused = await reportWhen('long', ({ progress }) => progress.sent === calls.length);
  expect([paused.state, paused.reason]).toEqual(['paused', 'by_hand']);
  const before = calls.length;
  expect(before).toBeLessThan(600);
  await until('the chunk is held', async () => {
    const { rows } = await pool.query(`SELECT FROM work WHERE held`);
    return rows.length > 0;
  });
  expect(calls).toHaveLength(before);

  answered = before + 20;
  await resumeBroadcast(pool, workspace, 'long');
  await until('more calls', () => calls.length > before + 20);
  await cancelBroadcast(pool, workspace, 'long');
  answered = Infinity;
  const { progress, skipped, state } = await reportWhen('long', ({ progress: { pending } }) => pending === 0);
  expect(state).toBe('cancelled');
  expect(progress.sent).toBe(calls.length);
  expect(skipped).toEqual({ cancelled: 700 - calls.length });
  expect(new Set(calls.map(({ key }) => key)).size).toBe(calls.length);
});

test('a cancel leaves nobody pending: who would be tried again is skipped, who may have been sent to is unknown', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(3));
  let cancelled = false;
  const { calls, channel } = provider(async () => {
    await until('the cancellation', () => cancelled);
    throw new Error('not now');
  });
  await saveBroadcast(pool, workspace, broadcastOf('failing'));
  await launchBroadcast(pool, workspace, 'failing');
  await start({ channels: [channel] });
  await until('the calls', () => calls.length === 3);
  await cancelBroadcast(pool, workspace, 'failing');
  cancelled = true;
  const failing = await reportWhen('failing', ({ progress: { pending } }) => pending === 0);
  expect(failing.skipped).toEqual({ cancelled: 3 });
});

test('who was being sent to when a worker went away is unknown after a cancel, whoever has the chunk', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(3));
  for (const key of ['waiting', 'taken']) {
    await saveBroadcast(pool, workspace, broadcastOf(key));
    await launchBroadcast(pool, workspace, key);
  }
  await pool.query(`UPDATE broadcast_recipients SET state = 'sending', attempts = 1 WHERE number < 3`);
  const ofRun = `FROM broadcast_runs r WHERE r.id = work.run_id AND r.broadcast_key = 'taken'`;
  await pool.query(
    `UPDATE work SET state = 'claimed', token = gen_random_uuid(), lease_until = now() ${ofRun}`,
  );
  for (const key of ['waiting', 'taken']) await cancelBroadcast(pool, workspace, key);
  await start();
  for (const key of ['waiting', 'taken']) {
    const { progress, skipped } = await reportWhen(key, ({ progress: { pending } }) => pending === 0);
    expect([progress.unknown, progress.sent, skipped]).toEqual([2, 0, { cancelled: 1 }]);
  }
});

test('a run whose chunk an operator opens again is not completed meanwhile', async () => {
  const { pool } = fixture();
  await addPeople(pool, named(1));
  await saveBroadcast(pool, workspace, broadcastOf('opened'));
  await launchBroadcast(pool, workspace, 'opened');
  await pool.query(`UPDATE work SET state = 'done'`);
  const operator = await pool.connect();
  await operator.query('BEGIN');
  await operator.query('SELECT FROM broadcast_runs FOR NO KEY UPDATE');
  await operator.query(`UPDATE work SET state = 'pending'`);
  const completed = await completeRuns(pool);
  await operator.query('COMMIT');
  operator.release();
  expect([completed, await completeRuns(pool)]).toEqual([0, 0]);
  expect(await reportBroadcast(pool, workspace, 'opened')).toMatchObject({ state: 'running' });
});

test('who fails is tried again with the same key and content, and given up alone', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(40));
  const { calls, channel } = provider(({ message }, nth) => {
    if (message.userId === 'u1') throw new Error('no answer');
    if (message.userId === 'u2') throw new DeliveryRefused('no such mailbox');
    if (message.userId === 'u3' && nth === 1) throw new DeliveryPostponed('too many', 50);
    if (message.userId === 'u4' && nth < 3) throw new Error('not now');
  });
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  await start({ channels: [channel], maxAttempts: 3 });
  await until('u4 was tried', () => calls.some(({ message }) => message.userId === 'u4'));
  await pool.query(`UPDATE end_users SET name = 'Somebody Else' WHERE user_id = 'u4'`);
  const report = await reportWhen('news', isOver);
  expect(report.progress).toMatchObject({ sent: 38, failed: 2 });
  expect(report.failures).toEqual([
    { error: 'no answer', count: 1 },
    { error: 'no such mailbox', count: 1 },
  ]);
  const of = (user: string): Call[] => calls.filter(({ message }) => message.userId === user);
  expect(['u1', 'u2', 'u3', 'u4', 'u5'].map((user) => of(user).length)).toEqual([3, 1, 2, 3, 1]);
  expect(new Set(of('u4').map(({ key, message }) => `${key} ${message.text}`)).size).toBe(1);
  const [first, second] = of('u3');
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(50);
  // Put off is not failed.
  const { rows } = await pool.query(
    `SELECT attempts FROM broadcast_recipients r JOIN end_users u ON u.id = r.end_user_id WHERE u.user_id = 'u3'`,
  );
  expect(rows).toEqual([{ attempts: 1 }]);
});

test('a channel that says when it is tried again is tried that often, however often others are', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(3));
  await saveBroadcast(pool, workspace, broadcastOf('patient'));
  await launchBroadcast(pool, workspace, 'patient');
  const { channel } = provider(
    (_call, nth) => {
      if (nth < 4) throw new Error('not now');
    },
    { waits: [1, 1, 1] },
  );
  await start({ channels: [channel], maxAttempts: 2 });
  // Three who fail three times each stop a broadcast of three.
  await reportWhen('patient', ({ state }) => state === 'paused');
  await resumeBroadcast(pool, workspace, 'patient');
  const { progress } = await reportWhen('patient', isOver);
  expect(progress).toMatchObject({ sent: 3, failed: 0 });
});

test('a provider that fails for everybody pauses the broadcast, which says so and loses nobody', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(900));
  let broken = true;
  const { calls, channel } = provider(() => {
    if (broken) throw new Error('503 from the provider');
  });
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  await start({ channels: [channel], concurrency: 10, chunks: 1 });
  const paused = await reportWhen('news', ({ state }) => state === 'paused');
  expect([paused.reason, paused.detail]).toEqual(['breaker', '503 from the provider']);
  expect(paused.progress).toMatchObject({ sent: 0, pending: 900, failed: 0 });
  expect(calls.length).toBeLessThan(100);

  broken = false;
  await resumeBroadcast(pool, workspace, 'news');
  const { progress } = await reportWhen('news', isOver);
  expect(progress).toMatchObject({ sent: 900, failed: 0 });
});

test('where a channel parks what it is unsure of, that is unknown and never sent again', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(30));
  const { calls, channel } = provider(
    async ({ message }) => {
      if (message.userId === 'u9') await new Promise(() => {});
    },
    { onLostConfirmation: 'park' },
  );
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  await start({ channels: [channel], deliverTimeout: 200 });
  const report = await reportWhen('news', isOver);
  expect(report.progress).toMatchObject({ sent: 29, unknown: 1 });
  expect(report.unknown).toMatchObject([{ user_id: 'u9', reason: 'no answer within 200 ms' }]);
  expect(calls).toHaveLength(30);
});

test('where a workspace parks what it is unsure of, no more are written down at once than are called', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(200));
  const counts: number[] = [];
  const { channel } = provider(async () => {
    const { rows } = await pool.query<{ count: number }>(
      `SELECT count(*)::integer FROM broadcast_recipients WHERE state = 'sending'`,
    );
    counts.push(rows[0]?.count ?? 0);
  });
  const parking = { ...channel, terms: async () => ({ onLostConfirmation: 'park' as const, tags: {} }) };
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  await start({ channels: [parking], concurrency: 4 });
  expect((await reportWhen('news', isOver)).progress).toMatchObject({ sent: 200 });
  expect(Math.max(...counts)).toBe(4);
});

test('whom a broadcast may or may not have reached, and whom it gave up, is listed and decided about by one call', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(12));
  let broken = true;
  const { calls, channel } = provider(
    ({ message }) => {
      if (!broken) return;
      if (Number(message.userId?.slice(1)) < 5) throw new DeliveryUncertain('cut off');
      if (message.userId === 'u5') throw new DeliveryRefused('no such mailbox');
    },
    { onLostConfirmation: 'park' },
  );
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  const automation = await start({ channels: [channel] });
  const first = await reportWhen('news', isOver);
  expect(first.progress).toMatchObject({ sent: 6, unknown: 5, failed: 1 });
  expect((await listParked(pool, workspace, { series: 'news' })).deliveries).toEqual([]);
  expect((await listParked(pool, 'other')).deliveries).toEqual([]);
  const { deliveries, next } = await listParked(pool, workspace, { broadcast: 'news', limit: 4 });
  const { deliveries: rest } = await listParked(pool, workspace, { after: next ?? '' });
  const parked = [...deliveries, ...rest].map(({ id, user_id, state, broadcast, resolvable_as }) => {
    expect([broadcast, resolvable_as]).toEqual(['news', ['retry', 'delivered', 'skip']]);
    return [user_id, { id, state }] as const;
  });
  const of = new Map(parked);
  expect(parked.map(([user, { state }]) => `${user} ${state}`).toSorted()).toEqual([
    ...[0, 1, 2, 3, 4].map((user) => `u${user} unknown`),
    'u5 failed',
  ]);
  const id = (user: string): string => of.get(user)?.id ?? '';

  broken = false;
  const contacted = async (user: string): Promise<boolean> => {
    const { rows } = await pool.query<{ is: boolean }>(
      `SELECT last_contacted_at IS NOT NULL AS is FROM end_users WHERE user_id = $1`,
      [user],
    );
    return rows[0]?.is ?? false;
  };
  expect([await contacted('u0'), await contacted('u1')]).toEqual([false, false]);
  expect(await resolveDelivery(pool, workspace, id('u0'), 'delivered')).toEqual({
    id: id('u0'),
    as: 'delivered',
  });
  await resolveDelivery(pool, workspace, id('u1'), 'skip');
  expect([await contacted('u0'), await contacted('u1')]).toEqual([true, false]);
  await eraseUser(pool, { workspaceId: workspace, userId: 'u2' });
  expect((await refusal(resolveDelivery(pool, workspace, id('u2'), 'retry')))[0]?.[0]).toBe('recipient_gone');
  expect((await refusal(resolveDelivery(pool, workspace, id('u0'), 'retry')))[0]?.[0]).toBe(
    'delivery_not_parked',
  );
  expect((await refusal(resolveDelivery(pool, 'other', id('u3'), 'retry')))[0]?.[0]).toBe(
    'delivery_not_parked',
  );
  // The rest of it: u2 cannot be, u3 and u4 are unknown, u5 had failed.
  const before = calls.length;
  expect(await resolveDeliveries(pool, workspace, { broadcast: 'news' }, 'retry')).toEqual({
    resolved: 3,
    refused: [{ id: id('u2'), code: 'recipient_gone' }],
    more: false,
  });
  automation.nudge();
  const last = await reportWhen('news', (report) => isOver(report) && report.progress.pending === 0);
  expect(last.progress).toMatchObject({ sent: 10, unknown: 1, failed: 1, recipients: 12 });
  const again = calls.slice(before).map(({ key, message }) => `${message.userId} ${key}`);
  expect(again).toHaveLength(3);
  expect(new Set(again)).toEqual(new Set(['u3', 'u4', 'u5'].map((user) => `${user} ${id(user)}`)));
  const { deliveries: left } = await listParked(pool, workspace);
  expect(left).toMatchObject([{ id: id('u2'), user_id: null, resolvable_as: ['delivered', 'skip'] }]);
});

test('a visitor who turns out to be somebody keeps their place in a broadcast, and whoever had two is sent it once', async () => {
  const { pool, start } = fixture();
  const both = [
    'pending pending',
    'sent pending',
    'pending sent',
    'pending failed',
    'unsure pending',
    'skipped pending',
  ];
  for (const anonymousId of [...both.keys()].map((at) => `v${at}`).concat('alone'))
    await identifyVisitor(pool, { workspaceId: workspace, anonymousId });
  await addPeople(pool, named(both.length));
  const { calls, channel } = provider();
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  await launchBroadcast(pool, workspace, 'news');
  // The log channel reaches no visitors, so that these have no place in a chunk; what is said of places holds on any channel.
  await pool.query('UPDATE work SET last_number = 13');
  const become = (who: string, state: string): Promise<unknown> =>
    pool.query(
      `UPDATE broadcast_recipients r SET state = $2, reason = NULL, unsure = $3, attempted_at = CASE $2 WHEN 'sent' THEN now() END
       FROM end_users u WHERE u.id = r.end_user_id AND coalesce(u.user_id, u.anonymous_id) = $1`,
      [who, state === 'unsure' ? 'pending' : state, state === 'unsure'],
    );
  await become('alone', 'pending');
  for (const [at, states] of both.entries()) {
    const [visitors = '', persons = ''] = states.split(' ');
    await become(`v${at}`, visitors);
    await become(`u${at}`, persons);
  }
  for (const at of both.keys())
    await identify(pool, { workspaceId: workspace, userId: `u${at}`, anonymousId: `v${at}` });
  await addPeople(pool, [{ userId: 'late' }]);
  await identify(pool, { workspaceId: workspace, userId: 'late', anonymousId: 'alone' });
  const { rows } = await pool.query<{ user_id: string; found: string }>(
    `SELECT u.user_id, string_agg(concat_ws(' ', r.state, r.reason), ', ' ORDER BY r.state, r.reason) AS found
     FROM broadcast_recipients r JOIN end_users u ON u.id = r.end_user_id GROUP BY 1 ORDER BY 1`,
  );
  expect(Object.fromEntries(rows.map(({ user_id: user, found }) => [user, found]))).toEqual({
    late: 'pending',
    u0: 'pending, skipped joined',
    u1: 'sent, skipped joined',
    u2: 'sent, skipped joined',
    u3: 'failed, pending',
    u4: 'pending, skipped joined',
    u5: 'pending, skipped',
  });
  await start({ channels: [channel] });
  const { progress } = await reportWhen('news', isOver);
  expect(progress).toMatchObject({ recipients: 13, pending: 0 });
  expect(calls.map(({ message }) => message.userId ?? '').toSorted()).toEqual([
    'late',
    'u0',
    'u3',
    'u4',
    'u5',
  ]);
});

test('a rate limit holds over two processes, and all the same everybody is sent to', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(120));
  const { calls, channel } = provider();
  await saveBroadcast(pool, workspace, broadcastOf('slow', { rate_limit: { messages: 50, per: 'second' } }));
  await launchBroadcast(pool, workspace, 'slow');
  await pool.query(
    `INSERT INTO work (workspace_id, kind, run_id, first_number, last_number, due_at)
     SELECT workspace_id, kind, run_id, 61, last_number, due_at FROM work`,
  );
  await pool.query(`UPDATE work SET last_number = 60 WHERE first_number = 1`);
  const begun = performance.now();
  await Promise.all([
    start({ channels: [channel], queue: 'one' }),
    start({ channels: [channel], queue: 'two' }),
  ]);
  await reportWhen('slow', isOver);
  expect(calls).toHaveLength(120);
  // 120 messages at 50 a second: the last has its place 2.38 seconds after the first; busy machines only make it later.
  expect(Math.max(...calls.map(({ at }) => at)) - begun).toBeGreaterThan(2380);
});

test("a broadcast and a series that reach for the last place under the workspace's cap: one of them has it", async () => {
  const { pool, start } = fixture();
  await setWorkspaceCaps(pool, workspace, [{ messages: 1, days: 1 }]);
  await saveSeries(pool, workspace, seriesOf('welcome'));
  await saveBroadcast(pool, workspace, broadcastOf('news'));
  const people = await Promise.all(Array.from({ length: 30 }, (_, index) => identifyNew(pool, `p${index}`)));
  await launchBroadcast(pool, workspace, 'news');
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  const { progress } = await reportWhen('news', isOver);
  expect(lines).toHaveLength(people.length);
  expect(new Set(lines.map(({ user }) => user)).size).toBe(people.length);
  expect(lines.filter(({ series }) => series === 'news')).toHaveLength(progress.sent);
  expect(progress.skipped).toBe(people.length - progress.sent);
});

test('who is in their quiet hours is left in Postgres until these are over', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(20));
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('later', { schedule: { at: new Date(Date.now() + 3_600_000).toISOString() } }),
  );
  await launchBroadcast(pool, workspace, 'later');
  const { calls, channel } = provider();
  const automation = await start({ channels: [channel] });
  await automation.idle();
  const rows = await recipientsOf(pool, 'later');
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['pending']));
  expect(calls).toEqual([]);
});

test('a test goes to one person, whatever hours and caps say, and is no launch', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(3));
  await suppress(pool, { workspaceId: workspace, userId: 'u2' });
  const variants = [
    { key: 'a', percent: 50, message: { text: 'A for {{ name }} on {{ plan }}' } },
    { key: 'b', percent: 50, message: { text: 'B for {{ name }}' } },
  ];
  const { message: _, ...rest } = broadcastOf('news', {
    audience: { '==': [{ var: 'user_id' }, 'nobody'] },
    variants,
    frequency_caps: [{ messages: 1, per: [1, 'days'] }],
    schedule: { at: '2030-01-01T00:00:00Z' },
  });
  await saveBroadcast(pool, workspace, rest);
  const { lines, sink } = recorder();
  await start({ logSink: sink });
  const first = await testBroadcast(pool, workspace, 'news', { userId: 'u1', variant: 'a' });
  const second = await testBroadcast(pool, workspace, 'news', { userId: 'u1', variant: 'b' });
  expect([first.without, second.without]).toEqual([['custom:plan'], []]);
  await until('both arrived', () => lines.length === 2);
  expect(new Map(lines.map(({ delivery, text }) => [delivery, text]))).toEqual(
    new Map([
      [first.delivery, 'A for Person 1 on '],
      [second.delivery, 'B for Person 1'],
    ]),
  );
  expect(await getBroadcast(pool, workspace, 'news')).toMatchObject({ state: 'draft', run: null });
  const { progress } = await reportBroadcast(pool, workspace, 'news', { run: first.run });
  expect(progress.recipients).toBe(1);
  for (const [asked, code] of [
    [{ userId: 'u2' }, 'broadcast_nobody_to_send'],
    [{ userId: 'u9' }, 'no_such_user'],
    [{ userId: 'u1', variant: 'c' }, 'unknown_variant'],
  ] as const)
    expect((await refusal(testBroadcast(pool, workspace, 'news', asked)))[0]?.[0]).toBe(code);
});

test('a broadcast that recurs reaches everybody at each of its runs, once, with two schedulers and two workers', async () => {
  const { pool, start } = fixture();
  await addPeople(pool, named(7));
  await saveBroadcast(pool, workspace, broadcastOf('digest', { schedule: { cron: '0 9 * * 1' } }));
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T00:00:00Z'`);
  const clock = new Clock('2031-06-02T07:00:00Z');
  const { lines, sink } = recorder();
  for (let process = 0; process < 2; process += 1)
    await start({ logSink: sink, clock: async () => clock.now, scheduleEvery: 20 });
  await until('the first run', () => lines.length >= 7);
  await addPeople(pool, [{ userId: 'late' }]);
  clock.set('2031-06-09T07:00:00Z');
  const second = '2031-06-09T07:00:00.000Z';
  await until('the second run', async () => {
    const found = await reportBroadcast(pool, workspace, 'digest', { run: second }).catch(() => null);
    return found?.state === 'completed';
  });
  expect(lines).toHaveLength(15);
  expect(new Set(lines.map(({ delivery }) => delivery)).size).toBe(15);
  const { runs } = await reportBroadcast(pool, workspace, 'digest', { run: second });
  expect(runs).toMatchObject([
    { run: second, state: 'completed' },
    { run: '2031-06-02T07:00:00.000Z', state: 'completed' },
  ]);
});
