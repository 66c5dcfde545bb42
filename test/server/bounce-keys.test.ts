import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Fetched } from '../../src/automation/index.js';
import { getter, networkRules } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { isSuppressed } from '../../src/traits/index.js';
import { muster } from '../cli/muster.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';
import { snsCertificate, snsConfirmation } from './sns-message.js';

let pool: Pool;
let url: string;
let service: Service;
let called: string[];
let answers: (address: string) => Fetched;
const path = '/api/channels/email/bounces';
const workspaceId = 'acme';
// The certificate of the tests is valid from the day on which it was made.
const now = Date.parse('2030-01-01T00:00:00Z');

beforeAll(async () => {
  ({ pool, url } = await testDatabase());
  service = await startService(pool, workspaceId, {
    clock: () => now,
    snsGet: async ({ href }) => {
      called.push(href);
      return answers(href);
    },
  });
});

const found = (text: string): Fetched => ({ status: 200, body: Buffer.from(text) });

beforeEach(() => {
  called = [];
  answers = (address) => found(address.endsWith('.pem') ? snsCertificate : '<ConfirmSubscriptionResponse/>');
});

const bounce = (email: string) => ({ events: [{ type: 'hard_bounce', email, id: email }] });

it('a bounces key opens the one call that tells of bounces, in the address too, and no other', async () => {
  const made = await service.call('POST', '/api/keys', { kind: 'bounces', name: 'postmark' });
  expect(made).toMatchObject({ status: 201, body: { kind: 'bounces', name: 'postmark' } });
  const key = String(made.body['key']);
  expect(key).toMatch(/^mk_bounces_acme_/);
  expect((await service.call('POST', path, bounce('a@example.org'), key)).body).toMatchObject({ taken: 1 });
  const basic = Buffer.from(`${key}:`).toString('base64');
  const named = await service.raw(path, JSON.stringify(bounce('b@example.org')), {
    authorization: `Basic ${basic}`,
    'content-type': 'text/plain',
  });
  expect(named.status).toBe(200);
  expect(await isSuppressed(pool, { workspaceId, email: 'b@example.org' })).toBe(true);
  const refused: unknown[] = [];
  for (const { method, url: route, needs } of service.routes) {
    if (needs === undefined || needs === 'bounces' || method === 'HEAD') continue;
    const { status, body } = await service.call(method, route.replaceAll(/:\w+/g, 'x'), undefined, key);
    if (status !== 403 || body.error?.code !== 'key_only_for_bounces') refused.push([method, route, status]);
  }
  expect(refused).toEqual([]);
  // The secret key goes on working, and the write key goes on not to.
  expect((await service.call('POST', path, bounce('c@example.org'))).status).toBe(200);
  expect(await service.call('POST', path, bounce('d@example.org'), service.writeKey)).toMatchObject({
    status: 403,
    body: { error: { code: 'key_not_allowed' } },
  });
  const cli = await muster(['keys', 'create', '--kind', 'bounces', '--workspace', workspaceId, '--json'], {
    DATABASE_URL: url,
  });
  expect(JSON.parse(cli.out)).toMatchObject({ kind: 'bounces' });
});

it.each(['1', '2'] as const)(
  'a subscription that SNS signed (version %s) is confirmed, and its certificate read once',
  async (version) => {
    const body = snsConfirmation(version);
    const first = await service.raw(path, JSON.stringify(body), {
      authorization: `Bearer ${service.secretKey}`,
      'content-type': 'text/plain; charset=UTF-8',
    });
    expect(first).toMatchObject({ status: 200, body: { confirmed: body['TopicArn'], taken: 0 } });
    expect(called.at(-1)).toBe(new URL(body['SubscribeURL'] ?? '').href);
    called = [];
    expect((await service.call('POST', path, body)).status).toBe(200);
    expect(called).toEqual([new URL(body['SubscribeURL'] ?? '').href]);
  },
);

it.each([
  [
    'a signature of somebody else',
    { Signature: Buffer.from('not signed').toString('base64') },
    'sns_not_signed',
  ],
  ['another text than was signed', null, 'sns_not_signed'],
  [
    'a certificate elsewhere',
    { SigningCertURL: 'https://sns.eu-central-1.amazonaws.com.evil.example/a.pem' },
    'sns_not_amazon',
  ],
  [
    'a certificate over http',
    { SigningCertURL: 'http://sns.eu-central-1.amazonaws.com/a.pem' },
    'sns_not_amazon',
  ],
  [
    'a host of Amazon that is not SNS',
    { SigningCertURL: 'https://s3.amazonaws.com/bucket/a.pem' },
    'sns_not_amazon',
  ],
  [
    'a user in the address',
    { SubscribeURL: 'https://sns.eu-central-1.amazonaws.com@evil.example/?Action=ConfirmSubscription' },
    'sns_not_amazon',
  ],
  ['a confirmation of another topic', { TopicArn: 'arn:aws:sns:eu-central-1:1:other' }, 'sns_not_amazon'],
  [
    'another action',
    {
      SubscribeURL:
        'https://sns.eu-central-1.amazonaws.com/?Action=DeleteTopic&TopicArn=arn:aws:sns:eu-central-1:123456789012:bounces',
    },
    'sns_not_amazon',
  ],
  ['a version that is not known', { SignatureVersion: '3' }, 'sns_not_amazon'],
])('a message with %s is not confirmed', async (_what, changes, code) => {
  const body =
    changes === null
      ? { ...snsConfirmation(), Message: 'another text' }
      : snsConfirmation('2', { ...changes });
  const { status, body: answer } = await service.call('POST', path, body);
  expect([status, answer.error?.code]).toEqual([400, code]);
  expect(called.filter((address) => address.includes('Action='))).toEqual([]);
});

it('what Amazon does not answer is refused in a way that SNS tries again, and an end of a subscription is only noted', async () => {
  answers = (address) =>
    address.endsWith('.pem') ? found(snsCertificate) : { status: 500, body: Buffer.from('') };
  const { status, body } = await service.call('POST', path, snsConfirmation());
  expect([status, body.error?.code]).toEqual([503, 'sns_not_confirmed']);
  called = [];
  expect(await service.call('POST', path, { Type: 'UnsubscribeConfirmation' })).toMatchObject({
    status: 200,
  });
  expect(called).toEqual([]);
});

it('a document is got from public addresses by https alone', async () => {
  const inside = getter({
    rules: networkRules(),
    resolve: async () => [{ address: '169.254.169.254', family: 4 }],
  });
  await expect(inside(new URL('https://sns.eu-central-1.amazonaws.com/a.pem'))).rejects.toThrow(
    /may not be called/,
  );
  await expect(inside(new URL('https://127.0.0.1/a.pem'))).rejects.toThrow(/may not be called/);
  await expect(inside(new URL('http://sns.eu-central-1.amazonaws.com/a.pem'))).rejects.toThrow(/https only/);
});
