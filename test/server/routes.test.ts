import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

/** One request to each route. What is sent is valid, and about the ids of the workspace `ours`. */
interface Try {
  readonly path?: string;
  readonly body?: unknown;
  /** Sent as it is, in place of JSON. */
  readonly text?: string;
  readonly type?: string;
  /** What our own key gets. */
  readonly status?: number;
}

let pool: Pool;
let ours: Service;
let theirs: Service;
/** Ids that only exist once `ours` was set up. */
const ids = { key: '', delivery: '' };

/** Stands in every value of `ours` that nobody else may see. */
const mark = 'OURS-ONLY';
const welcome = {
  key: 'welcome',
  name: mark,
  trigger: { type: 'user_created' },
  entry: 'once',
  steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: mark } }],
};
const news = {
  key: 'news',
  name: mark,
  audience: { everyone: true },
  channel: 'log',
  message: { text: `${mark} {{ name }}` },
};
const rule = {
  key: 'ours',
  title: mark,
  decides: 'banner',
  outcomes: ['show', 'hide'],
  default: 'hide',
  rule: { if: [{ '==': [{ var: 'custom:plan' }, mark] }, 'show', { did: { event: 'e' } }, 'show'] },
};
const everyone = { filter: { everyone: true } };

/** Routes that need no key and know no workspace. */
const open = new Set([
  'GET /',
  'GET /healthz',
  'GET /readyz',
  // Figures of the whole installation, which no key of a workspace opens.
  'GET /metrics',
  'GET /openapi.json',
  'GET /muster.js',
  // Their address is signed.
  'GET /u/:token',
  'POST /u/:token',
  'OPTIONS /api/sdk/*',
  'OPTIONS /v1/*',
  'OPTIONS /api/targeting',
  // Its key is in the body.
  'POST /api/sdk/beacon',
  // Takes a client's figures about itself, and keeps none.
  'POST /v1/m',
]);

/** In an order in which our own key can make all of them. */
const tries: Record<string, (service: Service) => Try> = {
  'POST /api/sdk/users/identify': () => ({
    body: { user_id: 'u1', traits: { plan: 'taken over' }, company_id: 'c1', company_traits: { plan: 'x' } },
  }),
  'POST /api/sdk/companies/identify': () => ({ body: { company_id: 'c1', traits: { plan: 'taken over' } } }),
  'POST /api/sdk/track': () => ({ body: { user_id: 'u1', event: 'e', message_id: 'm1' } }),
  'POST /api/sdk/beacon': ({ writeKey }) => ({
    body: { key: writeKey, calls: [{ call: 'track', body: { user_id: 'u1', event: 'e' } }] },
  }),
  'POST /v1/identify': () => ({ body: { userId: 'u1', traits: { plan: 'taken over' } } }),
  'POST /v1/track': () => ({ body: { userId: 'u1', event: 'e', messageId: 'm1' } }),
  'POST /v1/group': () => ({ body: { userId: 'u1', groupId: 'c1', traits: { plan: 'taken over' } } }),
  'POST /v1/page': () => ({ body: { userId: 'u1', name: 'home' } }),
  'POST /v1/screen': () => ({ body: { userId: 'u1', name: 'home' } }),
  'POST /v1/alias': () => ({ body: { userId: 'u1', previousId: 'a1' } }),
  'POST /v1/batch': () => ({
    body: { batch: [{ type: 'identify', userId: 'u1', traits: { plan: 'taken over' } }] },
  }),
  'POST /v1/i': () => ({ body: { userId: 'u1', traits: { plan: 'taken over' } } }),
  'POST /v1/t': () => ({ body: { userId: 'u1', event: 'e', messageId: 'm1' } }),
  'POST /v1/g': () => ({ body: { userId: 'u1', groupId: 'c1', traits: { plan: 'taken over' } } }),
  'POST /v1/p': () => ({ body: { userId: 'u1', name: 'home' } }),
  'POST /v1/s': () => ({ body: { userId: 'u1', name: 'home' } }),
  'POST /v1/a': () => ({ body: { userId: 'u1', previousId: 'a1' } }),
  'POST /v1/b': () => ({
    body: { batch: [{ type: 'identify', userId: 'u1', traits: { plan: 'taken over' } }] },
  }),
  'GET /api/ingest/refusals': () => ({ path: '/api/ingest/refusals?user_id=u1' }),
  'GET /api/users': () => ({ path: '/api/users?search=u' }),
  'GET /api/users/:user_id/timeline': () => ({ path: '/api/users/u1/timeline' }),
  'GET /api/users/:user_id': () => ({ path: '/api/users/u1' }),
  'PATCH /api/users/:user_id': () => ({ path: '/api/users/u1', body: { traits: { plan: 'taken over' } } }),
  'POST /api/users/batch': () => ({ body: { users: [{ user_id: 'u1', traits: { plan: 'taken over' } }] } }),
  'POST /api/users/:user_id/merge': () => ({
    path: '/api/users/u1/merge',
    body: { from: 'nobody' },
    status: 404,
  }),
  'GET /api/users/:user_id/export': () => ({ path: '/api/users/u1/export' }),
  'GET /api/users/:user_id/context': () => ({ path: '/api/users/u1/context' }),
  'PUT /api/users/:user_id/context/:key': () => ({
    path: '/api/users/u1/context/notes',
    body: { value: 'x' },
  }),
  'DELETE /api/users/:user_id/context/:key': () => ({ path: '/api/users/u1/context/notes' }),
  'POST /api/imports': () => ({ text: 'user_id,plan\nu1,taken over\n', type: 'text/csv' }),
  'POST /api/imports/events': () => ({
    text: 'user_id,event,time\nu1,taken over,2026-01-01\n',
    type: 'text/csv',
  }),
  'POST /api/audiences/compile': () => ({ body: everyone }),
  'POST /api/audiences/preview': () => ({ body: everyone }),
  'POST /api/audiences/report': () => ({ body: { filter: { '==': [{ var: 'custom:plan' }, 'x'] } } }),
  'POST /api/audiences/explain': () => ({
    body: { filter: { '==': [{ var: 'custom:plan' }, 'x'] }, user_id: 'u1' },
  }),
  'POST /api/audiences/export': () => ({ body: everyone }),
  'GET /api/segments': () => ({}),
  'POST /api/segments': () => ({ body: { key: 'new', name: 'New', ...everyone }, status: 201 }),
  'GET /api/segments/:key': () => ({ path: '/api/segments/admins' }),
  'PUT /api/segments/:key': () => ({
    path: '/api/segments/admins',
    body: { name: 'taken over', filter: { '==': [{ var: 'custom:plan' }, 'taken over'] } },
  }),
  'POST /api/segments/:key/diff': () => ({ path: '/api/segments/admins/diff', body: everyone }),
  'GET /api/segments/:key/overrides': () => ({ path: '/api/segments/admins/overrides' }),
  'PUT /api/segments/:key/overrides/:user_id': () => ({
    path: '/api/segments/admins/overrides/u1',
    body: { member: true, reason: 'by hand' },
  }),
  'DELETE /api/segments/:key/overrides/:user_id': () => ({ path: '/api/segments/admins/overrides/u1' }),
  'GET /api/segments/:key/members.csv': () => ({ path: '/api/segments/admins/members.csv' }),
  'GET /api/segments/:key/members': () => ({ path: '/api/segments/admins/members' }),
  'DELETE /api/segments/:key': () => ({ path: '/api/segments/admins' }),
  'GET /api/rules': () => ({}),
  'GET /api/rules/:key': () => ({ path: '/api/rules/ours' }),
  'PUT /api/rules/:key': () => ({
    path: '/api/rules/ours',
    body: { ...rule, title: 'taken over', rule: 'hide' },
  }),
  'GET /api/rules/:key/versions': () => ({ path: '/api/rules/ours/versions' }),
  'POST /api/rules/:key/evaluate': () => ({
    path: '/api/rules/slack-mode/evaluate',
    body: { user_id: 'u1' },
  }),
  'POST /api/targeting': () => ({
    body: { url: 'https://app.example/', user_id: 'u1', anonymous_id: 'a1', language: 'de' },
  }),
  'DELETE /api/rules/:key': () => ({ path: '/api/rules/ours' }),
  'GET /api/events': () => ({}),
  'GET /api/traits': () => ({}),
  'PUT /api/traits/:key': () => ({ path: '/api/traits/plan', body: { declared_type: 'number' } }),
  'GET /api/series': () => ({}),
  'GET /api/series/:key': () => ({ path: '/api/series/welcome' }),
  'PUT /api/series/:key': () => ({
    path: '/api/series/welcome',
    body: {
      ...welcome,
      name: 'taken over',
      steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'taken over' } }],
    },
  }),
  'POST /api/series': () => ({ body: { ...welcome, key: 'other' }, status: 201 }),
  'POST /api/series/:key/diff': () => ({
    path: '/api/series/dated/diff',
    body: { ...welcome, key: 'dated' },
  }),
  'GET /api/webhooks': () => ({}),
  'POST /api/webhooks': () => ({ body: { key: 'crm', url: 'https://taken.example/' }, status: 201 }),
  'GET /api/webhooks/:key': () => ({ path: '/api/webhooks/crm' }),
  'PUT /api/webhooks/:key': () => ({ path: '/api/webhooks/crm', body: { url: 'https://taken.example/' } }),
  'POST /api/webhooks/:key/rotate-secret': () => ({
    path: '/api/webhooks/crm/rotate-secret',
    body: {},
    status: 201,
  }),
  'POST /api/webhooks/:key/enable': () => ({ path: '/api/webhooks/crm/enable' }),
  'DELETE /api/webhooks/:key': () => ({ path: '/api/webhooks/crm' }),
  'GET /api/users/:user_id/preferences': () => ({ path: '/api/users/u1/preferences' }),
  'PUT /api/users/:user_id/preferences': () => ({
    path: '/api/users/u1/preferences',
    body: { subscribed: false, topics: { news: false } },
  }),
  'POST /api/templates/check': () => ({ body: { template: { text: 'Hi {{ plan }}' }, ...everyone } }),
  'POST /api/templates/preview': () => ({
    body: { template: { text: 'Hi {{ plan }}' }, channel: 'log', user_id: 'u1' },
  }),
  'POST /api/deliveries/resolve': () => ({ body: { as: 'skip', channel: 'none' } }),
  'POST /api/channels/email/bounces': () => ({
    body: { events: [{ type: 'soft_bounce', email: 'u1@example.com', reason: 'full' }] },
  }),
  'GET /api/settings': () => ({}),
  'PUT /api/settings': () => ({ body: { language_trait: 'taken_over' } }),
  'POST /api/settings/diff': () => ({ body: { zone: 'Asia/Tokyo' } }),
  'GET /api/frequency-caps': () => ({}),
  'PUT /api/frequency-caps': () => ({ body: { caps: [{ messages: 1000, days: 7 }] } }),
  'GET /api/channels/email': () => ({}),
  'PUT /api/channels/email': () => ({ body: { footer: 'taken over' } }),
  'DELETE /api/channels/email': () => ({}),
  'GET /api/channels/slack': () => ({}),
  'PUT /api/channels/slack/:key': () => ({
    path: '/api/channels/slack/sales',
    body: { url: 'https://hooks.taken.example/', description: 'x' },
  }),
  'DELETE /api/channels/slack/:key': () => ({ path: '/api/channels/slack/sales' }),
  'GET /api/series/:key/versions': () => ({ path: '/api/series/welcome/versions' }),
  'GET /api/series/:key/enrollments': () => ({ path: '/api/series/welcome/enrollments' }),
  'GET /api/series/:key/report': () => ({ path: '/api/series/welcome/report' }),
  'GET /api/series/:key/explain/:user_id': () => ({ path: '/api/series/welcome/explain/u2' }),
  'GET /api/series/:key/enrollments/:user_id': () => ({ path: '/api/series/welcome/enrollments/u2' }),
  'GET /api/schedules': () => ({}),
  'GET /api/deliveries': () => ({}),
  'GET /api/queue': () => ({}),
  'GET /admin/queues': () => ({}),
  'POST /api/deliveries/:id/resolve': () => ({
    path: `/api/deliveries/${ids.delivery}/resolve`,
    body: { as: 'retry' },
  }),
  'POST /api/series/:key/enroll': () => ({ path: '/api/series/welcome/enroll', body: { user_id: 'u1' } }),
  'POST /api/series/:key/move': () => ({ path: '/api/series/welcome/move', body: { to: 1 } }),
  'POST /api/series/:key/remove': () => ({ path: '/api/series/welcome/remove', body: { user_id: 'u2' } }),
  'POST /api/series/:key/pause': () => ({ path: '/api/series/welcome/pause' }),
  'POST /api/series/:key/resume': () => ({ path: '/api/series/welcome/resume' }),
  'POST /api/series/:key/archive': () => ({ path: '/api/series/welcome/archive' }),
  'DELETE /api/series/:key': () => ({ path: '/api/series/welcome?force=true' }),
  'GET /api/broadcasts': () => ({}),
  'POST /api/broadcasts': () => ({ body: { ...news, key: 'other' }, status: 201 }),
  'GET /api/broadcasts/:key': () => ({ path: '/api/broadcasts/news' }),
  'PUT /api/broadcasts/:key': () => ({ path: '/api/broadcasts/other', body: { ...news, key: 'other' } }),
  'POST /api/broadcasts/:key/preview': () => ({ path: '/api/broadcasts/other/preview', body: {} }),
  'POST /api/broadcasts/:key/test': () => ({
    path: '/api/broadcasts/other/test',
    body: { user_id: 'u2', variant: 'message' },
  }),
  'POST /api/broadcasts/:key/launch': () => ({ path: '/api/broadcasts/other/launch', body: {} }),
  'GET /api/broadcasts/:key/report': () => ({ path: '/api/broadcasts/news/report' }),
  'GET /api/broadcasts/:key/recipients': () => ({ path: '/api/broadcasts/news/recipients' }),
  'GET /api/broadcasts/:key/explain/:user_id': () => ({ path: '/api/broadcasts/news/explain/u1' }),
  'POST /api/broadcasts/:key/pause': () => ({ path: '/api/broadcasts/news/pause' }),
  'POST /api/broadcasts/:key/resume': () => ({ path: '/api/broadcasts/news/resume' }),
  'POST /api/broadcasts/:key/cancel': () => ({ path: '/api/broadcasts/news/cancel' }),
  'DELETE /api/broadcasts/:key': () => ({ path: '/api/broadcasts/news' }),
  'GET /api/suppressions': () => ({}),
  'POST /api/suppressions': () => ({ body: { user_id: 'u1' } }),
  'POST /api/suppressions/batch': () => ({ body: { entries: [{ user_id: 'u1' }] } }),
  'DELETE /api/suppressions': () => ({ body: { email: `${mark}@example.com` } }),
  'GET /api/unsubscribes': () => ({}),
  'POST /api/unsubscribes': () => ({ body: { user_id: 'u1' } }),
  'POST /api/unsubscribes/batch': () => ({ body: { entries: [{ user_id: 'u1' }] } }),
  'DELETE /api/unsubscribes': () => ({ body: { email: `${mark}@example.com` } }),
  'GET /api/keys': () => ({}),
  'POST /api/keys': () => ({ body: { kind: 'write' }, status: 201 }),
  'POST /api/keys/:key_id/rotate': () => ({ path: `/api/keys/${ids.key}/rotate`, body: {}, status: 201 }),
  'DELETE /api/keys/:key_id': () => ({ path: `/api/keys/${ids.key}` }),
  'GET /api/identity': () => ({}),
  'POST /api/identity/rotate': () => ({ body: {}, status: 201 }),
  'PUT /api/identity': () => ({ body: { mode: 'report' } }),
  'GET /api/identity/report': () => ({}),
  'DELETE /api/users/:user_id': () => ({ path: '/api/users/u1?suppress=true' }),
};

beforeAll(async () => {
  ({ pool } = await testDatabase());
  ours = await startService(pool, 'ours');
  theirs = await startService(pool, 'theirs');
  const set = async (method: string, path: string, body: unknown): Promise<void> => {
    const { status, text } = await ours.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
  };
  const traits = { plan: mark, name: mark, email: `${mark}@example.com` };
  await set('POST', '/api/sdk/users/identify', {
    user_id: 'u1',
    traits,
    company_id: 'c1',
    company_traits: { plan: mark },
    anonymous_id: 'a1',
  });
  await set('POST', '/api/sdk/track', {
    user_id: 'u1',
    event: 'e',
    message_id: 'm0',
    properties: { plan: mark },
  });
  await set('PUT', '/api/users/u1/context/notes', { value: mark });
  for (const list of ['suppressions', 'unsubscribes'])
    await set('POST', `/api/${list}`, { email: `${mark}@example.com`, reason: mark });
  await set('PUT', '/api/rules/ours', rule);
  await set('POST', '/api/series', welcome);
  const dated = { type: 'date', field: `custom:${mark}`, at: '09:00' };
  await set('POST', '/api/series', { ...welcome, key: 'dated', trigger: dated });
  // Nothing may be sent to the first one, who is on both lists.
  await set('POST', '/api/sdk/users/identify', { user_id: 'u2', traits: { name: mark } });
  await set('POST', '/api/series/welcome/enroll', { user_id: 'u2' });
  const { rows } = await pool.query<{ id: string }>(
    `UPDATE work SET state = 'unknown', last_error = $1 WHERE workspace_id = 'ours' RETURNING delivery_id AS id`,
    [mark],
  );
  ids.delivery = rows[0]?.id ?? '';
  await set('POST', '/api/broadcasts', news);
  await set('POST', '/api/broadcasts/news/launch', {});
  await set('POST', '/api/webhooks', { key: 'crm', url: 'https://crm.example/', description: mark });
  await set('POST', '/api/segments', {
    key: 'admins',
    name: mark,
    filter: { '==': [{ var: 'custom:plan' }, mark] },
  });
  await set('PUT', '/api/channels/email', { footer: mark, public_url: 'https://muster.example.com' });
  await set('PUT', '/api/channels/slack/sales', { url: 'https://hooks.example.com/x', description: mark });
  await set('PUT', '/api/traits/plan', { declared_type: 'text' });
  await set('POST', '/api/identity/rotate', {});
  const made = await ours.call('POST', '/api/keys', { kind: 'secret', name: mark });
  ids.key = String(made.body['id']);
});

/** One statement for every row of `ours`, in every table. */
let statement = '';

beforeAll(async () => {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace
     ORDER BY 1`,
  );
  // Counts of traits are folded by a timer, which moves rows from one table to the other.
  const folded = ['trait_changes', 'trait_types', 'traits'];
  statement = tables
    .filter(({ name }) => !folded.includes(name))
    .map(
      ({ name }) => `SELECT '${name}' AS name, array(
        SELECT to_jsonb(t)::text FROM "${name}" t WHERE workspace_id = 'ours' ORDER BY 1
      ) AS rows`,
    )
    .join(' UNION ALL ');
});

async function everythingOfOurs(): Promise<Record<string, string[]>> {
  const { rows: tables } = await pool.query<{ name: string; rows: string[] }>({
    name: 'everything',
    text: statement,
  });
  return Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));
}

async function send(
  service: Service,
  route: string,
  key: string,
): Promise<{ status: number; text: string; cache: string | null }> {
  const [method = '', url = ''] = route.split(' ');
  const { path = url, body, text, type } = tries[route]?.(service) ?? {};
  const response = await fetch(service.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined && text === undefined ? {} : { 'content-type': type ?? 'application/json' }),
    },
    ...(body === undefined && text === undefined ? {} : { body: text ?? JSON.stringify(body) }),
  });
  const cache = response.headers.get('cache-control');
  return { status: response.status, text: await response.text(), cache };
}

const routesOf = (service: Service): string[] =>
  service.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`);

it('every route of the server is tried here, and every route but the open ones needs a key', () => {
  const routes = routesOf(ours);
  expect(routes.filter((route) => !Object.hasOwn(tries, route) && !open.has(route))).toEqual([]);
  expect(Object.keys(tries).filter((route) => !routes.includes(route))).toEqual([]);
  const keyless = ours.routes
    .filter(({ needs }) => needs === undefined)
    .map(({ method, url }) => `${method} ${url}`);
  expect(new Set(keyless.map((route) => route.replace(/^HEAD/, 'GET')))).toEqual(open);
});

it("with another workspace's key no route shows or changes anything of ours", async () => {
  const before = await everythingOfOurs();
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining(['end_users', 'companies', 'events', 'api_keys']),
  );
  const seen: string[] = [];
  for (const route of Object.keys(tries)) {
    for (const key of [theirs.secretKey, theirs.writeKey]) {
      const { status, text } = await send(theirs, route, key);
      if (status >= 500) seen.push(`${route} answers ${status}: ${text}`);
      // What they sent themselves comes back to them.
      const sent = JSON.stringify(tries[route]?.(theirs) ?? {}).includes(mark);
      if (text.includes(mark) && !sent) seen.push(`${route} shows ${text}`);
    }
    expect([route, await everythingOfOurs()]).toEqual([route, before]);
  }
  expect(seen).toEqual([]);
});

/** Whether an answer says more about caching than it should; pages and the script have rules of their own. */
const mayBeKept = (route: string, cache: string | null): boolean =>
  / \/(api|v1)\//.test(route) && cache !== 'no-store';

it('no cache may keep a refusal of any call of the API', async () => {
  const kept: unknown[] = [];
  for (const route of [...routesOf(ours), 'GET /api/nowhere', 'POST /v1/nowhere']) {
    const { cache } = await send(ours, route, 'wrong');
    if (mayBeKept(route, cache)) kept.push([route, cache]);
  }
  expect(kept).toEqual([]);
});

it('a write key is refused by every route that is not for sending', async () => {
  const answers: unknown[] = [];
  for (const { method, url, needs } of ours.routes) {
    if (needs !== 'secret' || method === 'HEAD') continue;
    const { status, text } = await send(ours, `${method} ${url}`, ours.writeKey);
    if (status !== 403 || !text.includes('key_not_allowed')) answers.push([method, url, status]);
  }
  expect(answers).toEqual([]);
});

/** Values in place of those that are expected. */
const hostile: readonly unknown[] = [
  null,
  '',
  'x\u0000y',
  '\ud800',
  'x'.repeat(20_000),
  0,
  -1,
  1e308,
  2 ** 53,
  true,
  [],
  {},
  [[[]]],
  JSON.parse('{"__proto__": {"a": 1}, "constructor": null}'),
  'VERY DEEP',
];

/** Nested so deeply that it cannot be made with JSON.stringify. */
const veryDeep = '['.repeat(5000) + ']'.repeat(5000);

async function sendText(
  method: string,
  path: string,
  body: string,
): Promise<{ status: number; text: string }> {
  const response = await fetch(theirs.url + path, {
    method,
    headers: { authorization: `Bearer ${theirs.secretKey}`, 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, text: await response.text() };
}

/** Every body that has one of its values, or the whole, replaced by the given one. */
function* replaced(body: unknown, value: unknown): Generator {
  yield value;
  if (typeof body !== 'object' || body === null) return;
  for (const [key, part] of Object.entries(body)) {
    for (const changed of replaced(part, value)) {
      yield Array.isArray(body) ? body.with(Number(key), changed) : { ...body, [key]: changed };
    }
  }
}

it('no body makes any route fail: what is malformed is a 4xx in the one error shape', async () => {
  const wrong: string[] = [];
  let sent = 0;
  for (const [route, of] of Object.entries(tries)) {
    const { path, body } = of(theirs);
    if (body === undefined) continue;
    const [method = '', url = ''] = route.split(' ');
    for (const value of hostile) {
      for (const changed of replaced(body, value)) {
        const { status, text } = await sendText(
          method,
          path ?? url,
          JSON.stringify(changed).replace('"VERY DEEP"', veryDeep),
        );
        sent += 1;
        const fine = status < 300 || (status < 500 && text.startsWith('{"error":{"code":"'));
        if (!fine)
          wrong.push(`${route} ${JSON.stringify(changed).slice(0, 100)}: ${status} ${text.slice(0, 200)}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(sent).toBeGreaterThan(1000);
});

it('no body, no JSON, or another type is a 4xx in the one error shape on every route that takes a body', async () => {
  const wrong: string[] = [];
  for (const [route, of] of Object.entries(tries)) {
    const { path, body, text } = of(theirs);
    if (body === undefined && text === undefined) continue;
    const [method = '', url = ''] = route.split(' ');
    for (const [type, content] of [
      ['application/json', ''],
      ['application/json', '{'],
      ['application/json', '{}x'],
      ['application/json', 'null'],
      ['application/json', '[]'],
      ['application/json', Buffer.from([0x7b, 0xff, 0x7d])],
      ['application/xml', '<a/>'],
      ['text/csv', ''],
      ['text/csv', 'nothing'],
      ['', '{}'],
    ] as const) {
      // Rows of a file are refused one by one.
      if (route.startsWith('POST /api/imports') && (content === '{}x' || content === 'null')) continue;
      const response = await fetch(theirs.url + (path ?? url), {
        method,
        headers: { authorization: `Bearer ${theirs.secretKey}`, 'content-type': type },
        body: content,
      });
      const answer: unknown = await response.json();
      const shaped = JSON.stringify(answer).startsWith('{"error":{"code":"');
      if (response.status < 400 || response.status >= 500 || !shaped)
        wrong.push(`${route} ${type} ${String(content)}: ${response.status} ${JSON.stringify(answer)}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('no address makes any route fail', async () => {
  const wrong: string[] = [];
  for (const [route, of] of Object.entries(tries)) {
    const [method = '', url = ''] = route.split(' ');
    if (!url.includes(':')) continue;
    const { body } = of(theirs);
    for (const part of [
      '%00',
      '%F0%9F%98%80',
      'x'.repeat(4000),
      '%2e%2e%2fu1',
      "'%3B--",
      '__proto__',
      '%ED%A0%80',
      '%',
    ]) {
      const { status, text } = await theirs.call(method, url.replaceAll(/:\w+/g, part), body);
      if (status >= 500) wrong.push(`${route} ${part.slice(0, 20)}: ${status} ${text.slice(0, 200)}`);
    }
  }
  for (const query of ['limit=abc', 'limit=0', 'limit=1001', 'after=%00', 'after=x', 'nope=1']) {
    for (const list of ['suppressions', 'unsubscribes']) {
      const { status, text } = await theirs.call('GET', `/api/${list}?${query}`);
      if (status >= 500) wrong.push(`${list} ${query}: ${status} ${text.slice(0, 200)}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('our own key gets an answer to each of these requests that no cache may keep, so that the refusals above mean something', async () => {
  const answers: string[] = [];
  let marked = 0;
  // The key that was made for this test ends in the course of it.
  for (const [route, of] of Object.entries(tries)) {
    const { status: wanted = 200 } = of(ours);
    const { status, text, cache } = await send(ours, route, ours.secretKey);
    if (status !== wanted) answers.push(`${route}: ${status} ${text}`);
    if (mayBeKept(route, cache)) answers.push(`${route}: may be kept, ${cache}`);
    if (text.includes(mark)) marked += 1;
  }
  expect(answers).toEqual([]);
  expect(marked).toBeGreaterThan(8);
});
