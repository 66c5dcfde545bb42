import { Webhook } from 'standardwebhooks';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  DeliveryPostponed,
  DeliveryRefused,
  DeliveryUncertain,
} from '../../../src/automation/channels/channel.js';
import type { Channel, OutgoingMessage } from '../../../src/automation/channels/channel.js';
import {
  enableEndpoint,
  getEndpoint,
  rotateEndpointSecret,
  saveEndpoint,
} from '../../../src/automation/channels/endpoints.js';
import type { WebhookEndpoint } from '../../../src/automation/channels/endpoints.js';
import { silentLogger } from '../../../src/automation/logger.js';
import { webhookBodyLimit, webhookChannel } from '../../../src/automation/channels/webhook.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import type { Pool } from '../../../src/database/pool.js';
import { testDatabase } from '../../support/database.js';
import { outcome } from './conformance.js';
import { contextOf, messageTo, onePerson, workspaceId } from './message.js';
import { startReceiver } from './receiver.js';
import type { Behaviour, Receiver } from './receiver.js';

const allowedNetworks = ['127.0.0.0/8', '::1/128'];
const rules = networkRules(allowedNetworks);
const key = 'crm';

let pool: Pool;
let receiver: Receiver;
let person: string;
let secret: string;
let channel: Channel;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  receiver = await startReceiver();
  person = await onePerson(pool);
});

beforeEach(async () => {
  receiver.reset();
  await pool.query('TRUNCATE webhook_endpoints CASCADE');
  secret = (await saveEndpoint(pool, rules, { workspaceId, key, url: `${receiver.url}/in` })).secret ?? '';
  channel = webhookChannel({ pool, allowedNetworks, timeout: 10_000 });
});

afterEach(async () => {
  await channel.close?.();
});

const message = (changes: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  messageTo(person, { endpoint: key, payload: { plan: 'pro' }, text: '', title: null, ...changes });
const endpoint = (): Promise<WebhookEndpoint> => getEndpoint(pool, { workspaceId, key });
const answering = (status: number, headers: Record<string, string> = {}): void =>
  receiver.behave((response) => response.writeHead(status, headers).end('ignored'));
const failure = async (): Promise<unknown> => outcome(channel.deliver(message(), contextOf()));

it('a call is what the published receiver of Standard Webhooks accepts', async () => {
  const { idempotencyKey, signal } = contextOf();
  await channel.deliver(message(), { idempotencyKey, signal });
  const [call] = receiver.calls;
  const headers = call?.headers ?? {};
  expect(headers).toMatchObject({ 'webhook-id': idempotencyKey, 'content-type': 'application/json' });
  expect(call?.path).toBe('/in');
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  expect(new Webhook(secret).verify(call?.body ?? '', named)).toEqual({
    type: 'series.webhook',
    timestamp: '2026-03-01T10:20:30.456Z',
    data: {
      series: 'welcome',
      step: 'hello',
      user: { id: person, user_id: 'u1' },
      payload: { plan: 'pro' },
    },
  });
  expect(() => new Webhook(secret).verify(`${call?.body} `, named)).toThrow('No matching signature');
  const other = (await rotateEndpointSecret(pool, { workspaceId, key })).secret;
  expect(() => new Webhook(other).verify(call?.body ?? '', named)).toThrow('No matching signature');
});

it('a message without a payload brings its title and text', async () => {
  await channel.deliver(messageTo(person, { endpoint: key }), contextOf());
  expect(JSON.parse(receiver.calls[0]?.body ?? '')).toMatchObject({
    type: 'series.message',
    data: { title: 'Hi', text: 'Hello there' },
  });
});

it('while a secret is rotated both sign, and after the overlap only the new one does', async () => {
  const { secret: next } = await rotateEndpointSecret(pool, { workspaceId, key, overlap: 60 });
  await channel.deliver(message(), contextOf());
  expect(accepting([secret, next])).toEqual([true, true]);
  await pool.query(`UPDATE webhook_secrets SET valid_until = now() WHERE valid_until IS NOT NULL`);
  receiver.reset();
  await channel.deliver(message(), contextOf());
  expect(accepting([secret, next])).toEqual([false, true]);
});

it('a rotation without an overlap ends the old secret at once', async () => {
  const { secret: next } = await rotateEndpointSecret(pool, { workspaceId, key, overlap: 0 });
  await channel.deliver(message(), contextOf());
  expect(accepting([secret, next])).toEqual([false, true]);
});

function accepting(secrets: readonly string[]): boolean[] {
  const { headers = {}, body = '' } = receiver.calls.at(-1) ?? {};
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return secrets.map((each) => {
    try {
      new Webhook(each).verify(body, named);
      return true;
    } catch {
      return false;
    }
  });
}

it('every attempt of a delivery carries the same id and the same body to the byte', async () => {
  const context = contextOf();
  answering(500);
  await expect(channel.deliver(message(), context)).rejects.toThrow('answered 500');
  await rotateEndpointSecret(pool, { workspaceId, key });
  receiver.behave(null);
  await channel.deliver(message(), context);
  const [first, second] = receiver.calls;
  expect(second?.body).toBe(first?.body);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
});

it.each([200, 201, 202, 204, 299])('%i is a delivery', async (status) => {
  answering(status);
  expect(await failure()).toBe('delivered');
});

it.each([400, 401, 403, 404, 408, 409, 413, 422, 425, 500, 502, 503, 504])(
  '%i is tried again, because a receiver can be mended',
  async (status) => {
    answering(status);
    const error = await failure();
    expect(error).toMatchObject({ name: 'Error', message: `the endpoint answered ${status}` });
    expect(await endpoint()).toMatchObject({ failures: 1, last_error: `the endpoint answered ${status}` });
  },
);

it('410 refuses the message and disables the endpoint', async () => {
  answering(410);
  expect(await failure()).toBeInstanceOf(DeliveryRefused);
  expect(await endpoint()).toMatchObject({ enabled: false, disabled_reason: 'gone' });
  expect(await failure()).toMatchObject({
    name: 'DeliveryRefused',
    message: 'the endpoint `crm` is disabled: it answered 410',
  });
  expect(receiver.calls).toHaveLength(1);
});

it.each([429, 503])('%i with Retry-After puts the delivery off for so long', async (status) => {
  answering(status, { 'retry-after': '120' });
  const error = await failure();
  expect(error).toBeInstanceOf(DeliveryPostponed);
  expect(error).toMatchObject({ retryAfter: 120_000 });
});

it('Retry-After may be a date, and is never longer than a day', async () => {
  answering(429, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() });
  const error = await failure();
  if (!(error instanceof DeliveryPostponed)) throw new Error('not postponed');
  expect(error.retryAfter).toBeGreaterThan(3_500_000);
  expect(error.retryAfter).toBeLessThanOrEqual(3_600_000);
  answering(503, { 'retry-after': '99999999' });
  expect(await failure()).toMatchObject({ retryAfter: 86_400_000 });
});

it('Retry-After that cannot be read leaves the wait to the schedule', async () => {
  answering(503, { 'retry-after': 'soon' });
  expect(await failure()).toMatchObject({ name: 'Error' });
});

it('an answer that was lost is uncertain, and a failure of the endpoint', async () => {
  receiver.behave((response) => response.socket?.resetAndDestroy());
  expect(await failure()).toBeInstanceOf(DeliveryUncertain);
  expect((await endpoint()).failures).toBe(1);
});

it('failures that cannot be counted are told, and change nothing about the message', async () => {
  const told: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void told.push(fields) };
  const speaking = webhookChannel({ pool, allowedNetworks, logger });
  await pool.query('ALTER TABLE webhook_endpoints RENAME COLUMN failures TO mislaid');
  try {
    answering(500);
    await expect(speaking.deliver(message(), contextOf())).rejects.toThrow('answered 500');
  } finally {
    await pool.query('ALTER TABLE webhook_endpoints RENAME COLUMN mislaid TO failures');
    await speaking.close?.();
  }
  expect(told).toEqual([
    { workspace: workspaceId, endpoint: key, error: 'column "failures" does not exist' },
  ]);
});

it('429 is not held against an endpoint, and 503 is', async () => {
  answering(429, { 'retry-after': '1' });
  await failure();
  expect((await endpoint()).failures).toBe(0);
  answering(503, { 'retry-after': '1' });
  await failure();
  expect((await endpoint()).failures).toBe(1);
});

it('a redirect is an answer and not followed', async () => {
  const elsewhere = await startReceiver();
  for (const status of [301, 302, 303, 307, 308]) {
    answering(status, { location: `${elsewhere.url}/` });
    expect(await failure()).toMatchObject({
      message: `the endpoint answered ${status}: redirects are not followed`,
    });
  }
  expect(elsewhere.connections()).toBe(0);
});

it('an endpoint is disabled after ten failures in a row over three days, and not before both', async () => {
  answering(500);
  const failingFor = (interval: string, failures: number): Promise<unknown> =>
    pool.query(`UPDATE webhook_endpoints SET failures = $2, failing_since = now() - $1::interval`, [
      interval,
      failures,
    ]);
  await failingFor('2 days 23 hours', 50);
  await failure();
  expect(await endpoint()).toMatchObject({ enabled: true, failures: 51 });
  await failingFor('4 days', 8);
  await failure();
  expect(await endpoint()).toMatchObject({ enabled: true, failures: 9 });
  await failure();
  expect(await endpoint()).toMatchObject({ enabled: false, disabled_reason: 'failing', failures: 10 });
  expect(await failure()).toBeInstanceOf(DeliveryRefused);

  receiver.behave(null);
  expect(await enableEndpoint(pool, { workspaceId, key })).toMatchObject({
    enabled: true,
    disabled_reason: null,
    failing_since: null,
    failures: 0,
  });
  expect(await failure()).toBe('delivered');
});

it('one success begins the count anew', async () => {
  answering(500);
  await failure();
  receiver.behave(null);
  await failure();
  expect(await endpoint()).toMatchObject({ failures: 0, failing_since: null, last_error: null });
});

it('a failure is not held against an endpoint that was moved meanwhile', async () => {
  receiver.behave((response) => {
    void saveEndpoint(pool, rules, { workspaceId, key, url: `${receiver.url}/moved` }).then(() =>
      response.writeHead(410).end(),
    );
  });
  await failure();
  expect(await endpoint()).toMatchObject({ enabled: true, failures: 0 });
});

it('an endpoint that is not there may be made yet, so that its messages wait', async () => {
  await expect(channel.deliver(message({ endpoint: 'later' }), contextOf())).rejects.toMatchObject({
    name: 'Error',
    message: 'there is no webhook endpoint `later`',
  });
});

it('the endpoint of another workspace is nobody', async () => {
  await pool.query(
    `INSERT INTO workspaces (workspace_id, name) VALUES ('other', 'other') ON CONFLICT DO NOTHING`,
  );
  await expect(channel.deliver(message({ workspaceId: 'other' }), contextOf())).rejects.toThrow(
    'there is no webhook endpoint',
  );
  expect(receiver.calls).toEqual([]);
});

it('a body beyond the limit is refused and not sent', async () => {
  const payload = { text: 'x'.repeat(webhookBodyLimit) };
  await expect(channel.deliver(message({ payload }), contextOf())).rejects.toBeInstanceOf(DeliveryRefused);
  expect(receiver.calls).toEqual([]);
});

it('connections are kept and used again, and all are closed with the channel', async () => {
  const before = receiver.connections();
  for (let n = 0; n < 5; n += 1) await channel.deliver(message(), contextOf());
  expect(receiver.connections() - before).toBe(1);
  await channel.close?.();
  await expect.poll(() => receiver.open()).toBe(0);
});

it('a kept connection that the receiver closes at the wrong moment costs nothing', async () => {
  const cutOnce = cutting(receiver);
  await channel.deliver(message(), contextOf());
  cutOnce();
  await channel.deliver(message(), contextOf());
  expect((await endpoint()).failures).toBe(0);
});

/** Resets the connection of the next call without an answer. */
function cutting({ behave }: Receiver): () => void {
  const cut: Behaviour = (response) => {
    behave(null);
    response.socket?.resetAndDestroy();
  };
  return () => behave(cut);
}
