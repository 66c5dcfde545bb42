import { beforeAll, expect, test } from 'vitest';
import { saveSlackWebhook } from '../../../src/automation/channels/slack/webhooks.js';
import { networkRules } from '../../../src/automation/channels/webhook/networks.js';
import { listParked, resolveDelivery, resolveDeliveries, saveSeries } from '../../../src/automation/index.js';
import { identify } from '../../../src/traits/index.js';
import { one, send, standing, stepsOf, trailOf } from '../inside.js';
import { useAutomation, workspace } from '../support.js';
import { installationMail, startMailServer } from './mail-server.js';
import type { MailServer } from './mail-server.js';
import { startReceiver } from './receiver.js';
import type { Receiver } from './receiver.js';

const fixture = useAutomation();
let server: MailServer;
let slack: Receiver;
beforeAll(async () => {
  server = await startMailServer();
  slack = await startReceiver();
});

const hello = {
  type: 'send',
  key: 'hello',
  channel: 'email',
  message: { title: 'Hello {{ name|you }}', html: '<p>Hello <b>{{ name|you }}</b></p>' },
};

const tellSales = {
  type: 'send',
  key: 'tell-sales',
  channel: 'slack',
  endpoint: 'sales',
  message: { text: 'New: *{{ name|somebody }}*' },
};
const allowedNetworks = ['127.0.0.0/8'];

test('a series sends e-mail to whom it reaches, and the others go on as unreachable', async () => {
  const { pool, start } = fixture();
  server.reset();
  const installation = installationMail(server.port);
  const series = stepsOf('mail', [hello, tellSales, send('then')]);
  await expect(saveSeries(pool, workspace, series)).rejects.toMatchObject({
    problems: [
      { code: 'channel_not_set_up', path: '/steps/0/channel' },
      { code: 'channel_not_set_up', path: '/steps/1/channel' },
    ],
  });
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspace,
  ]);
  const webhook = { workspaceId: workspace, key: 'sales', url: slack.url };
  await saveSlackWebhook(pool, networkRules(allowedNetworks), webhook);
  await saveSeries(pool, workspace, series, { email: installation });
  const automation = await start({ email: { installation }, slack: { allowedNetworks } });
  await identify(pool, {
    workspaceId: workspace,
    userId: 'ada',
    traits: { name: '<Ada>', email: 'ada@example.org' },
  });
  await identify(pool, { workspaceId: workspace, userId: 'bob', traits: { name: 'Bob' } });
  await identify(pool, { workspaceId: workspace, userId: 'eve', traits: { email: 'eve' } });
  await automation.idle();
  const [arrived] = server.mails;
  expect(server.mails.map(({ to }) => to)).toEqual([['ada@example.org']]);
  expect(arrived?.mail.subject).toBe('Hello <Ada>');
  expect(arrived?.mail.html).toContain('<p>Hello <b>&lt;Ada&gt;</b></p>');
  expect(arrived?.mail.text).toMatch(/^Hello <Ada>\n\n-- \nUnsubscribe: https:\/\/muster\.example\.com\/u\//);
  expect(await trailOf(pool, 'bob')).toEqual(
    expect.arrayContaining(['hello unreachable no_email', 'then delivered']),
  );
  expect(await trailOf(pool, 'eve')).toEqual(
    expect.arrayContaining(['hello unreachable bad_email', 'then delivered']),
  );
  expect((await listParked(pool, workspace)).deliveries).toEqual([]);
  const posted = slack.calls.map(({ body }): unknown => JSON.parse(body));
  expect(posted).toEqual(
    expect.arrayContaining([{ text: 'New: *&lt;Ada&gt;*' }, { text: 'New: *somebody*' }]),
  );
  // Who was told to the sales people was sent nothing by that.
  expect(
    await one(
      pool,
      `SELECT count(*)::integer AS count FROM deliveries WHERE channel = 'slack' AND kind = 'send'`,
    ),
  ).toEqual({ count: 0 });
});

test('an answer that is lost is parked where the workspace wants it, and one call resolves it', async () => {
  const { pool, start } = fixture();
  server.reset();
  const installation = installationMail(server.port, { on_lost_confirmation: 'park' });
  await saveSeries(pool, workspace, stepsOf('mail', [hello]), { email: installation });
  const automation = await start({ email: { installation } });
  server.behave({ silence: 'cut' }, { once: true });
  await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { email: 'ada@example.org' } });
  await automation.idle();
  const { deliveries } = await listParked(pool, workspace, { state: 'unknown' });
  expect(deliveries).toMatchObject([
    { channel: 'email', state: 'unknown', resolvable_as: ['retry', 'delivered', 'skip'] },
  ]);
  expect(server.mails).toHaveLength(1);
  await resolveDelivery(pool, workspace, deliveries[0]?.id ?? '', 'retry');
  automation.nudge();
  await automation.idle();
  const [first, again] = server.mails;
  expect(again?.raw.equals(first?.raw ?? Buffer.alloc(0))).toBe(true);
  expect(await standing(pool)).toEqual(['ada mail completed end']);
  expect(await one(pool, `SELECT state, attempts FROM deliveries`)).toEqual({
    state: 'delivered',
    attempts: 2,
  });
});

test('one call resolves many, by channel, and tells what it could not', async () => {
  const { pool, start } = fixture();
  server.reset();
  const installation = installationMail(server.port, { on_lost_confirmation: 'park' });
  await saveSeries(pool, workspace, stepsOf('mail', [hello]), { email: installation });
  const automation = await start({ email: { installation } });
  server.behave({ silence: 'cut' });
  for (const userId of ['ada', 'bob', 'eve']) {
    await identify(pool, { workspaceId: workspace, userId, traits: { email: `${userId}@example.org` } });
  }
  await automation.idle();
  server.behave(null);
  await expect(resolveDeliveries(pool, workspace, {}, 'skip')).rejects.toMatchObject({
    code: 'nothing_named',
  });
  for (const kind of ['series', 'broadcast'])
    await expect(resolveDeliveries(pool, workspace, { [kind]: 'misspelt' }, 'skip')).rejects.toMatchObject({
      code: `${kind}_not_found`,
    });
  const none = { resolved: 0, refused: [], more: false };
  expect(await resolveDeliveries(pool, workspace, { channel: 'slack' }, 'delivered')).toEqual(none);
  expect(await resolveDeliveries(pool, 'other', { channel: 'email' }, 'delivered')).toEqual(none);
  const gone = '00000000-0000-4000-8000-000000000000';
  expect(await resolveDeliveries(pool, workspace, { ids: [gone] }, 'delivered')).toEqual({
    ...none,
    refused: [{ id: gone, code: 'delivery_not_parked' }],
  });
  const which = { state: 'unknown', channel: 'email' } as const;
  expect(await resolveDeliveries(pool, workspace, which, 'delivered')).toEqual({ ...none, resolved: 3 });
  automation.nudge();
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada', 'bob', 'eve'].map((user) => `${user} mail completed end`));
  expect(server.mails).toHaveLength(3);
});
