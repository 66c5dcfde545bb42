import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import broadcastSchema from '../../../docs/broadcast.schema.json' with { type: 'json' };
import seriesSchema from '../../../docs/series.schema.json' with { type: 'json' };
import { isObject } from '../../../src/filter/values.js';
import type { Random } from '../../chaos/random.js';
import { idsFor } from './operations.js';
import type { Operation, Supplies } from './operations.js';
import { changed, valueOf } from './schema.js';
import { jsonOf } from './values.js';
import { broadcastOf, ruleOf, seriesOf } from './world.js';

export interface Payload {
  readonly body: Buffer | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What was sent as JSON and can be pointed into; undefined where the bytes are none. */
  readonly sent: unknown;
}

/** The body of a call: valid, nearly so, or bytes that are no JSON at all. `address` is the key in the call's address. */
export function payloadOf(operation: Operation, supplies: Supplies, address: string): Payload {
  const { random } = supplies;
  if (operation.path.startsWith('/api/imports')) return fileOf(random);
  if (operation.body === undefined && !random.chance(0.1))
    return { body: undefined, headers: {}, sent: undefined };
  let value = bodyOf(operation, supplies, address);
  const changes = random.pick([0, 0, 0, 0, 1, 1, 1, 2, 4]);
  for (let change = 0; change < changes; change += 1) value = changed(value, random);
  const text = jsonOf(value);
  if (random.chance(0.1)) return brokenOf(text, random);
  const { bytes, headers } = random.chance(0.08)
    ? compressed(text, random)
    : { bytes: Buffer.from(text), headers: {} };
  return { body: bytes, headers: { 'content-type': 'application/json', ...headers }, sent: parsed(text) };
}

function bodyOf(operation: Operation, supplies: Supplies, address: string): unknown {
  const { random } = supplies;
  const document = documentOf(operation, supplies, address);
  if (document !== undefined) return document;
  // The first one is left for the call that resolves one.
  if (operation.path === '/api/deliveries/resolve')
    return { as: random.pick(['retry', 'skip']), ids: supplies.ids['delivery']?.slice(1) };
  if (operation.path.endsWith('/bounces')) return { events: knownIn(undefined, 'events', supplies) };
  if (operation.path.startsWith('/v1/') && !/\/b(?:atch)?$/.test(operation.path)) return segmentCall(random);
  const known = (key: string) => knownIn(operation, key, supplies);
  return operation.body === undefined ? {} : valueOf(operation.body, { random, root: {}, known });
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function compressed(text: string, random: Random): { bytes: Buffer; headers: Record<string, string> } {
  const [encoding, compress] = random.pick([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const);
  return { bytes: compress(text), headers: { 'content-encoding': encoding } };
}

/** Bodies that are no JSON, or not what their headers say. */
function brokenOf(text: string, random: Random): Payload {
  const json = { 'content-type': 'application/json' };
  const gzip = { ...json, 'content-encoding': 'gzip' };
  const zipped = gzipSync(text);
  const [body, headers] = random.pick<readonly [Buffer, Record<string, string>]>([
    [Buffer.alloc(0), json],
    [Buffer.from(' \n'), json],
    [Buffer.from(text.slice(0, -1)), json],
    [Buffer.from(`${text}x`), json],
    [Buffer.from(`\ufeff${text}`), json],
    [Buffer.from(text, 'utf16le'), json],
    [Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]), json],
    [Buffer.from('null'), json],
    [Buffer.from('[]'), json],
    [Buffer.from('"x"'), json],
    [Buffer.from(text), {}],
    [Buffer.from(text), { 'content-type': 'text/plain' }],
    [Buffer.from(text), { 'content-type': 'application/xml' }],
    [Buffer.from(text), { 'content-type': 'application/json; charset=utf-16' }],
    [Buffer.from(text), { 'content-type': 'multipart/form-data; boundary=x' }],
    [Buffer.from(text), { 'content-type': 'nonsense' }],
    [Buffer.from('a=1&b=2'), { 'content-type': 'application/x-www-form-urlencoded' }],
    [zipped.subarray(0, -5), gzip],
    [Buffer.from(text), gzip],
    [gzipSync(zipped), gzip],
    [gzipSync(Buffer.alloc(2_000_000, ' ')), gzip],
    [zipped, json],
    [Buffer.from(text), { ...json, 'content-encoding': 'zstd' }],
    [Buffer.from(text), { ...json, 'content-encoding': 'gzip, gzip' }],
    [Buffer.from(`{"x": "${'x'.repeat(40_000)}"}`), json],
    [Buffer.from(`{"x": "${'x'.repeat(600_000)}"}`), json],
  ]);
  return { body, headers, sent: undefined };
}

const files: readonly (readonly [type: string, text: string])[] = [
  ['text/csv', 'user_id,plan,seats\nu1,pro,3\nnew,free,x\n'],
  ['text/csv', 'user_id;plan\r\nu1;"a;b"\r\n'],
  ['text/csv', 'sep=;\nuser_id;plan\nu1;pro\n'],
  ['text/csv', 'email,First Name\nu1@example.com,Ada\n'],
  ['text/csv', 'user_id,plan\nu1,"never closed\n'],
  ['text/csv', 'user_id,plan\nu1,a\u0000b\nu2\n,,,\n'],
  ['text/csv', 'user_id,user_id,created_at,,unsubscribed\nu1,u2,1,2,true\n'],
  ['text/csv', `user_id,plan\n${'x'.repeat(70_000)},y\n`],
  ['text/csv', `user_id,${Array.from({ length: 600 }, (_each, n) => `c${n}`).join(',')}\nu1\n`],
  ['text/csv', 'user_id,event,occurred_at,amount\nu1,paid,2026-02-01 10:00:00,3\nu2,,never,x\n'],
  ['text/tab-separated-values', 'user_id\tplan\nu1\tpro\n'],
  [
    'application/x-ndjson',
    '{"user_id":"u1","traits":{"plan":"pro"}}\n{"user_id":3}\n[]\n{"user_id":"\\ud800"}\nx\n',
  ],
  ['application/json', '[{"user_id":"u1","traits":{"plan":"pro"}},{"user_id":"u9","traits":{"a":1e999}},7]'],
  ['application/json', '[{"user_id":"u1"'],
  ['application/json', `[${'['.repeat(3_000)}${']'.repeat(3_000)}]`],
  ['application/xml', '<a/>'],
  ['text/csv', ''],
  ['text/csv', '\n\n\n'],
  ['text/csv', 'user_id'],
  ['', 'user_id,plan\nu1,pro\n'],
  ['text/csv; charset=utf-16le', 'user_id,plan\nu1,pro\n'],
  ['text/csv; charset=nope', 'user_id,plan\nu1,pro\n'],
];

function fileOf(random: Random): Payload {
  const [type, text] = random.pick(files);
  const plain = Buffer.from(text, random.pick(['utf8', 'utf8', 'utf8', 'utf16le', 'latin1'] as const));
  const bytes = random.chance(0.05) ? plain.subarray(1) : plain;
  const headers = type === '' ? {} : { 'content-type': type };
  if (!random.chance(0.1)) return { body: bytes, headers, sent: undefined };
  const body = random.chance(0.5) ? gzipSync(bytes) : bytes;
  return { body, headers: { ...headers, 'content-encoding': 'gzip' }, sent: undefined };
}

/** Documents whose schema says no more than that they are objects. */
const documents: Readonly<Record<string, { of: (key: string) => unknown; schema?: unknown }>> = {
  series: { of: seriesOf, schema: seriesSchema },
  broadcasts: { of: broadcastOf, schema: broadcastSchema },
  rules: { of: ruleOf },
};

function documentOf({ method, path }: Operation, supplies: Supplies, address: string): unknown {
  const { random, ids } = supplies;
  const [, kind = '', isDiff] = /^\/api\/(\w+)(?:\/\{key\}(\/diff)?)?$/.exec(path) ?? [];
  const document = documents[kind];
  if (document === undefined || (method !== 'PUT' && method !== 'POST')) return undefined;
  const key = address === '' || random.chance(0.1) ? random.pick(ids[kind] ?? ['x']) : address;
  const { of, schema } = document;
  if (schema === undefined || isDiff !== undefined || random.chance(0.4)) return of(key);
  const known = (name: string) => (name === 'key' ? undefined : knownIn(undefined, name, supplies));
  const made = valueOf(schema, { random, root: schema, known });
  return isObject(made) ? { ...made, key } : made;
}

/** What a value under this key is likely to be, where the schema does not say it. */
export function knownIn(operation: Operation | undefined, key: string, supplies: Supplies): unknown {
  const { random, ids, filters, keys } = supplies;
  if (key === 'filter' || key === 'audience' || key === 'exit' || key === 'goal') return random.pick(filters);
  if (operation?.path === '/api/sdk/beacon' && key === 'key') return keys.write;
  if (operation?.path === '/api/sdk/beacon' && key === 'call')
    return random.pick(['users/identify', 'track', 'companies/identify', 'nope']);
  const some = operation === undefined ? ids[key] : idsFor(operation, key, ids);
  if (some !== undefined && some.length > 0) return random.pick(some);
  const values = usual[key];
  return values === undefined ? undefined : random.pick(values);
}

const usual: Readonly<Record<string, readonly unknown[]>> = {
  userId: ['u1', 'new-user', 7],
  anonymousId: ['a-u1', 'v1', 'new-visitor'],
  previousId: ['v1', 'new-visitor'],
  groupId: ['c1', 'c2', 7],
  from: ['u2', 'ü?#', 'nobody'],
  email: ['u1@example.com', 'nobody@example.com', 'İ@exämple.com'],
  url: ['https://app.example/', 'http://127.0.0.1/', 'https://app.example/a?b#c'],
  now: ['2026-11-21T18:00:00.000Z', '2026-12-05'],
  occurred_at: ['2026-11-21T18:00:00.000Z', '1000-01-01T00:00:00Z'],
  timestamp: ['2026-11-21T18:00:00.000Z', 1_700_000_000_000],
  zone: ['Europe/Berlin', 'UTC+2', 'Asia/Kathmandu'],
  language: ['de-AT', 'en', '*;q=0'],
  template: [{ title: 'Hi', text: 'Hi {{ name|there }} {{ plan }}' }, { text: '{{ nope }}' }],
  channel: ['log', 'email', 'slack', 'webhook', 'nope'],
  facts: [{ user_id: 'x', custom_fields: { seats: 3 } }],
  users: [
    [{ user_id: 'u1', traits: { plan: 'pro' } }, { user_id: 'new', company_id: 'c1' }, { user_id: '' }, 3],
  ],
  entries: [[{ user_id: 'u1' }, { email: 'x@example.com', reason: 'x' }, { nope: 1 }]],
  events: [[{ type: 'soft_bounce', email: 'u1@example.com', reason: 'full' }]],
  batch: [
    [
      { type: 'identify', userId: 'u1', traits: { plan: 'pro' } },
      { type: 'track', userId: 'u1', event: 'paid' },
      3,
    ],
  ],
  body: [{ user_id: 'u1', event: 'paid' }, { user_id: 'u1', traits: { plan: 'pro' } }, { company_id: 'c1' }],
  traits: [{ plan: 'pro', seats: 3 }, { created_at: 1 }, { 'a.b': null }],
  reason: ['by hand'],
  until: ['2099-01-01T00:00:00Z', '2001-01-01T00:00:00Z'],
  caps: [[{ messages: 3, days: 7 }]],
  emails: [['u1@example.com']],
  name: ['Name', 'people.csv'],
  map: ['E-mail=email,Plan=plan', '#2=plan', 'a='],
  delimiter: [',', ';', 'tab', 'xx'],
  encoding: ['utf-8', 'windows-1252', 'utf-16le', 'nope'],
  format: ['csv', 'ndjson', 'json', 'tsv'],
  limit: [1, 2, 100],
};

const segmentCall = (random: Random): unknown => ({
  userId: random.pick(usual['userId'] ?? []),
  ...(random.chance(0.5) ? { anonymousId: 'v1' } : {}),
  event: 'paid',
  name: 'home',
  groupId: 'c1',
  previousId: 'v1',
  messageId: random.pick(['m-new', 'm-paid-u1']),
  timestamp: '2026-11-21T18:00:00.000Z',
  sentAt: '2026-11-21T18:00:01.000Z',
  context: { timezone: 'Europe/Berlin', locale: 'de-AT', traits: { plan: 'pro' }, groupId: 'c2' },
  traits: { plan: 'pro', company: { id: 'c2', name: 'C' }, firstName: 'A', createdAt: 1_700_000_000 },
  properties: { amount: 3 },
});
