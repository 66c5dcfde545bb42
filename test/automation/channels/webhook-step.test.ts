import { beforeAll, beforeEach, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { getEndpoint, networkRules, saveEndpoint, saveSeries } from '../../../src/automation/index.js';
import { identifyNew, seriesOf, until, useAutomation, workStates, workspace } from '../support.js';
import { startReceiver } from './receiver.js';
import type { Receiver } from './receiver.js';

const fixture = useAutomation();
const allowedNetworks = ['127.0.0.0/8'];
const crm = { workspaceId: workspace, key: 'crm' };

let receiver: Receiver;
let secret: string;

beforeAll(async () => {
  receiver = await startReceiver();
});

beforeEach(async () => {
  const { pool } = fixture();
  receiver.reset();
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING`, [
    workspace,
  ]);
  await pool.query('TRUNCATE webhook_endpoints CASCADE');
  const saved = await saveEndpoint(pool, networkRules(allowedNetworks), { ...crm, url: receiver.url });
  secret = saved.secret ?? '';
  await saveSeries(
    pool,
    workspace,
    seriesOf('tell', [], {
      steps: [
        {
          type: 'webhook',
          key: 'tell-crm',
          endpoint: 'crm',
          payload: { who: '{{ name|nobody }}', n: [1, null] },
        },
        { type: 'send', key: 'hello', channel: 'inbox', message: { text: 'Hello' } },
      ],
    }),
  );
});

const inboxCount = async (): Promise<number> =>
  (await fixture().pool.query('SELECT FROM inbox_messages')).rowCount ?? 0;

test('a webhook step calls its endpoint with the rendered payload, signed, and the series goes on', async () => {
  const { pool, start } = fixture();
  await identifyNew(pool, 'ada', { name: 'Ada' });
  const automation = await start({ webhooks: { allowedNetworks } });
  await automation.idle();
  const { headers = {}, body = '' } = receiver.calls[0] ?? {};
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const { rows } = await pool.query<{ id: string; created_at: Date }>(
    `SELECT id, created_at FROM deliveries WHERE step = 'tell-crm' AND state = 'delivered'`,
  );
  expect(new Webhook(secret).verify(body, named)).toMatchObject({
    type: 'series.webhook',
    timestamp: rows[0]?.created_at.toISOString(),
    data: {
      series: 'tell',
      step: 'tell-crm',
      user: { user_id: 'ada' },
      payload: { who: 'Ada', n: [1, null] },
    },
  });
  expect(named['webhook-id']).toBe(rows[0]?.id);
  expect([receiver.calls.length, await inboxCount()]).toEqual([1, 1]);
});

test('an endpoint that asks to wait is not called before, and what waits is not lost', async () => {
  const { pool, start } = fixture();
  receiver.behave((response) => response.writeHead(429, { 'retry-after': '3600' }).end());
  await identifyNew(pool, 'ada');
  await start({ webhooks: { allowedNetworks } });
  const wait = async (): Promise<number> => {
    const { rows } = await pool.query<{ seconds: number }>(
      `SELECT extract(epoch FROM due_at - now())::float8 AS seconds FROM work WHERE state = 'pending' AND attempts = 1`,
    );
    return rows[0]?.seconds ?? 0;
  };
  await until('the delivery to be put off', async () => (await wait()) > 3500);
  expect(await wait()).toBeLessThanOrEqual(3600);
  receiver.behave(null);
  await pool.query(`UPDATE work SET due_at = now() WHERE state = 'pending'`);
  await until('both steps', async () => (await workStates(pool))['done'] === 2);
  const [first, second] = receiver.calls;
  expect(second?.body).toBe(first?.body);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
});

test('a receiver that answers with an error is called again after the first wait of the schedule', async () => {
  const { pool, start } = fixture();
  receiver.behave((response) => response.writeHead(500).end());
  await identifyNew(pool, 'ada');
  await start({ webhooks: { allowedNetworks } });
  await until('the first failure', async () => (await getEndpoint(pool, crm)).failures === 1);
  await until('the wait', async () => (await workStates(pool))['pending'] === 1);
  const { rows } = await pool.query<{ seconds: number; last_error: string }>(
    `SELECT extract(epoch FROM due_at - now())::float8 AS seconds, last_error FROM work`,
  );
  expect(rows[0]?.seconds).toBeLessThanOrEqual(5);
  expect(rows[0]?.last_error).toBe('the endpoint answered 500');
});

test('an endpoint that is gone fails its step, with the reason, and the person goes on', async () => {
  const { pool, start } = fixture();
  receiver.behave((response) => response.writeHead(410).end());
  await identifyNew(pool, 'ada');
  const automation = await start({ webhooks: { allowedNetworks } });
  await automation.idle();
  expect(await workStates(pool)).toEqual({ failed: 1, done: 1 });
  expect(await inboxCount()).toBe(1);
  expect(await getEndpoint(pool, crm)).toMatchObject({ enabled: false, disabled_reason: 'gone' });
  const { rows } = await pool.query(`SELECT last_error FROM deliveries WHERE state = 'failed'`);
  expect(rows).toEqual([{ last_error: 'the endpoint answered 410: it is gone' }]);
});

test('stopping in the middle of a call leaves no connection, and the call is made again', async () => {
  const { pool, start } = fixture();
  receiver.behave(() => undefined);
  await identifyNew(pool, 'ada');
  const first = await start({ webhooks: { allowedNetworks }, drain: 50 });
  await until('the call', () => receiver.calls.length === 1);
  await first.stop();
  await until('no connection', () => receiver.open() === 0);
  expect((await getEndpoint(pool, crm)).failures).toBe(0);
  receiver.behave(null);
  await pool.query(`UPDATE work SET due_at = now() WHERE state = 'pending'`);
  await pool.query(`UPDATE work SET lease_until = now() WHERE state = 'claimed'`);
  await start({ webhooks: { allowedNetworks }, sweepEvery: 50 });
  await until('both steps', async () => (await workStates(pool))['done'] === 2);
  expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});
