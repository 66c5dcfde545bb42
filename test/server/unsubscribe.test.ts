import { beforeAll, expect, it } from 'vitest';
import { emailChannel, saveSeries } from '../../src/automation/index.js';
import { secretsFrom } from '../../src/automation/links/secret.js';
import { readToken, unsubscribeToken } from '../../src/automation/links/token.js';
import type { Pool } from '../../src/database/pool.js';
import { eraseUser, identify, isSuppressed, listUnsubscribed } from '../../src/traits/index.js';
import { installationMail } from '../automation/channels/mail-server.js';
import { skipped, startChromium } from '../sdk/chromium.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
const workspaceId = 'ours';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, workspaceId);
  await startService(pool, 'theirs');
  await pool.query(`UPDATE workspaces SET name = 'Ours & <Sons>' WHERE workspace_id = 'ours'`);
  const message = { type: 'send', key: 'a', channel: 'log', message: { text: 'x' } };
  const news = { name: 'n', trigger: { type: 'event', event: 'e' }, steps: [message] };
  await saveSeries(pool, workspaceId, { key: 'news', topic: 'product-news', ...news });
  await saveSeries(pool, workspaceId, { key: 'tips', topic: 'tips', ...news });
});

let made = 0;
/** The path of a link to somebody new, as the channel makes it. */
async function linkTo(
  topic: string | null,
): Promise<{ path: string; userId: string; email: string; id: string }> {
  made += 1;
  const userId = `u${made}`;
  const email = `Ada${made}@Example.org`;
  const { user } = await identify(pool, { workspaceId, userId, traits: { email } });
  const channel = emailChannel({ pool, installation: installationMail(1) });
  const terms = await channel.terms?.({ workspaceId, endUserId: user.id, user, topic });
  const url = terms?.tags['unsubscribe_url'] ?? '';
  return { path: new URL(url).pathname, userId, email, id: user.id };
}

const post = async (
  path: string,
  body: string,
  type = 'application/x-www-form-urlencoded',
): Promise<Response> =>
  fetch(service.url + path, { method: 'POST', headers: { 'content-type': type }, body });
const stops = async (userId: string, topic?: string): Promise<boolean> =>
  isSuppressed(pool, { workspaceId, userId, topic });

it('opening a link changes nothing, however often', async () => {
  const { path, userId } = await linkTo('product-news');
  for (const method of ['GET', 'HEAD', 'GET']) {
    const { status, headers } = await fetch(service.url + path, { method });
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
  expect(await stops(userId, 'product-news')).toBe(false);
});

it.each([
  ['List-Unsubscribe=One-Click', 'application/x-www-form-urlencoded'],
  [
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    'multipart/form-data; boundary=x',
  ],
])('one click of a mailbox unsubscribes from the topic, and again is harmless: %.30s', async (body, type) => {
  const { path, userId } = await linkTo('product-news');
  for (let time = 0; time < 2; time += 1) expect((await post(path, body, type)).status).toBe(200);
  expect(await stops(userId, 'product-news')).toBe(true);
  expect([await stops(userId, 'tips'), await stops(userId)]).toEqual([false, false]);
});

it('a message about nothing in particular unsubscribes from everything', async () => {
  const { path, userId } = await linkTo(null);
  await post(path, 'List-Unsubscribe=One-Click');
  expect([await stops(userId), await stops(userId, 'tips')]).toEqual([true, true]);
  await post(path, 'action=subscribe_all');
  expect(await stops(userId)).toBe(false);
});

it('a form chooses topic by topic, and only among those that are offered', async () => {
  const { path, userId } = await linkTo('product-news');
  const offered = 'offered=product-news&offered=tips&offered=made-up%00';
  await post(path, `action=choose&${offered}&topic=tips&topic=made-up%00`);
  expect([await stops(userId, 'product-news'), await stops(userId, 'tips')]).toEqual([true, false]);
  const { body } = await service.call('GET', `/api/users/${userId}/preferences`);
  expect(body).toEqual({
    subscribed: true,
    suppressed: false,
    topics: [
      { topic: 'product-news', subscribed: false },
      { topic: 'tips', subscribed: true },
    ],
  });
});

it('the wish holds for the address when its person was erased and comes back', async () => {
  const { path, userId, email } = await linkTo('product-news');
  await eraseUser(pool, { workspaceId, userId });
  expect((await post(path, 'List-Unsubscribe=One-Click')).status).toBe(200);
  await identify(pool, {
    workspaceId,
    userId: `${userId}-again`,
    traits: { email: ` ${email.toUpperCase()} ` },
  });
  expect(await stops(`${userId}-again`, 'product-news')).toBe(true);
  // Nobody's address came back with it.
  const { entries } = await listUnsubscribed(pool, { workspaceId, limit: 1000 });
  expect(entries.filter(({ identifier }) => identifier?.toLowerCase() === email.toLowerCase())).toEqual([]);
});

it('a token that was changed, cut or signed by somebody else opens nothing', async () => {
  const { path, userId, id } = await linkTo('product-news');
  const token = path.slice('/u/'.length);
  const [payload = '', signature = ''] = token.split('.');
  const said = readToken(token)?.said ?? [];
  const forged = (to: readonly unknown[]): string =>
    `${Buffer.from(JSON.stringify(to)).toString('base64url')}.${signature}`;
  const theirs = secretsFrom(Buffer.from('another salt')).keys.unsubscribe;
  const link = { workspaceId, endUserId: id, emailHash: Buffer.alloc(32), topic: null };
  const broken = [
    `${payload}.${'A'.repeat(43)}`,
    payload,
    `${payload}.`,
    forged(said.with(3, null)),
    forged(['theirs', ...said.slice(1)]),
    forged(['nobody', ...said.slice(1)]),
    unsubscribeToken(link, theirs),
    // The other kind of key of the same workspace.
    'x'.repeat(3000),
    '%00',
  ];
  for (const each of broken) {
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`${service.url}/u/${each}`, {
        method,
        ...(method === 'POST' ? { body: new URLSearchParams({ action: 'unsubscribe_all' }) } : {}),
      });
      expect([each, response.status]).toEqual([each, each === '%00' ? 400 : 404]);
    }
  }
  expect(await stops(userId, 'product-news')).toBe(false);
});

it('the token holds no personal data, and the page names nobody', async () => {
  const { path, userId, email, id } = await linkTo('product-news');
  const said = JSON.stringify(readToken(path.slice('/u/'.length))?.said);
  expect(said).toContain(id);
  for (const text of [userId, email, email.toLowerCase()]) expect(said).not.toContain(`"${text}"`);
  const page = await (await fetch(service.url + path)).text();
  expect(page).toContain('Messages from Ours &#38; &#60;Sons&#62;');
  expect(page.toLowerCase()).not.toContain('example.org');
});

it('preferences are set over the API too, all or none', async () => {
  const { userId } = await linkTo(null);
  const set = (body: unknown, of = userId) => service.call('PUT', `/api/users/${of}/preferences`, body);
  expect((await set({ topics: { tips: false } })).body).toMatchObject({ subscribed: true });
  expect(await stops(userId, 'tips')).toBe(true);
  expect((await set({ subscribed: false, topics: { tips: true } })).body).toMatchObject({
    subscribed: false,
  });
  expect((await set({ subscribed: true })).body).toMatchObject({
    subscribed: true,
    topics: [
      { topic: 'product-news', subscribed: true },
      { topic: 'tips', subscribed: true },
    ],
  });
  expect((await set({ topics: { ' ': false } })).status).toBe(400);
  expect((await set({ subscribed: true }, 'nobody')).body.error?.code).toBe('no_such_user');
});

it.skipIf(skipped)('the page works in a browser without a script, by its labels', async () => {
  const { path, userId } = await linkTo('product-news');
  const browser = await startChromium();
  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  const refused: string[] = [];
  page.on('console', (line) => refused.push(line.text()));
  await page.goto(service.url + path);
  if (process.env['MUSTER_PICTURE']) await page.screenshot({ path: process.env['MUSTER_PICTURE'] });
  await page.getByLabel('tips').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  expect(await page.getByRole('status').textContent()).toBe('What you chose is saved.');
  expect(await page.getByLabel('tips').isChecked()).toBe(false);
  await page.getByRole('button', { name: 'Unsubscribe from product news' }).click();
  expect([await stops(userId, 'tips'), await stops(userId, 'product-news'), await stops(userId)]).toEqual([
    true,
    true,
    false,
  ]);
  await page.getByRole('button', { name: 'Unsubscribe from everything' }).click();
  expect(await stops(userId)).toBe(true);
  // Its own policy lets through all that it has.
  expect(refused).toEqual([]);
});
