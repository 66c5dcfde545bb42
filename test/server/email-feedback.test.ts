import { randomUUID } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { readFeedback } from '../../src/automation/index.js';
import { deliveryId } from '../../src/automation/broadcasts/delivery-id.js';
import type { Pool } from '../../src/database/pool.js';
import { eraseUser, identify, isSuppressed, listSuppressed } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
const workspaceId = 'ours';
const path = '/api/channels/email/bounces';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, workspaceId);
});

/** Somebody new who was sent an e-mail to the address that they had then. */
async function sent(): Promise<{ userId: string; to: string; delivery: string }> {
  const userId = `u-${randomUUID()}`;
  const to = `${userId}@example.org`;
  const delivery = randomUUID();
  const { user } = await identify(pool, { workspaceId, userId, traits: { email: to } });
  await pool.query(
    `INSERT INTO deliveries (workspace_id, id, work_id, enrollment_id, series_key, step, end_user_id, channel, state, message, delivered_at)
     VALUES ($1, $2, 1, 1, 's', 'a', $3, 'email', 'delivered', $4, now())`,
    [workspaceId, delivery, user.id, JSON.stringify({ title: null, text: 'x', to })],
  );
  return { userId, to, delivery };
}

const post = (events: readonly unknown[]) => service.call('POST', path, { events });
const stops = async (userId: string): Promise<boolean> => isSuppressed(pool, { workspaceId, userId });

it('a hard bounce suppresses the address that the message went to, once, and not the one that came after it', async () => {
  const { userId, to, delivery } = await sent();
  const event = { type: 'hard_bounce', message_id: `<${delivery}@example.com>`, reason: '550 5.1.1' };
  expect((await post([event, event])).body).toEqual({ taken: 1, repeated: 1, unmatched: 0 });
  expect((await post([event])).body).toEqual({ taken: 0, repeated: 1, unmatched: 0 });
  expect(await stops(userId)).toBe(true);
  const { entries } = await listSuppressed(pool, { workspaceId, limit: 1000 });
  expect(entries.filter(({ identifier }) => identifier === to)).toMatchObject([
    { reason: 'hard_bounce', source: 'email_feedback' },
  ]);
  await identify(pool, { workspaceId, userId, traits: { email: `new-${to}` } });
  expect(await stops(userId)).toBe(false);
});

it('a complaint is about the person too, and a soft bounce about nobody', async () => {
  const [angry, full] = [await sent(), await sent()];
  await post([
    { type: 'complaint', message_id: `${angry.delivery}@example.com`, id: 'c1' },
    { type: 'soft_bounce', message_id: `${full.delivery}@example.com`, id: 's1' },
    { type: 'soft_bounce', message_id: `${full.delivery}@example.com`, id: 's2' },
  ]);
  await identify(pool, { workspaceId, userId: angry.userId, traits: { email: `new-${angry.to}` } });
  expect([await stops(angry.userId), await stops(full.userId)]).toEqual([true, false]);
  const { rows } = await pool.query(
    `SELECT kind, count(*)::integer AS count FROM email_feedback WHERE delivery_id = $1 GROUP BY kind`,
    [full.delivery],
  );
  expect(rows).toEqual([{ kind: 'soft_bounce', count: 2 }]);
});

it('what a broadcast sent comes back to whom it went, known by the message alone, and to nobody once they are erased', async () => {
  const [angry, gone] = [await sent(), await sent()];
  const base = randomUUID();
  await pool.query(
    `WITH broadcast AS (
       INSERT INTO broadcasts (workspace_id, key, name, definition) VALUES ($1, 'news', 'News', '{}')
     ), run AS (
       INSERT INTO broadcast_runs (workspace_id, broadcast_key, run, definition, delivery_base)
       VALUES ($1, 'news', 'once', '{"channel": "email"}', $2) RETURNING id
     )
     INSERT INTO broadcast_recipients (workspace_id, run_id, number, end_user_id, verdict, variant, state, attempted_at, sent_at)
     SELECT $1, run.id, 40 + place, u.id, 'will_send', 'message', 'sent', now(), now()
     FROM run CROSS JOIN unnest($3::text[]) WITH ORDINALITY AS asked (user_id, place)
     JOIN end_users u ON u.workspace_id = $1 AND u.user_id = asked.user_id`,
    [workspaceId, base, [angry.userId, gone.userId]],
  );
  const [first, second, nobody] = [41, 42, 43].map((number) => `<${deliveryId(base, number)}@example.com>`);
  await eraseUser(pool, { workspaceId, userId: gone.userId });
  const { body } = await post([
    { type: 'complaint', message_id: first, reason: 'spam' },
    { type: 'hard_bounce', message_id: second, reason: `<${gone.to}> is unknown` },
    { type: 'complaint', message_id: nobody },
  ]);
  expect(body).toEqual({ taken: 3, repeated: 0, unmatched: 1 });
  await identify(pool, { workspaceId, userId: angry.userId, traits: { email: `new-${angry.to}` } });
  expect(await stops(angry.userId)).toBe(true);
  const { rows } = await pool.query(
    `SELECT end_user_id IS NULL AS erased, reason FROM email_feedback WHERE delivery_id = ANY ($1::uuid[]) ORDER BY 1`,
    [[deliveryId(base, 41), deliveryId(base, 42)]],
  );
  expect(rows).toEqual([
    { erased: false, reason: 'spam' },
    { erased: true, reason: null },
  ]);
});

it('an address is enough, and what names nothing of ours is counted as that', async () => {
  const { userId, to } = await sent();
  const events = [
    { type: 'hard_bounce', email: ` ${to.toUpperCase()} ` },
    { type: 'hard_bounce', message_id: `<${randomUUID()}@elsewhere.example>` },
    { type: 'hard_bounce', email: 'no address', reason: 'a\u0000b' },
  ];
  expect((await post(events)).body).toEqual({ taken: 3, repeated: 0, unmatched: 2 });
  expect(await stops(userId)).toBe(true);
});

const takes = async (body: unknown) => (await service.call('POST', path, body)).body;

it('an id tells events of one provider apart: the same one of another provider is another event', async () => {
  const [first, second] = [await sent(), await sent()];
  const postmark = { RecordType: 'Bounce', ID: 4711, Type: 'HardBounce', Email: first.to };
  const sendgrid = [{ sg_event_id: '4711', event: 'bounce', email: second.to }];
  expect(await takes(postmark)).toMatchObject({ taken: 1, repeated: 0 });
  expect(await takes(sendgrid)).toMatchObject({ taken: 1, repeated: 0 });
  expect(await takes(postmark)).toMatchObject({ taken: 0, repeated: 1 });
  expect([await stops(first.userId), await stops(second.userId)]).toEqual([true, true]);
});

it('SES tells the same event once, by itself or through SNS', async () => {
  const bounce = { ...ses.bounce, feedbackId: randomUUID() };
  const event = { ...ses, bounce };
  const wrapped = { Type: 'Notification', Message: JSON.stringify(event) };
  expect([...(readFeedback(event) ?? [])]).toEqual(readFeedback(wrapped));
});

it('erasing a person takes along what their mail came back with', async () => {
  const { userId, to, delivery } = await sent();
  await post([{ type: 'soft_bounce', message_id: `<${delivery}@x.example>`, reason: `<${to}> is full` }]);
  const left = async (): Promise<number | null> =>
    (await pool.query('SELECT FROM email_feedback f WHERE strpos(to_jsonb(f)::text, $1) > 0', [to])).rowCount;
  expect(await left()).toBe(1);
  await eraseUser(pool, { workspaceId, userId });
  expect(await left()).toBe(0);
});

it('a body of no known shape, or with an event that is not understood, is refused whole', async () => {
  const { userId, to } = await sent();
  for (const body of [
    {},
    [],
    { events: [{ type: 'hard_bounce', email: to }, { type: 'opened' }] },
    { hello: 1 },
  ]) {
    const answer = await service.call('POST', path, body);
    expect(answer.body.error?.code).toBe('email_feedback_unknown');
  }
  expect(await stops(userId)).toBe(false);
});

const message = { delivery: 'd0000000-0000-4000-8000-000000000001' };
const id = `<${message.delivery}@example.com>`;
const ses = {
  notificationType: 'Bounce',
  mail: { commonHeaders: { messageId: id } },
  bounce: {
    bounceType: 'Permanent',
    feedbackId: 'f',
    timestamp: '2026-03-01T00:00:00.000Z',
    bouncedRecipients: [{ emailAddress: 'a@example.org', diagnosticCode: '550' }],
  },
};
it.each([
  [
    'Postmark',
    { RecordType: 'Bounce', ID: 7, Type: 'HardBounce', Email: 'a@example.org' },
    'hard_bounce',
    null,
  ],
  [
    'Postmark',
    { RecordType: 'Bounce', ID: 7, Type: 'Transient', Email: 'a@example.org' },
    'soft_bounce',
    null,
  ],
  [
    'SendGrid',
    [{ sg_event_id: 'e', event: 'bounce', email: 'a@example.org', 'smtp-id': id }],
    'hard_bounce',
    id,
  ],
  ['SendGrid', [{ sg_event_id: 'e', event: 'spamreport', email: 'a@example.org' }], 'complaint', null],
  [
    'Mailgun',
    {
      'event-data': {
        id: 'e',
        event: 'failed',
        severity: 'permanent',
        recipient: 'a@example.org',
        timestamp: 1772323200.5,
        message: { headers: { 'message-id': id } },
      },
    },
    'hard_bounce',
    id,
  ],
  ['SES', ses, 'hard_bounce', id],
  ['SES through SNS', { Type: 'Notification', Message: JSON.stringify(ses) }, 'hard_bounce', id],
])('what %s posts is understood: %#', (_name, body, kind, messageId) => {
  expect(readFeedback(body)).toMatchObject([{ kind, email: 'a@example.org', messageId }]);
});

it('what a provider sends in place of an id is no id, however deep it is', async () => {
  const text = JSON.stringify(ses).replace('"f"', '['.repeat(20_000) + ']'.repeat(20_000));
  const answer = await service.raw(path, text, { authorization: `Bearer ${service.secretKey}` });
  expect(answer.body).toEqual({ taken: 1, repeated: 0, unmatched: 0 });
  const odd = { ...ses, bounce: { ...ses.bounce, feedbackId: { toString: 1 } } };
  // It is known by all that it says, which is the same.
  expect((await service.call('POST', path, odd)).body).toEqual({ taken: 0, repeated: 1, unmatched: 0 });
});
