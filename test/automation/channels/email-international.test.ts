import { connect, createServer } from 'node:net';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import {
  launchBroadcast,
  reportBroadcast,
  saveBroadcast,
  saveSeries,
} from '../../../src/automation/index.js';
import { identify, listSuppressed } from '../../../src/traits/index.js';
import { afterFile } from '../../support/cleanup.js';
import { stepsOf, trailOf } from '../inside.js';
import { useAutomation, workspace } from '../support.js';
import { installationMail, startMailServer } from './mail-server.js';
import type { MailServer } from './mail-server.js';

const fixture = useAutomation();
/** A mail server with what was said to it: the server itself shows domains as people read them. */
interface Heard {
  readonly server: MailServer;
  readonly port: number;
  readonly said: string[];
}

async function heard(options: Parameters<typeof startMailServer>[0]): Promise<Heard> {
  const server = await startMailServer(options);
  const said: string[] = [];
  const proxy = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    client.on('data', (bytes) => said.push(...bytes.toString('utf8').split('\r\n')));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  afterFile(
    () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
      }),
  );
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return { server, port: address.port, said };
}

/** One that takes UTF-8 in addresses, and one that does not. */
let modern: Heard;
let plain: Heard;

beforeAll(async () => {
  modern = await heard({});
  plain = await heard({ hideSMTPUTF8: true });
});

beforeEach(async () => {
  const { pool } = fixture();
  for (const { server, said } of [modern, plain]) {
    server.reset();
    said.length = 0;
  }
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspace,
  ]);
});

const message = { title: 'Hello', text: 'Hello' };
const addresses = { bare: 'x11@bücher.example', umlaut: 'ö10@example.com', ada: 'ada@example.com' };

async function run(server: Heard): Promise<{ suppressed: unknown[] }> {
  const { pool, start } = fixture();
  const installation = installationMail(server.port, { from: 'Büro <post@büro.example>' });
  const step = { type: 'send', key: 'hello', channel: 'email', message };
  await saveSeries(pool, workspace, stepsOf('mail', [step]), { email: installation });
  const automation = await start({ email: { installation } });
  for (const [userId, email] of Object.entries(addresses))
    await identify(pool, { workspaceId: workspace, userId, traits: { email } });
  await automation.idle();
  const broadcast = { key: 'news', name: 'News', audience: { everyone: true }, channel: 'email', message };
  await saveBroadcast(pool, workspace, broadcast, { email: installation });
  await launchBroadcast(pool, workspace, 'news');
  await automation.idle();
  const { entries } = await listSuppressed(pool, { workspaceId: workspace });
  return { suppressed: [...entries] };
}

/** The envelopes, each once. */
const envelopes = ({ said }: Heard): string[] => [
  ...new Set(
    said
      .filter((line) => /^(?:MAIL FROM|RCPT TO):/.test(line))
      .map((line) => line.replace(/ SIZE=.*| BODY=.*/, '')),
  ),
];

test('a domain goes out as its A-label, and an address that the server cannot take is unreachable, never suppressed', async () => {
  const { pool } = fixture();
  const { suppressed } = await run(plain);
  expect(envelopes(plain).toSorted()).toEqual([
    'MAIL FROM:<post@xn--bro-hoa.example>',
    'RCPT TO:<ada@example.com>',
    'RCPT TO:<x11@xn--bcher-kva.example>',
  ]);
  expect(plain.server.mails).toHaveLength(4);
  expect(await trailOf(pool, 'umlaut')).toEqual(expect.arrayContaining(['hello unreachable no_smtputf8']));
  const report = await reportBroadcast(pool, workspace, 'news');
  expect(report).toMatchObject({
    state: 'completed',
    progress: { recipients: 3, sent: 2, skipped: 1, failed: 0 },
    skipped: { no_smtputf8: 1 },
  });
  expect(suppressed).toEqual([]);
});

test('a server that takes UTF-8 gets the address as it is, with the domain in ASCII all the same', async () => {
  const { suppressed } = await run(modern);
  expect(envelopes(modern)).toEqual(
    expect.arrayContaining(['RCPT TO:<x11@xn--bcher-kva.example>', 'RCPT TO:<ö10@example.com>']),
  );
  expect(modern.server.mails).toHaveLength(6);
  expect(suppressed).toEqual([]);
});

test('a bare 553 suppresses nobody', async () => {
  plain.server.behave({ atRecipient: [553, 'mailbox name not allowed'] });
  const { suppressed } = await run(plain);
  expect(plain.server.mails).toEqual([]);
  expect(suppressed).toEqual([]);
});
