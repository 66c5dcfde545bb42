import { createHash } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
const hostile = `<script>alert("x")</script>'&`;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
  const other = await startService(pool, 'other');
  for (const each of [service, other]) {
    await each.call('POST', '/api/series', {
      key: 'welcome',
      name: 'Welcome',
      trigger: { type: 'user_created' },
      entry: 'once',
      steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello' } }],
    });
    for (const user_id of [`${hostile} of ${each === service ? 'acme' : 'other'}`, 'plain', 'late']) {
      await each.call('POST', '/api/sdk/users/identify', { user_id });
      await each.call('POST', '/api/series/welcome/enroll', { user_id });
    }
  }
  for (const key of ['news', 'over']) {
    const definition = {
      key,
      name: key,
      audience: { everyone: true },
      channel: 'log',
      message: { text: 'News' },
    };
    await service.call('POST', '/api/broadcasts', definition);
    await service.call('POST', `/api/broadcasts/${key}/launch`, {});
  }
  await pool.query(
    `UPDATE broadcast_recipients SET state = 'unknown' WHERE number = 1 AND run_id = (SELECT min(id) FROM broadcast_runs)`,
  );
  await pool.query(`UPDATE broadcast_runs SET state = 'completed' WHERE broadcast_key = 'over'`);
  // One whose confirmation was lost, one that is an hour late, one that is due now.
  await pool.query(
    `UPDATE work w SET state = CASE u.user_id WHEN 'plain' THEN w.state WHEN 'late' THEN w.state ELSE 'unknown' END,
       last_error = $1, due_at = CASE u.user_id WHEN 'late' THEN now() - interval '1 hour' ELSE now() END
     FROM enrollments e JOIN end_users u ON u.id = e.end_user_id WHERE e.id = w.enrollment_id`,
    [hostile],
  );
});

interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function page(authorization?: string): Promise<Page> {
  const response = await fetch(`${service.url}/admin/queues`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

it('a browser is asked for the secret key, and shows the board with it', async () => {
  const asked = await page();
  expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="Muster", charset="UTF-8"',
  ]);
  const shown = await page(basic('whoever', service.secretKey));
  expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(shown.headers.get('cache-control')).toBe('no-store');
  expect(shown.text).toContain('<h1>Queues of acme</h1>');
  expect(shown.text).toMatch(/<td>welcome<\/td>\s*<td>active<\/td>/);
  expect(shown.text).toMatch(/<span class="bad">60 min<\/span>/);
  expect(shown.text).toContain('retry skip');
  expect(shown.text).toMatch(
    /<td>news once, 3 people<\/td>\s*<td>running<\/td>\s*<td class="n">0<\/td>\s*<td class="n">1<\/td>/,
  );
  expect(shown.text).not.toContain('over once');
  expect(shown.text).toMatch(/<td>\s*news\/message\s*<\/td>/);
  const { body } = await service.call('GET', '/api/queue');
  expect(body['broadcasts']).toMatchObject([
    { broadcast: 'news', due: 1, recipients: 3, unknown: 1, failed: 0 },
  ]);
});

it('nobody else is let in: no key, a write key, a wrong one, or the secret key where the name belongs', async () => {
  for (const [authorization, status] of [
    [basic('', ''), 401],
    [basic(service.secretKey, ''), 401],
    [basic('x', `${service.secretKey}0`), 401],
    [basic('x', service.writeKey), 403],
    [`Bearer ${service.writeKey}`, 403],
    ['Basic !', 401],
  ] as const)
    expect([authorization, (await page(authorization)).status]).toEqual([authorization, status]);
  const inAddress = await fetch(`${service.url}/admin/queues?key=${service.secretKey}`);
  expect(inAddress.status).toBe(401);
});

it('the board shows one workspace, runs nothing that is stored, and can do nothing', async () => {
  const { text, headers } = await page(basic('', service.secretKey));
  expect(text).not.toMatch(/of other|<script|<form|<button|<img|<a /);
  expect(text).toContain('&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;&#39;&#38; of acme');
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/default-src 'none'.*form-action 'none'/);
  const style = /<style>([^<]*)<\/style>/.exec(text)?.[1] ?? '';
  expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
});

it('the same figures are there for a program', async () => {
  const { status, body } = await service.call('GET', '/api/queue');
  expect([status, body]).toMatchObject([
    200,
    {
      series: [
        { series: 'welcome', state: 'active', due: 2, enqueued: 0, claimed: 0, unknown: 1, failed: 0 },
      ],
      outbox: { waiting: 3, parked: 0 },
      canary_age_ms: null,
    },
  ]);
});
