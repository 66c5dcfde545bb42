import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DeliveryRefused } from '../../../src/automation/channels/channel.js';
import type { Channel, OutgoingMessage } from '../../../src/automation/channels/channel.js';
import { emailChannel } from '../../../src/automation/channels/email.js';
import type { EmailOptions } from '../../../src/automation/channels/email.js';
import { installationEmail } from '../../../src/automation/channels/email/installation.js';
import { mailboxOf } from '../../../src/automation/channels/email/mailbox.js';
import { openSession } from '../../../src/automation/channels/email/session.js';
import { mailServerOf } from '../../../src/automation/channels/email/server-address.js';
import { saveEmailSettings } from '../../../src/automation/channels/email/settings.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import type { Pool } from '../../../src/database/pool.js';
import { listSuppressed } from '../../../src/traits/index.js';
import { testDatabase } from '../../support/database.js';
import { until } from '../support.js';
import { testCertificate } from './certificate.js';
import { outcome } from './conformance.js';
import { installationMail, startMailServer } from './mail-server.js';
import type { MailServer } from './mail-server.js';
import { contextOf, messageTo, onePerson, workspaceId } from './message.js';

let pool: Pool;
let server: MailServer;
let secure: MailServer;
let person: string;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  server = await startMailServer({ size: 500_000 });
  secure = await startMailServer({
    key: testCertificate.key,
    cert: testCertificate.cert,
    authOptional: false,
    onAuth: ({ username, password }, _session, done) => {
      if (password === 'se:cret/@') return done(null, { user: username });
      done(Object.assign(new Error('no'), { responseCode: 535 }));
    },
  });
  person = await onePerson(pool);
});
beforeEach(() => {
  server.reset();
  secure.reset();
});

const open: Channel[] = [];
afterEach(async () => {
  for (const channel of open.splice(0)) await channel.close?.();
  await until('every connection to be closed', () => server.open() + secure.open() === 0);
});

function channelOf(options: Partial<EmailOptions> = {}): Channel {
  const channel = emailChannel({ pool, installation: installationMail(server.port), ...options });
  open.push(channel);
  return channel;
}

const url = 'https://muster.example.com/u/a.b';
const mail = (changes: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  messageTo(person, { to: 'ada@example.org', ...changes });
const rich = mail({
  title: 'Grüße 🧑‍🚀',
  text: 'Hallo Ada, schön.',
  html: '<html><body><p>Hallo Ada, <b>schön</b>.</p></body></html>',
  unsubscribeUrl: url,
});

test('a message arrives with its headers, both of its parts and what stands beneath them', async () => {
  const footer = 'Example <Ltd>\n1 Road';
  const installation = installationMail(server.port, { footer, reply_to: 'Help <help@example.com>' });
  const context = contextOf();
  await channelOf({ installation }).deliver(rich, context);
  const [arrived] = server.mails;
  expect(arrived).toMatchObject({ from: 'hello@example.com', to: ['ada@example.org'] });
  expect(arrived?.mail).toMatchObject({
    from: { name: 'Muster', address: 'hello@example.com' },
    to: [{ address: 'ada@example.org' }],
    replyTo: [{ name: 'Help', address: 'help@example.com' }],
    subject: 'Grüße 🧑‍🚀',
    messageId: `<${context.idempotencyKey}@example.com>`,
    date: '2026-03-01T10:20:30.000Z',
  });
  expect(headersOf(arrived?.raw)).toMatchObject({
    'list-unsubscribe': `<${url}>`,
    'list-unsubscribe-post': 'List-Unsubscribe=One-Click',
  });
  expect(arrived?.mail.text?.trim()).toBe(
    `Hallo Ada, schön.\n\n-- \nExample <Ltd>\n1 Road\nUnsubscribe: ${url}`,
  );
  const [, inside, beneath] =
    /^<html><body>(.*?)(<p style.*)<\/body><\/html>\s*$/s.exec(arrived?.mail.html ?? '') ?? [];
  expect(inside).toBe('<p>Hallo Ada, <b>schön</b>.</p>');
  expect(beneath).toContain(`Example &lt;Ltd&gt;<br>1 Road<br><a href="${url}">Unsubscribe</a>`);
});

test('an author who places the link gets no second one', async () => {
  const placed = { ...rich, text: `Bye: ${url}`, html: `<a href="${url}">Bye</a>` };
  await channelOf().deliver(placed, contextOf());
  expect(server.mails[0]?.mail.text?.trim()).toBe(`Bye: ${url}`);
  expect(server.mails[0]?.mail.html?.trim()).toBe(`<a href="${url}">Bye</a>`);
});

test('a repeat is the same to the byte, and two deliveries are not', async () => {
  const channel = channelOf();
  const context = contextOf();
  await channel.deliver(rich, context);
  await channelOf().deliver(rich, context);
  await channel.deliver(rich, contextOf());
  const [first, again, other] = server.mails.map(({ raw }) => raw.toString('latin1'));
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test.each([
  'Hi\r\nBcc: eve@example.org',
  'Hi\nX-Other: 1\n\nbody',
  'Hi\u2028there\u0085you',
  '=?utf-8?Q?Hi?=',
])('no title becomes a header: %j', async (title) => {
  await channelOf().deliver(mail({ title, text: 'The text' }), contextOf());
  const headers = headersOf(server.mails[0]?.raw);
  expect(Object.keys(headers).toSorted()).toEqual(
    Object.keys({
      'content-transfer-encoding': 0,
      'content-type': 0,
      date: 0,
      from: 0,
      'message-id': 0,
      'mime-version': 0,
      subject: 0,
      to: 0,
    }),
  );
  expect(server.mails[0]?.to).toEqual(['ada@example.org']);
  expect(server.mails[0]?.mail.text?.trim()).toBe('The text');
});

test.each([
  [[550, '5.1.1 no such user'], true],
  [[550, 'No such user here'], true],
  [[550, 'Recipient address rejected: User unknown in virtual mailbox table'], true],
  [[550, "mailbox doesn't exist"], true],
  // Without an enhanced code these are said of policy and spelling as well.
  [[550, 'mailbox unavailable'], false],
  [[550, 'rejected for policy reasons: unknown user of a blocked network'], false],
  [[553, 'mailbox name not allowed'], false],
  [[551, 'user not local; please try <ada@example.net>'], false],
  [[550, '5.7.1 we do not like you'], false],
  [[552, '5.2.2 mailbox full'], false],
] as const)(
  'an answer of %j to the address is refused; whether it is suppressed: %s',
  async (atRecipient, isBounce) => {
    server.behave({ atRecipient });
    const to = `nobody-${randomUUID()}@example.org`;
    const error = await outcome(channelOf().deliver(mail({ to }), contextOf()));
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(error).toHaveProperty('message', expect.stringContaining(atRecipient[1]));
    const { entries } = await listSuppressed(pool, { workspaceId, limit: 1000 });
    const found = entries.filter(({ identifier }) => identifier === to);
    expect(found.map(({ reason, source }) => [reason, source])).toEqual(
      isBounce ? [['hard_bounce', 'smtp']] : [],
    );
  },
);

test.each([
  { atRecipient: [450, '4.2.0 greylisted'] },
  { atData: [451, '4.3.0 try again'] },
  { atMail: [421, '4.3.2 going down'] },
] as const)('an answer of %j is tried again', async (behaviour) => {
  server.behave(behaviour, { once: true });
  const channel = channelOf();
  const context = contextOf();
  const error = await outcome(channel.deliver(mail(), context));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(DeliveryRefused);
  await channel.deliver(mail(), context);
  expect(server.mails).toHaveLength(1);
});

test('what the server says that it will not take is not sent to it', async () => {
  const error = await outcome(channelOf().deliver(mail({ text: 'x'.repeat(600_000) }), contextOf()));
  expect(error).toBeInstanceOf(DeliveryRefused);
  expect(server.mails).toEqual([]);
});

test('connections are kept for the messages that follow, a few at once, and closed in the end', async () => {
  const before = server.connections();
  const channel = channelOf();
  for (let index = 0; index < 5; index += 1) await channel.deliver(mail(), contextOf());
  expect(server.connections() - before).toBe(1);
  await Promise.all(Array.from({ length: 40 }, () => channel.deliver(mail(), contextOf())));
  expect(server.mails).toHaveLength(45);
  expect(server.connections() - before).toBeLessThanOrEqual(10);
});

const secureUrl = (password: string): string =>
  `smtp://us%40er:${encodeURIComponent(password)}@hooks.example.com:${secure.port}`;
const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
const ca = testCertificate.cert;

test('a server of the workspace is spoken to under TLS, with its password, and its certificate is checked', async () => {
  const rules = networkRules(['127.0.0.0/8']);
  const change = { smtp_url: secureUrl('se:cret/@'), from: 'Own <own@example.net>' };
  await saveEmailSettings(pool, { workspaceId, rules, change });
  const options = { allowedNetworks: ['127.0.0.0/8'], resolve };
  await channelOf({ ...options, ca }).deliver(mail(), contextOf());
  expect(secure.mails[0]).toMatchObject({ secure: true, user: 'us@er', from: 'own@example.net' });
  const untrusted = await outcome(channelOf(options).deliver(mail(), contextOf()));
  expect(untrusted).toHaveProperty('message', expect.stringContaining('certificate'));
  await saveEmailSettings(pool, { workspaceId, rules, change: { smtp_url: secureUrl('wrong') } });
  const denied = await outcome(channelOf({ ...options, ca }).deliver(mail(), contextOf()));
  // Somebody can mend a password: the message is not to blame.
  expect(denied).not.toBeInstanceOf(DeliveryRefused);
  expect(denied).toHaveProperty('message', expect.stringContaining('535'));
  // Its name leads to this machine, which nobody allowed.
  const blocked = await outcome(channelOf({ resolve, ca }).deliver(mail(), contextOf()));
  expect(blocked).toHaveProperty('message', expect.stringContaining('loopback'));
  await saveEmailSettings(pool, { workspaceId, rules, change: { smtp_url: null, from: null } });
});

test('without TLS nothing is handed to a public server', async () => {
  const plain = mailServerOf(`smtp://127.0.0.1:${server.port}`);
  if (typeof plain === 'string') throw new Error(plain);
  const rules = { fault: () => null, isAllowed: () => false, hasAllowed: false };
  const { signal } = new AbortController();
  const error = await outcome(openSession({ server: plain, rules, timeout: 5000 }, signal));
  expect(error).toHaveProperty('message', expect.stringContaining('STARTTLS'));
});

test('the workspace decides what becomes of a message whose answer was lost; the link says whose it is', async () => {
  const user = { user_id: 'u1', email: 'Ada@example.org' };
  const about = { workspaceId, endUserId: person, user, topic: 'news' };
  const terms = await channelOf().terms?.(about);
  expect(terms?.onLostConfirmation).toBe('retry_same_key');
  expect(terms?.tags['unsubscribe_url']).toMatch(/^https:\/\/muster\.example\.com\/u\/[\w-]+\.[\w-]{43}$/);
  const rules = networkRules();
  await saveEmailSettings(pool, { workspaceId, rules, change: { on_lost_confirmation: 'park' } });
  expect(await channelOf().terms?.(about)).toMatchObject({ onLostConfirmation: 'park' });
  await saveEmailSettings(pool, { workspaceId, rules, change: { on_lost_confirmation: null } });
});

test('where nothing is set up a message waits, and one without an address is refused', async () => {
  const error = await outcome(emailChannel({ pool }).deliver(mail(), contextOf()));
  expect(error).not.toBeInstanceOf(DeliveryRefused);
  expect(error).toHaveProperty('message', 'e-mail is not set up in this workspace');
  const { to: _to, ...nobody } = mail();
  expect(await outcome(channelOf().deliver(nobody, contextOf()))).toBeInstanceOf(DeliveryRefused);
});

test('no setting breaks a header: one that cannot be stood in a line is refused, and links are written as URLs are', async () => {
  const rules = networkRules();
  const change = {
    smtp_url: 'smtps://u:p\u0000@mail.example.com',
    from: 'A\ud800 <a@example.com>',
    reply_to: 'A <a@example.com>\nBcc: b@example.com',
    public_url: 'https://muster.example.com/\r\nBcc: b@example.com',
  };
  const refused = await outcome(saveEmailSettings(pool, { workspaceId, rules, change }));
  const problems = Object.keys(change).map((key) => ({ code: 'email_bad_setting', path: `/${key}` }));
  expect(refused).toMatchObject({ problems });
  const installation = installationMail(server.port, {
    public_url: 'https://muster.example.com/a b/">\r\nBcc: x',
  });
  const user = { user_id: 'u1', email: 'ada@example.org' };
  const terms = await channelOf({ installation }).terms?.({
    workspaceId,
    endUserId: person,
    user,
    topic: null,
  });
  expect(terms?.tags['unsubscribe_url']).toMatch(
    /^https:\/\/muster\.example\.com\/a%20b\/%22%3EBcc:%20x\/u\/[\w-]+\.[\w-]{43}$/,
  );
});

test.each(['localhost', 'LOCALHOST', 'mail.internal', '127.0.0.1', '[::1]'])(
  'a mail server of this network is refused at save, as an endpoint is: %s',
  async (host) => {
    const change = { smtp_url: `smtp://${host}:6379`, from: 'a@example.com' };
    const refused = await outcome(saveEmailSettings(pool, { workspaceId, rules: networkRules(), change }));
    expect(refused).toMatchObject({ problems: [{ code: 'webhook_blocked_address', path: '/smtp_url' }] });
    expect(refused).toHaveProperty('problems.0.hint', expect.stringContaining('MUSTER_WEBHOOK_NETWORKS'));
  },
);

test.each([
  ['Ada <ada@example.com>', { name: 'Ada', address: 'ada@example.com' }],
  ['"Lovelace, Ada" <ada@example.com>', { name: 'Lovelace, Ada', address: 'ada@example.com' }],
  ['ada@example.com', { name: '', address: 'ada@example.com' }],
  ['Ada', null],
  ['a@example.com, b@example.com', null],
  ['Ada <ada@example.com>\r\nBcc: eve@example.com', null],
  ['Team: a@example.com;', null],
])('%j is the mailbox %j', (text, mailbox) => {
  expect(mailboxOf(text)).toEqual(mailbox);
});

test('the environment sets the installation up, and each variable that is wrong is named', () => {
  expect(installationEmail({})).toMatchObject({ smtp_url: null, from: null });
  expect(
    installationEmail({ MUSTER_SMTP_URL: 'smtp://127.0.0.1:25', MUSTER_EMAIL_FROM: 'a@b.example' }),
  ).toMatchObject({ smtp_url: 'smtp://127.0.0.1:25', from: 'a@b.example' });
  let refusal: unknown;
  try {
    installationEmail({
      MUSTER_SMTP_URL: 'https://x',
      MUSTER_EMAIL_FROM: 'nobody',
      MUSTER_PUBLIC_URL: 'x',
      MUSTER_EMAIL_ON_LOST_CONFIRMATION: 'maybe',
    });
  } catch (error) {
    refusal = error;
  }
  const problems = [
    ['MUSTER_SMTP_URL', 'it is neither smtps:// nor smtp://'],
    ['MUSTER_EMAIL_FROM', 'it is no address'],
    ['MUSTER_PUBLIC_URL', 'it is no URL'],
    ['MUSTER_EMAIL_ON_LOST_CONFIRMATION', 'it is neither of two words'],
  ].map(([name, reason]) => ({ message: `\`${name}\` cannot be used for e-mail: ${reason}` }));
  expect(refusal).toMatchObject({ problems });
});

/** Unfolded, by lower-case name. */
function headersOf(raw: Buffer | undefined): Record<string, string> {
  const [head = ''] = (raw?.toString('latin1') ?? '').split('\r\n\r\n');
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}
