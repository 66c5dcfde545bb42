import { expect, test } from 'vitest';
import {
  archiveSeries,
  DeliveryRefused,
  DeliveryUncertain,
  getSeries,
  listSeries,
  logChannel,
  pauseSeries,
  resumeSeries,
  saveSeries,
} from '../../src/automation/index.js';
import type { Channel } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { identify, suppress, unsubscribe } from '../../src/traits/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import {
  identifyMany,
  identifyNew,
  recorder,
  seriesOf,
  until,
  useAutomation,
  workspace,
  workStates,
} from './support.js';

const fixture = useAutomation();
const intake = { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger };

test('saving begins at version 1, a change makes the next, the same document none', async () => {
  const { pool } = fixture();
  expect(await saveSeries(pool, workspace, seriesOf('one'))).toMatchObject({
    key: 'one',
    state: 'active',
    version: 1,
  });
  expect(await saveSeries(pool, workspace, seriesOf('one'))).toMatchObject({ version: 1 });
  const changed = seriesOf('one', ['inbox']);
  expect(await saveSeries(pool, workspace, changed)).toMatchObject({ version: 2, definition: changed });
  expect((await listSeries(pool, workspace)).map(({ key, version }) => [key, version])).toEqual([['one', 2]]);
  expect(await listSeries(pool, 'elsewhere')).toEqual([]);
});

test('several saves of one key at once follow each other', async () => {
  const { pool } = fixture();
  await Promise.all(
    Array.from({ length: 5 }, (_, index) =>
      saveSeries(pool, workspace, { ...seriesOf('one'), name: `n${index}` }),
    ),
  );
  expect(await getSeries(pool, workspace, 'one')).toMatchObject({ version: 5 });
});

test('a series that is refused leaves nothing behind', async () => {
  const { pool } = fixture();
  await expect(saveSeries(pool, workspace, seriesOf('one', []))).rejects.toMatchObject({
    code: 'empty_steps',
  });
  await expect(getSeries(pool, workspace, 'one')).rejects.toMatchObject({
    code: 'series_not_found',
    status: 404,
  });
  await expect(pauseSeries(pool, workspace, 'one')).rejects.toMatchObject({ code: 'series_not_found' });
});

test('people inside a series keep the version they entered', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one', ['log', 'log']));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  await saveSeries(pool, workspace, seriesOf('one', ['inbox']));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(lines.map((line) => line.step)).toEqual(['step-1', 'step-2']);
  const { rowCount } = await pool.query('SELECT FROM inbox_messages');
  expect(rowCount).toBe(0);
});

test('a paused series sends nothing and takes nobody in; resumed, it sends what was held', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'inside');
  await takeIn(pool, intake);
  await pauseSeries(pool, workspace, 'one');
  await identifyNew(pool, 'outside');
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(lines).toEqual([]);
  const { rows } = await pool.query('SELECT state, held, attempts FROM work');
  expect(rows).toEqual([{ state: 'pending', held: true, attempts: 0 }]);

  await resumeSeries(pool, workspace, 'one');
  await automation.idle();
  expect(lines.map((line) => line.user)).toEqual(['inside']);
});

test('whom a paused series missed is on record, whether looked at during the pause or after it', async () => {
  const { pool } = fixture();
  await identifyNew(pool, 'before it was there');
  await saveSeries(pool, workspace, seriesOf('one'));
  await pool.query(`UPDATE outbox SET created_at = created_at - interval '1 minute'`);
  await pauseSeries(pool, workspace, 'one');
  await identifyNew(pool, 'during');
  await takeIn(pool, intake);
  await identifyNew(pool, 'late');
  await resumeSeries(pool, workspace, 'one');
  await pool.query(`UPDATE series SET active_since = active_since + interval '1 second'`);
  await takeIn(pool, intake);
  const { rows } = await pool.query(
    `SELECT u.user_id, d.reason FROM series_decisions d JOIN end_users u USING (workspace_id)
     WHERE u.id = d.end_user_id ORDER BY d.id`,
  );
  expect(rows).toEqual([
    { user_id: 'during', reason: 'paused' },
    { user_id: 'late', reason: 'paused' },
  ]);
  expect(await workStates(pool)).toEqual({});
});

test('a person who was suppressed meanwhile leaves when something comes due, and others get theirs', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  for (const userId of ['ada', 'bob', 'cy', 'dan']) await identifyNew(pool, userId);
  await pool.query(`UPDATE end_users SET email = user_id || '@example.com'`);
  await takeIn(pool, intake);
  await suppress(pool, { workspaceId: workspace, userId: 'ada' });
  await suppress(pool, { workspaceId: workspace, email: 'BOB@example.com' });
  await unsubscribe(pool, { workspaceId: workspace, userId: 'cy' });
  await unsubscribe(pool, { workspaceId: workspace, userId: 'dan', topic: 'news' });
  await suppress(pool, { workspaceId: 'elsewhere', userId: 'dan' });
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(lines.map((line) => line.user)).toEqual(['dan']);
  const { rows } = await pool.query(
    'SELECT state, reason, count(*)::integer AS count FROM enrollments GROUP BY 1, 2 ORDER BY 1',
  );
  expect(rows).toEqual([
    { state: 'completed', reason: 'end', count: 1 },
    { state: 'exited', reason: 'suppressed', count: 3 },
  ]);
});

test('a row left held behind a resumed series is found by the sweep', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  await pool.query('UPDATE work SET held = true');
  const { lines, sink } = recorder();
  await start({ logSink: sink, sweepEvery: 50 });
  await until('the delivery', () => lines.length === 1);
  await until('the end', async () => (await workStates(pool))['done'] === 1);
  expect(lines.map((line) => line.user)).toEqual(['ada']);
});

test('an archived series cancels what comes due and cannot be saved or resumed', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  await archiveSeries(pool, workspace, 'one');
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(lines).toEqual([]);
  expect(await workStates(pool)).toEqual({ cancelled: 1 });
  const { rows } = await pool.query('SELECT state FROM enrollments');
  expect(rows).toEqual([{ state: 'exited' }]);
  await expect(saveSeries(pool, workspace, seriesOf('one', ['inbox']))).rejects.toMatchObject({
    code: 'series_archived',
  });
  await expect(resumeSeries(pool, workspace, 'one')).rejects.toMatchObject({ code: 'series_archived' });
});

test('a channel that fails is tried again with the same key, later each time, then given up with its reason', async () => {
  const { pool, start } = fixture();
  const keys: string[] = [];
  const failing: Channel = {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    deliver: async (_, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      throw new Error('the provider is down');
    },
  };
  await saveSeries(pool, workspace, seriesOf('two', ['log', 'inbox']));
  await identifyNew(pool, 'ada');
  await start({ channels: [failing], maxAttempts: 3 });
  await until('the last attempt', async () => (await workStates(pool))['failed'] === 1);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  const { rows } = await pool.query(
    `SELECT d.state, d.last_error, d.attempts, w.attempts AS tries FROM deliveries d JOIN work w ON w.delivery_id = d.id
     WHERE d.channel = 'log'`,
  );
  expect(rows).toEqual([{ state: 'failed', last_error: 'the provider is down', attempts: 3, tries: 3 }]);
  // A message that was given up does not keep the person from the rest of the series.
  await until('the second step', async () => (await workStates(pool))['done'] === 1);
});

test('a message that the channel refuses for good is not tried again', async () => {
  const { pool, start } = fixture();
  let calls = 0;
  const refusing: Channel = {
    name: 'log',
    onLostConfirmation: 'park',
    deliver: async () => {
      calls += 1;
      throw new DeliveryRefused('no such address');
    },
  };
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  const automation = await start({ channels: [refusing] });
  await automation.idle();
  expect(calls).toBe(1);
  const { rows } = await pool.query('SELECT state, last_error FROM work');
  expect(rows).toEqual([{ state: 'failed', last_error: 'no such address' }]);
  const { rows: contacted } = await pool.query('SELECT last_contacted_at FROM end_users');
  expect(contacted).toEqual([{ last_contacted_at: null }]);
});

test.each([
  ['retry_same_key', 'failed'],
  ['park', 'unknown'],
] as const)('a channel that never answers is cut off; with %s its step ends as %s', async (policy, state) => {
  const { pool, start } = fixture();
  const silent: Channel = { name: 'log', onLostConfirmation: policy, deliver: () => new Promise(() => {}) };
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  const automation = await start({ channels: [silent], deliverTimeout: 50, maxAttempts: 1 });
  await automation.idle();
  expect(await workStates(pool)).toEqual({ [state]: 1 });
});

test.each([
  ['retry_same_key', 'done', 2],
  ['park', 'unknown', 1],
] as const)(
  'what a channel may have taken is never called a failure; with %s its step is %s after %i calls',
  async (policy, state, count) => {
    const { pool, start } = fixture();
    const keys: string[] = [];
    const uncertain: Channel = {
      name: 'log',
      onLostConfirmation: policy,
      deliver: async (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length === 1) throw new DeliveryUncertain('the answer was lost');
      },
    };
    await saveSeries(pool, workspace, seriesOf('one'));
    await identifyNew(pool, 'ada');
    const automation = await start({ channels: [uncertain], jitter: () => -1 });
    await until('the end of it', async () => (await workStates(pool))[state] === 1);
    await automation.idle();
    expect(keys).toEqual(Array.from({ length: count }, () => keys[0]));
    const { rows } = await pool.query('SELECT state, last_error FROM deliveries');
    expect(rows).toEqual([
      state === 'done'
        ? { state: 'delivered', last_error: null }
        : { state: 'unknown', last_error: 'the answer was lost' },
    ]);
  },
);

test('a person deleted while their message is on its way ends quietly, and with them what was sent', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  const deleting: Channel = {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    deliver: async () => void (await pool.query('DELETE FROM end_users')),
  };
  const automation = await start({ channels: [deleting] });
  await automation.idle();
  const { rows } = await pool.query(
    `SELECT (SELECT count(*) FROM work) + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM enrollments) AS left`,
  );
  expect(rows).toEqual([{ left: '0' }]);
});

test('workspaces take turns in the relay: a large one does not push a small one back', async () => {
  const { pool } = fixture();
  for (const name of ['big', 'small']) await saveSeries(pool, name, seriesOf('one'));
  await identifyMany(pool, 'p', 100, 'big');
  await identifyMany(pool, 'q', 2, 'small');
  await takeIn(pool, intake);
  const jobs = await takeDue(pool, { horizon: 0, limit: 10, after: '' });
  // Half the places each; the small one has only two.
  expect(jobs).toHaveLength(7);
  expect(
    jobs
      .slice(0, 4)
      .map((job) => job.workspace)
      .toSorted((a, b) => (a < b ? -1 : 1)),
  ).toEqual(['big', 'big', 'small', 'small']);
  const one = await takeDue(pool, { horizon: 0, limit: 1, after: 'big' });
  expect(one.map((job) => job.workspace)).toEqual(['big']);
});

test('what is due later than the horizon stays in postgres', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyMany(pool, 'p', 3);
  await takeIn(pool, intake);
  await pool.query(
    `UPDATE work SET due_at = now() + interval '30 days' WHERE id = (SELECT min(id) FROM work)`,
  );
  await pool.query(
    `UPDATE work SET due_at = now() + interval '1 second' WHERE id = (SELECT max(id) FROM work)`,
  );
  const jobs = await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  expect(jobs).toHaveLength(2);
  const later = jobs.filter((job) => job.delay > 0);
  expect(later).toHaveLength(1);
  expect(later[0]?.delay).toBeLessThanOrEqual(1000);
});

test('a definition that cannot be read any more ends its steps after the last attempt, and sends nothing', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  await pool.query(`UPDATE series_versions SET definition = '{}'`);
  const { lines, sink } = recorder();
  await start({ logSink: sink, maxAttempts: 2 });
  await until('the end', async () => (await workStates(pool))['failed'] === 1);
  expect(lines).toEqual([]);
  const { rows } = await pool.query(
    'SELECT w.attempts, w.last_error, e.state FROM work w JOIN enrollments e ON e.id = w.enrollment_id',
  );
  expect(rows).toEqual([
    {
      attempts: 2,
      last_error: expect.stringContaining('the series cannot be read') as unknown,
      state: 'exited',
    },
  ]);
});

test('a series whose endpoint or channel is not there is refused at save, both at once and by path', async () => {
  const { pool } = fixture();
  const document = {
    key: 'calls',
    name: 'Calls',
    trigger: { type: 'user_created' },
    steps: [
      { type: 'webhook', key: 'call', endpoint: 'crm' },
      { type: 'send', key: 'say', channel: 'pigeon', message: { text: 'Hello' } },
    ],
  };
  await expect(saveSeries(pool, workspace, document)).rejects.toMatchObject({
    problems: [
      { code: 'unknown_endpoint', path: '/steps/0/endpoint' },
      { code: 'unknown_channel', path: '/steps/1/channel' },
    ],
  });
  await expect(saveSeries(pool, workspace, document, { channels: ['pigeon'] })).rejects.toMatchObject({
    problems: [{ code: 'unknown_endpoint' }],
  });
});

test('a tag that nobody has the trait for is refused at save, unless it has a fallback or the series sets the trait', async () => {
  const { pool } = fixture();
  const text =
    '{{ rolle }} {{ custom:rolle|none }} {{ stage }} {{ role }} {{ company.custom:size }} {{ name }}';
  const document = {
    key: 'tags',
    name: 'Tags',
    trigger: { type: 'user_created' },
    steps: [
      { type: 'set_trait', key: 'mark', traits: { stage: 'told' } },
      { type: 'send', key: 'say', channel: 'log', message: { text } },
    ],
  };
  // Nothing is known of the traits of a new workspace, nor here of those of companies.
  const fresh = 'without-traits';
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [fresh]);
  await saveSeries(pool, fresh, document);
  await identify(pool, { workspaceId: fresh, userId: 'jane', traits: { role: 'admin' } });
  await expect(saveSeries(pool, fresh, document)).rejects.toMatchObject({
    problems: [
      { code: 'tag_unknown_trait', path: '/steps/1/message/text', hint: 'did you mean {{ role }}?' },
    ],
  });
});

test("a series sends by a channel of the embedder's own", async () => {
  const { pool, start } = fixture();
  const said: string[] = [];
  const pigeon: Channel = {
    ...logChannel(() => undefined),
    name: 'pigeon',
    deliver: ({ text }) => {
      said.push(text);
      return Promise.resolve();
    },
  };
  const automation = await start({ channels: [pigeon] });
  await saveSeries(pool, workspace, seriesOf('birds', ['pigeon']), { channels: ['pigeon'] });
  await identifyNew(pool, 'u1', { name: 'Ada' });
  await automation.idle();
  expect(said).toEqual(['Hello Ada']);
});
