import { beforeAll, expect, it } from 'vitest';
import { loadKnown } from '../../src/audience/advice/known.js';
import type { Known } from '../../src/audience/advice/known.js';
import { nearName } from '../../src/audience/advice/near.js';
import { lintKnown } from '../../src/audience/lint/known.js';
import { filterWarnings } from '../../src/audience/lint/warnings.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { objectsIn } from '../filter/json-in-text.js';
import { insertRecords } from '../meaning/support.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
let known: Known;
const now = '2026-03-01T12:00:00Z';

const person = {
  email: 'a@example.com',
  custom_fields: {
    App: 'x',
    'custom:plan': 'pro',
    orders: [{ sku: 's1' }],
    address: { city: 'Berlin' },
    tags: ['vip', 'beta'],
    groups: 'vip;beta',
    sources: 'web ::: app',
    quoted: '"VIP","Beta"',
    json: '["a","b"]',
    country: 'Germany\u200B',
    id_like: 'mm1',
    role: 'Admin',
    shoe_size: 9,
  },
  company: { company_id: 'c1', custom_fields: { industry: 'x' } },
  events: [
    {
      event: 'Order Completed',
      occurred_at: '2026-02-01T00:00:00Z',
      properties: { 'Total Amount': 5, cart: { size: 2 } },
    },
  ],
};

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await insertRecords(pool, 'acme', [person, { ...person, email: 'b@example.com' }]);
  known = await loadKnown(pool, 'acme', { event: ['Order Completed', 'order completed'] });
});

const lint = (filter: unknown) => lintKnown(parseFilter(filter), known);
const found = (filter: unknown): string[] => lint(filter).map(({ code, hint }) => `${code}: ${hint}`);
const matches = (filter: unknown) => compilePredicate(parseFilter(filter), momentOf(now))(person);
const v = (name: string) => ({ var: name });
const where = (clause: unknown) => ({ did: { event: 'Order Completed', where: clause } });

it.each<[unknown, string]>([
  [{ exists: v('custom:app') }, 'trait_never_sent: did you mean `custom:App`?'],
  [{ exists: v('custom:plan') }, 'trait_never_sent: did you mean `custom:custom:plan`?'],
  [{ exists: v('custom:orders.0.sku') }, 'trait_never_sent: did you mean `custom:/orders/0/sku`?'],
  [{ exists: v('custom:address.city') }, 'trait_never_sent: did you mean `custom:/address/city`?'],
  [{ exists: v('custom:/Address/city') }, 'trait_never_sent: did you mean `custom:/address/city`?'],
  [{ exists: v('custom:Email') }, 'trait_never_sent: did you mean `email`?'],
  [{ exists: v('custom:industry') }, 'trait_never_sent: did you mean `company.custom:industry`?'],
  [{ exists: v('custom:company_id') }, 'trait_never_sent: did you mean `company.company_id`?'],
  [{ exists: v('custom:shoeSizes') }, 'trait_never_sent: did you mean `custom:shoe_size`?'],
  [{ did: { event: 'order completed' } }, 'event_never_sent: did you mean `Order Completed`?'],
  [{ did: { event: 'orders_completed' } }, 'event_never_sent: did you mean `Order Completed`?'],
  [
    { did: { event: 'signed_up' } },
    'event_never_sent: send it with track; names are compared letter by letter',
  ],
  [
    where({ '>': [v('property:total_amount'), 1] }),
    'property_never_sent: did you mean `property:Total Amount`?',
  ],
  [where({ '>': [v('property:cart.size'), 1] }), 'property_never_sent: did you mean `property:/cart/size`?'],
  [where({ '>': [v('property:/Cart/size'), 1] }), 'property_never_sent: did you mean `property:/cart/size`?'],
  [
    where({ exists: v('property:occurred_at') }),
    'property_never_sent: send it with track; names are compared letter by letter',
  ],
  [{ '==': [v('custom:country'), 'Germany'] }, 'value_never_sent: did you mean "Germany\\u200b"?'],
])('%j: %s', (filter, expected) => {
  expect(found(filter)).toEqual([expected]);
});

it('a value whose letters look the same is shown with what differs', () => {
  expect(lint({ '==': [v('custom:country'), 'Germany'] })[0]?.message).toBe(
    '`country` is sent as `Germany\\u200b`, and asked for as `Germany`',
  );
});

it('lists that are asked as one value, and items between other separators, are told; the clause of the hint matches', () => {
  for (const filter of [
    { '==': [v('custom:tags'), 'vip'] },
    { in: [v('custom:tags'), ['vip', 'x']] },
    { in: ['vip', v('custom:tags')] },
    { in: [v('custom:id_like'), ['mm1,mm2,mm3']] },
    { '==': [v('custom:role'), 'admin'] },
    { in: [v('custom:role'), ['admin', 5]] },
  ]) {
    const [finding] = lint(filter);
    const [clause] = objectsIn(finding?.hint ?? '');
    expect([filter, matches(filter), matches(clause)]).toEqual([filter, false, true]);
  }
  const separators = [
    ['groups', 'vip', ';'],
    ['sources', 'web', ' ::: '],
    ['quoted', 'VIP', 'quotes'],
    ['json', 'a', 'JSON'],
  ];
  for (const [key, item, named] of separators) {
    const [finding] = lint({ has: [v(`custom:${key}`), item] });
    expect([finding?.code, finding?.message]).toEqual([
      'shape_never_matches',
      expect.stringContaining(named ?? ''),
    ]);
    expect(matches({ has: [v(`custom:${key}`), item] })).toBe(false);
  }
});

it('a property is told at its place, and asked by the name of the hint it is there', () => {
  expect(lint({ and: [where({ and: [{ '>': [v('property:total_amount'), 1] }] })] })[0]).toMatchObject({
    path: '/and/0/did/where/and/0',
    message: 'none of the latest `Order Completed` has the property `total_amount`',
  });
  expect(matches(where({ '>': [v('property:Total Amount'), 1] }))).toBe(true);
  expect(matches(where({ '>': [v('property:/cart/size'), 1] }))).toBe(true);
});

it('a save warns of the same', async () => {
  const warnings = await filterWarnings(pool, 'acme', { did: { event: 'order completed' } }, Date.parse(now));
  expect(warnings.map(({ code, path }) => `${code} ${path}`)).toEqual(['event_never_sent /filter']);
});

it('a name with another meaning is not near, and what is sent is not told', () => {
  expect(nearName('plan', ['role', 'seats'])).toBeNull();
  expect(nearName('a', ['b'])).toBeNull();
  expect(found({ and: [{ exists: v('custom:App') }, { has: [v('custom:tags'), 'vip'] }] })).toEqual([]);
  expect(found({ did: { event: 'Order Completed' } })).toEqual([]);
  expect(found(where({ '>': [v('property:/cart/size'), 1] }))).toEqual([]);
});

it('names of events come from the workspace that is asked about, each once', async () => {
  await insertRecords(pool, 'other', [
    {
      events: ['b', 'a', 'b'].map((event) => ({
        event,
        occurred_at: '2026-02-01T00:00:00Z',
        properties: {},
      })),
    },
  ]);
  expect((await loadKnown(pool, 'other', {})).events).toEqual(['a', 'b']);
  expect(known.events).toEqual(['Order Completed']);
});
