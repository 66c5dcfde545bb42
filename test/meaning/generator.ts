import * as fc from 'fast-check';
import type { UserRecord } from '../../src/filter/record.js';

/**
 * Filters, dirty records and instants, drawn from one small vocabulary so that they meet often. Everything is plain
 * JSON in the shapes that callers write; nothing here knows how a reader works.
 */

/** Instants near daylight-saving changes, leap days and the ends of months, where calendar units differ from lengths. */
const instants = [
  '2026-03-29T01:30:00.000Z',
  '2026-10-25T00:30:00.000Z',
  '2024-02-29T12:00:00.000Z',
  '2026-01-31T23:59:59.999Z',
  '2025-03-09T10:00:00.000Z',
  '2026-11-21T18:00:00.000Z',
] as const;

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
] as const;

/**
 * Where days begin at odd instants: clocks that change at midnight, one that skips it or shows it twice, dates that a zone
 * skipped whole, and zones far from UTC.
 */
const oddPlaces = [
  ['America/Santiago', '2026-04-05T04:00:00.000Z'],
  ['America/Santiago', '2026-09-06T04:00:00.000Z'],
  ['Asia/Beirut', '2026-03-28T22:00:00.000Z'],
  ['Asia/Beirut', '2026-10-24T21:00:00.000Z'],
  ['Africa/Cairo', '2026-04-23T22:00:00.000Z'],
  ['Africa/Cairo', '2026-10-29T21:00:00.000Z'],
  ['America/Havana', '2026-03-08T05:00:00.000Z'],
  ['America/Havana', '2026-11-01T05:00:00.000Z'],
  ['Atlantic/Azores', '2026-03-29T01:00:00.000Z'],
  ['Atlantic/Azores', '2026-10-25T01:00:00.000Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00.000Z'],
  ['Pacific/Kwajalein', '1993-08-21T12:00:00.000Z'],
  ['America/Los_Angeles', '2026-11-21T08:00:00.000Z'],
  ['Asia/Tokyo', '2026-11-21T15:00:00.000Z'],
  ['Pacific/Kiritimati', '2026-11-21T10:00:00.000Z'],
  ['Pacific/Pago_Pago', '2026-11-21T11:00:00.000Z'],
] as const;

const hour = 3_600_000;

export const momentArbitrary = fc.oneof(
  { weight: 1, arbitrary: fc.record({ now: fc.constantFrom(...instants), zone: fc.constantFrom(...zones) }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...oddPlaces),
        fc.constantFrom(0, -1, 1, hour, -hour, hour / 2, 12 * hour, -13 * hour, 25 * hour),
      )
      .map(([[zone, at], shift]) => ({ now: new Date(Date.parse(at) + shift).toISOString(), zone })),
  },
);

const keys = [
  'role',
  'plan',
  'seats',
  'tags',
  'when',
  'flags',
  'nested',
  'a.b',
  'a/b',
  '__proto__',
  'constructor',
  'toString',
  "it's",
  'say "hi"',
  'back\\slash',
  'ключ',
  '😀',
  '$1',
] as const;

const texts = [
  '',
  ' ',
  'a',
  'admin',
  'Admin',
  'ADMIN',
  'owner',
  'adm',
  '10',
  '9',
  '1e3',
  '007',
  '-0',
  'NaN',
  'Infinity',
  'true',
  'null',
  'a,b',
  'beta, admin ,10',
  ',',
  '%',
  '_',
  'a_min',
  '\\',
  "x'); DROP TABLE end_users; --",
  '\u{1F600}',
  '\uFB00',
  '\uE000',
  'é',
  'e\u0301',
  'İ',
  'ΑΣ',
] as const;

const times = [
  '2026-11-21',
  '2026-11-21T18:00',
  '2026-11-21T18:00:00Z',
  '2026-11-21T18:00:00.000Z',
  '2026-11-21T18:00:00.0009Z',
  '2026-11-21T17:59:59.999Z',
  '2026-11-21T18:00:00.001+00:00',
  '2026-11-21T23:45:00+05:45',
  '2026-10-22T18:00:00Z',
  '2026-10-22T17:00:00Z',
  '2024-02-29',
  '2026-03-28T01:30:00Z',
  '2026-03-28T02:30:00+01:00',
  '2026-10-24T00:30:00Z',
  '2026-10-25T01:30:00+02:00',
  '2026-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '1969-12-31T23:59:59.9999Z',
  // Days, and the instants at which they begin in some zone.
  '2026-11-21T00:00:00Z',
  '2026-11-22',
  '2026-11-22T02:00:00+02:00',
  '2026-11-21T08:00:00Z',
  '2026-11-20T15:00:00Z',
  '2026-11-01T00:00:00Z',
  '2026-11-01T04:00:00Z',
  '2026-10-25T00:00:00.0009Z',
  '2026-09-06',
  '2026-03-29',
  '2011-12-30T00:00:00Z',
  '2011-12-31T00:00:00Z',
  '2011-12-30T10:00:00Z',
  '1993-08-21',
  '9999-12-31',
] as const;

const notTimes = [
  '2025-02-30',
  '1900-02-29',
  '2026-13-01',
  '2026-00-10',
  '2026-1-1',
  '2026-11-21 18:00:00',
  '2026-11-21T24:00:00Z',
  '2026-11-21T18:60:00Z',
  '2026-11-21T18:00:60Z',
  '2026-11-21T18:00:00z',
  '2026-11-21T18:00:00+16:00',
  '2026-11-21T18:00:00+0100',
  '2026-11-21T18Z',
  '2026-11-21Z',
  '2026-11-21T18:00:00.Z',
  '0000-01-01',
  '10000-01-01',
  '0001-01-01T00:00:00+01:00',
  '9999-12-31T23:59:59-01:00',
  'infinity',
  'now',
  'yesterday',
  'epoch',
  ' 2026-11-21',
  '2026-11-21\n',
  '２０２６-11-21',
] as const;

const numbers = [
  0, -0, 1, 2, 9, 10, 10.5, -1, 3, 30, 1000, 0.1, 1e-7, 5e-324, 9007199254740991, -9007199254740991,
  1700000000,
] as const;

/** Whole numbers past 2^53, which a literal may not be and a stored value may. */
const hugeNumbers = [1e21, 1e308, -1e308] as const;

const textArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...texts) },
  { weight: 2, arbitrary: fc.constantFrom(...times) },
  { weight: 1, arbitrary: fc.constantFrom(...notTimes) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')),
  },
);

const scalarArbitrary = fc.oneof(
  { weight: 5, arbitrary: textArbitrary },
  { weight: 4, arbitrary: fc.constantFrom(...numbers) },
  { weight: 2, arbitrary: fc.boolean() },
);

/** What real trait values look like after years of clients: every JSON type under every key. */
const dirtyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: scalarArbitrary },
  { weight: 2, arbitrary: fc.constantFrom(...times) },
  { weight: 2, arbitrary: fc.constantFrom(...notTimes) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(...hugeNumbers) },
  {
    weight: 2,
    arbitrary: fc.array(
      fc.oneof(scalarArbitrary, fc.constant(null), fc.constant([]), fc.constant({ a: 1 })),
      { maxLength: 4 },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      {},
      { a: 'admin' },
      { a: { b: 10 } },
      { a: [{ b: 'admin' }, 'owner', 10] },
      { '0': 'admin', '01': 'owner', '-1': 10, '-': true },
      { '': 'admin', 'x/y': 'owner', 'm~n': 10 },
      { b: '2026-11-21T18:00:00Z', c: ['10', 10, true, null] },
      ['admin', ['owner'], { b: 'admin' }],
    ),
  },
);

const columnTime = fc.option(
  fc.constantFrom(...times.filter((time) => time.includes('T') && time.length > 16)),
  { nil: null },
);
/** Customers send dates and times alike; what Muster keeps itself falls on midnight by chance only. */
const customerTime = fc.option(
  fc.oneof(
    fc.constantFrom(...times.filter((time) => time.length === 10 || time.includes('T00:00:00'))),
    fc.constantFrom(...times.filter((time) => time.length > 16)),
  ),
  { nil: null },
);
const columnText = fc.option(fc.constantFrom(...texts), { nil: null });

const columnsArbitrary = {
  name: columnText,
  signed_up_at: customerTime,
  renewal_status: fc.option(fc.constantFrom('at_risk', 'renewed', 'lost', ''), { nil: null }),
  renewal_date: customerTime,
  contract_term: fc.option(fc.constantFrom('monthly', 'annual'), { nil: null }),
  payment_terms: fc.option(fc.constantFrom('monthly', 'annual'), { nil: null }),
  on_contract: fc.option(fc.boolean(), { nil: null }),
  created_at: fc.constantFrom(
    '2026-11-21T18:00:00.000Z',
    '2026-10-22T18:00:00.000Z',
    '2025-01-01T00:00:00.000Z',
    '2026-11-21T00:00:00.000Z',
  ),
  updated_at: fc.constantFrom('2026-11-21T18:00:00.000Z', '2026-10-22T18:00:00.000Z'),
  first_seen: columnTime,
  last_seen: columnTime,
  last_contacted_at: columnTime,
  custom_fields: fc.array(fc.tuple(fc.constantFrom(...keys), dirtyValue), { maxLength: 12 }).map((entries) =>
    // `fromEntries` defines, so that `__proto__` becomes an own key, as it does in parsed JSON.
    Object.fromEntries(entries),
  ),
};

const eventNames = ['opened', 'trial_started', '__proto__', "it's", 'say "hi"', 'ключ', ' '] as const;

/** Before and after the moments that filters are asked at, at the edges of windows and of months, and long ago. */
const eventTimes = [
  // Few months: each is a partition, and the planner looks at every one.
  ...instants.filter((instant) => /^20(?:24-02|26-(?:03|1))/.test(instant)),
  ...times.filter((time) => /^2026-(?:03|1).*T.*[Z0-9]$/.test(time)),
  '2026-11-21T18:00:00.000999Z',
  '2026-11-07T18:00:00.000Z',
  '2026-11-07T17:59:59.999999Z',
  '2026-11-20T18:00:00Z',
  '2026-11-01T00:00:00Z',
  '2026-10-31T23:59:59.999999Z',
  '2026-03-28T00:30:00Z',
  '2026-03-01T00:00:00Z',
] as const;

const eventArbitrary = fc.record({
  event: fc.constantFrom(...eventNames),
  occurred_at: fc.constantFrom(...eventTimes),
  properties: fc
    .array(fc.tuple(fc.constantFrom(...keys), dirtyValue), { maxLength: 5 })
    .map((entries) => Object.fromEntries(entries)),
});

/** `count` dirty users of one workspace; about a third share one of three companies. */
export function recordsOf(seed: number, count: number): UserRecord[] {
  const companies = fc
    .sample(fc.record(columnsArbitrary), { seed, numRuns: 3 })
    .map((company, index) => ({ ...company, company_id: `company-${index}` }));
  const users = fc.sample(
    fc.record({
      ...columnsArbitrary,
      email: columnText,
      company: fc.option(fc.constantFrom(...companies), { nil: null, freq: 1 }),
      events: fc.array(eventArbitrary, { maxLength: 8 }),
    }),
    { seed: seed + 1, numRuns: count },
  );
  return users.map((user, index) => ({
    ...user,
    user_id: index % 10 === 9 ? null : `user-${index}`,
    anonymous_id: index % 10 === 9 ? `visitor-${index}` : null,
  }));
}

const unit = fc.constantFrom('minutes', 'hours', 'days', 'weeks', 'months');
const amount = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(0, 1, 30, 100_000));
const timeArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(amount, unit).map((ago) => ({ ago })) },
  { weight: 2, arbitrary: fc.tuple(amount, unit).map((from_now) => ({ from_now })) },
  { weight: 2, arbitrary: fc.constantFrom(...times).map((at) => ({ at })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('day', 'week', 'month', 'quarter', 'year'), fc.integer({ min: -14, max: 3 }))
      .map((start_of) => ({ start_of })),
  },
);

const prefix = fc.constantFrom('', '', '', 'company.');
const customField = fc
  .tuple(
    prefix,
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...keys).map((key) => `custom:${key}`) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          'custom:/nested/a',
          'custom:/nested/a/b',
          'custom:/nested/a/0/b',
          'custom:/nested/0',
          'custom:/nested/01',
          'custom:/nested/-1',
          'custom:/nested/-',
          'custom:/nested/',
          'custom:/nested/x~1y',
          'custom:/nested/m~0n',
          'custom:/nested/c/1',
          'custom:/tags/0',
          'custom:/tags/1',
          'custom:/tags/99999999999999999999',
          'custom:/role',
          'custom:/a~1b',
          'custom:/__proto__',
          'custom:/constructor/name',
          'custom:/',
        ),
      },
    ),
  )
  .map(([before, field]) => before + field);
const textColumn = fc.oneof(
  fc.constantFrom('user_id', 'name', 'email', 'renewal_status', 'contract_term', 'payment_terms'),
  fc.constantFrom('company.name', 'company.company_id', 'company.renewal_status'),
);
const timeColumn = fc
  .tuple(
    prefix,
    fc.constantFrom(
      'signed_up_at',
      'renewal_date',
      'created_at',
      'updated_at',
      'first_seen',
      'last_seen',
      'last_contacted_at',
    ),
  )
  .map(([before, field]) => before + field);
const daysField = prefix.map((before) => `${before}days_since_signup`);

const variable = (field: string): unknown => ({ var: field });
const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');
const lowered = fc
  .tuple(fc.oneof(customField, textColumn), fc.boolean())
  .map(([field, lower]) => (lower ? { lower: variable(field) } : variable(field)));

const compareLeaf = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(comparison, lowered, textArbitrary)
      .map(([op, subject, text]) => ({ [op]: [subject, text] })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(comparison, customField, fc.constantFrom(...numbers))
      .map(([op, f, n]) => ({ [op]: [variable(f), n] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        equality,
        fc.oneof(customField, fc.constantFrom('on_contract', 'company.on_contract')),
        fc.boolean(),
      )
      .map(([op, f, b]) => ({ [op]: [variable(f), b] })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(comparison, fc.oneof(customField, timeColumn), timeArbitrary)
      .map(([op, f, t]) => ({ [op]: [variable(f), t] })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(comparison, timeColumn, fc.constantFrom(...times))
      .map(([op, f, t]) => ({ [op]: [variable(f), t] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        comparison,
        daysField,
        fc.constantFrom(0, 1, 2.5, 29, 30, 31, -1, 690, 1e9, -9007199254740991, 700000),
      )
      .map(([op, f, n]) => ({ [op]: [variable(f), n] })),
  },
);

const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.array(item, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.array(item, { minLength: 70, maxLength: 90 }) },
  );

const inLeaf = fc.oneof(
  fc
    .tuple(
      customField,
      list(fc.oneof({ weight: 5, arbitrary: scalarArbitrary }, { weight: 1, arbitrary: timeArbitrary })),
    )
    .map(([f, items]) => ({ in: [variable(f), items] })),
  fc.tuple(lowered, list(textArbitrary)).map(([subject, items]) => ({ in: [subject, items] })),
  fc.tuple(timeColumn, list(timeArbitrary)).map(([f, items]) => ({ in: [variable(f), items] })),
  fc
    .tuple(daysField, list(fc.constantFrom(0, 1, 30, 29, 2.5, 690, -9007199254740991)))
    .map(([f, items]) => ({ in: [variable(f), items] })),
  fc
    .tuple(textArbitrary, fc.oneof(customField, textColumn))
    .map(([text, f]) => ({ in: [text, variable(f)] })),
);

const betweenLeaf = fc.oneof(
  fc
    .tuple(customField, fc.constantFrom(...numbers), fc.constantFrom(...numbers))
    .map(([f, low, high]) => ({ between: [variable(f), low, high] })),
  fc
    .tuple(lowered, textArbitrary, textArbitrary)
    .map(([subject, low, high]) => ({ between: [subject, low, high] })),
  fc
    .tuple(fc.oneof(customField, timeColumn), timeArbitrary, timeArbitrary)
    .map(([f, low, high]) => ({ between: [variable(f), low, high] })),
  fc
    .tuple(daysField, fc.constantFrom(-1, 0, 0.5, 30), fc.constantFrom(0, 29.5, 30, 1e9))
    .map(([f, low, high]) => ({ between: [variable(f), low, high] })),
);

const textLeaf = fc
  .tuple(fc.constantFrom('contains', 'starts_with', 'ends_with'), lowered, textArbitrary)
  .map(([op, subject, text]) => ({ [op]: [subject, text] }));

const hasLeaf = fc.oneof(
  fc.tuple(customField, scalarArbitrary).map(([f, item]) => ({ has: [variable(f), item] })),
  fc
    .tuple(fc.constantFrom('has_any', 'has_all'), customField, list(scalarArbitrary))
    .map(([op, f, items]) => ({ [op]: [variable(f), items] })),
  fc
    .tuple(fc.constantFrom('name', 'email', 'company.name'), textArbitrary)
    .map(([f, item]) => ({ has: [variable(f), item] })),
);

const presenceLeaf = fc
  .tuple(
    fc.constantFrom('exists', 'missing'),
    fc.oneof(
      customField,
      textColumn,
      timeColumn,
      daysField,
      fc.constantFrom('on_contract', 'company.on_contract'),
    ),
  )
  .map(([op, f]) => ({ [op]: variable(f) }));

const percentLeaf = fc
  .tuple(fc.constantFrom('', 'salt', 'é:'), fc.constantFrom(0, 10, 33.3), fc.constantFrom(50, 66.7, 100))
  .map((operands) => ({ percent: operands }));

/** The same condition about an event: every field becomes a property. */
function aboutProperties(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(aboutProperties);
  if (typeof document !== 'object' || document === null) return document;
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [
      key,
      key === 'var'
        ? `property:${String(value).replace(/^(?:company\.)?(?:custom:)?/, '')}`
        : aboutProperties(value),
    ]),
  );
}

const propertyLeaf = fc
  .oneof(compareLeaf, compareLeaf, inLeaf, betweenLeaf, textLeaf, hasLeaf, presenceLeaf)
  .map(aboutProperties);

const whereArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: propertyLeaf },
  { weight: 1, arbitrary: fc.constant({ everyone: true }) },
  { weight: 2, arbitrary: propertyLeaf.map((operand) => ({ '!': operand })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('and', 'or'),
        fc.array(propertyLeaf, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
      )
      .map(([op, operands, negated]) => (negated ? { '!': { [op]: operands } } : { [op]: operands })),
  },
);

const didLeaf = fc
  .record(
    {
      event: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...eventNames) },
        fc.constant('nobody does this'),
      ),
      count: fc.tuple(comparison, fc.constantFrom(0, 0, 1, 1, 2, 3, 9007199254740991)),
      within: fc.tuple(amount, unit),
      where: whereArbitrary,
    },
    { requiredKeys: ['event'] },
  )
  .map((operands) => ({ did: operands }));

const plainLeaf: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: didLeaf },
  { weight: 8, arbitrary: compareLeaf },
  { weight: 3, arbitrary: inLeaf },
  { weight: 3, arbitrary: betweenLeaf },
  { weight: 3, arbitrary: textLeaf },
  { weight: 3, arbitrary: hasLeaf },
  { weight: 2, arbitrary: presenceLeaf },
  { weight: 1, arbitrary: percentLeaf },
  { weight: 1, arbitrary: fc.constant({ everyone: true }) },
);

/** Filters as callers write them, three levels deep at most: depth finds no faults that breadth does not. */
function filtersOf(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 5, arbitrary: leaf },
      { weight: 2, arbitrary: fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((and) => ({ and })) },
      { weight: 2, arbitrary: fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((or) => ({ or })) },
      { weight: 2, arbitrary: tie('node').map((operand) => ({ '!': operand })) },
    ),
  })).node;
}

const segmentLeaf = (saved: readonly string[]): fc.Arbitrary<unknown> =>
  fc.constantFrom(...saved).map((key) => ({ segment: key }));

/** What `segment` may name: twelve plain filters, and six in which some of those stand. */
export const savedSegments: ReadonlyMap<string, unknown> = (() => {
  const plain = fc.sample(filtersOf(plainLeaf), { seed: 7, numRuns: 12 });
  const saved = new Map<string, unknown>(plain.map((filter, at) => [`plain-${at}`, filter]));
  const around = filtersOf(
    fc.oneof({ weight: 1, arbitrary: plainLeaf }, { weight: 2, arbitrary: segmentLeaf([...saved.keys()]) }),
  );
  fc.sample(around, { seed: 8, numRuns: 6 }).forEach((filter, at) => saved.set(`around-${at}`, filter));
  return saved;
})();

export const filterArbitrary = filtersOf(
  fc.oneof(
    { weight: 12, arbitrary: plainLeaf },
    { weight: 1, arbitrary: segmentLeaf([...savedSegments.keys()]) },
  ),
);
