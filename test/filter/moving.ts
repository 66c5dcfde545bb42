import * as fc from 'fast-check';
import type { UserRecord } from '../../src/filter/record.js';

/** Filters whose verdicts move with the clock, and people near whose times they move, around the end of summer time. */

export const movingZone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Los_Angeles',
  'Asia/Beirut',
  'Africa/Cairo',
  'America/Havana',
  'Atlantic/Azores',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
);

const halfHour = 1_800_000;
/** Twenty-five days from a beginning on, by half hours. */
const instantFrom = (start: string): fc.Arbitrary<string> =>
  fc
    .integer({ min: 0, max: 1200 })
    .map((steps) => new Date(Date.parse(start) + steps * halfHour).toISOString());

const length = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 14 }), fc.constantFrom('days', 'days', 'weeks')),
  fc.tuple(fc.integer({ min: 0, max: 72 }), fc.constantFrom('hours')),
  fc.tuple(fc.integer({ min: 0, max: 1 }), fc.constantFrom('months')),
);
const time = fc.oneof(
  { weight: 3, arbitrary: length.map((ago) => ({ ago })) },
  { weight: 2, arbitrary: length.map((later) => ({ from_now: later })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('day', 'week', 'month'), fc.integer({ min: -2, max: 2 }))
      .map((of) => ({ start_of: of })),
  },
);
const field = fc.constantFrom(
  'signed_up_at',
  'last_seen',
  'renewal_date',
  'custom:due',
  'company.renewal_date',
);
const variable = (name: string): unknown => ({ var: name });
const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(comparison, field, time).map(([op, name, at]) => ({ [op]: [variable(name), at] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(field, time, time)
      .map(([name, low, high]) => ({ between: [variable(name), low, high] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(comparison, fc.integer({ min: -3, max: 30 }))
      .map(([op, days]) => ({ [op]: [variable('days_since_signup'), days] })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('opened', 'paid'),
        comparison,
        fc.integer({ min: 0, max: 3 }),
        fc.option(length),
        fc.option(time, { freq: 4 }),
      )
      .map(([event, op, count, within, due]) => ({
        did: {
          event,
          count: [op, count],
          ...(within === null ? {} : { within }),
          ...(due === null ? {} : { where: { '<=': [variable('property:due'), due] } }),
        },
      })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('admin', 'owner').map((role) => ({ '==': [variable('custom:role'), role] })),
  },
);

export const movingFilter: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: fc.array(tie('node'), { minLength: 2, maxLength: 3 }).map((and) => ({ and })) },
    { weight: 2, arbitrary: fc.array(tie('node'), { minLength: 2, maxLength: 3 }).map((or) => ({ or })) },
    { weight: 1, arbitrary: tie('node').map((operand) => ({ '!': operand })) },
  ),
})).node;

/** The parts of a person that somebody may change. Customers send days as often as instants. */
export const movingParts = (start: string) => {
  const instant = instantFrom(start);
  const day = fc
    .integer({ min: 0, max: 25 })
    .map((days) => new Date(Date.parse(start) + days * 48 * halfHour).toISOString());
  const maybe = fc.option(fc.oneof(instant, day), { nil: undefined, freq: 5 });
  return {
    signed_up_at: maybe,
    created_at: instant,
    last_seen: maybe,
    renewal_date: maybe,
    custom_fields: fc.record({ role: fc.constantFrom('admin', 'owner', 'viewer'), due: maybe }),
    company: fc.option(fc.record({ company_id: fc.constantFrom('c1', 'c2'), renewal_date: maybe })),
    event: fc.record({
      event: fc.constantFrom('opened', 'paid'),
      occurred_at: instant,
      properties: fc.record({ due: maybe }),
    }),
  };
};

export const movingPersonFrom = (start: string): fc.Arbitrary<UserRecord> => {
  const { event, ...parts } = movingParts(start);
  return fc.record({ ...parts, events: fc.array(event, { maxLength: 5 }) });
};

export const movingPerson = movingPersonFrom('2026-10-10T00:00:00Z');
