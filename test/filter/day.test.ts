import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admits, rangesOf } from '../../src/filter/admitted.js';
import { boundOfDay, boundOfInstant, dayLength, firstMoment, orderOf } from '../../src/filter/day.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { instantOf, momentOf } from '../../src/filter/time.js';
import { customers, slowFirstMoment, slowOrder } from './day-oracle.js';
import type { Side } from './day-oracle.js';

const hour = 3_600_000;
const day = 24 * hour;

/** Zones with a date near which their days begin oddly: skipped, doubled and moved midnights, skipped and doubled dates. */
const places = [
  ['UTC', '2026-03-01'],
  ['Pacific/Pago_Pago', '2026-12-05'],
  ['Pacific/Kiritimati', '2026-12-05'],
  ['Asia/Kathmandu', '2026-12-05'],
  ['America/Los_Angeles', '2026-03-08'],
  ['Europe/Berlin', '2026-10-25'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['America/Santiago', '2026-04-05'],
  ['America/Santiago', '2026-09-06'],
  ['Asia/Beirut', '2026-03-29'],
  ['Asia/Beirut', '2026-10-25'],
  ['Africa/Cairo', '2026-04-24'],
  ['Africa/Cairo', '2026-10-30'],
  ['America/Havana', '2026-03-08'],
  ['America/Havana', '2026-11-01'],
  ['Atlantic/Azores', '2026-03-29'],
  ['Atlantic/Azores', '2026-10-25'],
  ['Pacific/Apia', '2011-12-30'],
  ['Pacific/Kwajalein', '1993-08-21'],
  ['Pacific/Kwajalein', '1969-10-01'],
  // Put back from 00:01 to 23:01 of the day before, and forward from 23:30 to 00:30.
  ['America/St_Johns', '2006-10-29'],
  ['America/Toronto', '1919-03-31'],
  ['UTC+5:45', '2026-12-05'],
] as const;

const place = fc
  .tuple(fc.constantFrom(...places), fc.integer({ min: -2, max: 2 }))
  .map(([[zone, date], days]) => ({ zone, date: Date.parse(date) + days * day }));

/** Near a day's beginning, by milliseconds, quarters of an hour and days. */
const shift = fc.oneof(
  fc.constantFrom(0, -1, 1),
  fc.integer({ min: -200, max: 200 }).map((quarters) => (quarters * hour) / 4),
  fc.integer({ min: -2 * day, max: 2 * day }),
);

it('the first moment of a date is the first instant at which clocks show it, or what they show first after it', () => {
  fc.assert(
    fc.property(place, ({ zone, date }) => {
      expect(firstMoment(date, zone)).toBe(slowFirstMoment(date, zone));
    }),
    { seed: 20_261_130, numRuns: 300 },
  );
});

it('stored times compare with every bound as days and first moments do', () => {
  fc.assert(
    fc.property(place, shift, shift, fc.boolean(), ({ zone, date }, near, other, isLiteral) => {
      const instant = slowFirstMoment(date, zone) + near;
      const bound = isLiteral ? boundOfDay(date, zone) : boundOfInstant(instant, zone);
      const side: Side = isLiteral ? { day: date } : { instant };
      for (const stored of [date, date + day, date - day, instant, instant + other]) {
        const expected = Math.sign(slowOrder(customers(stored), side, zone));
        expect(orderOf(stored, stored % day === 0, bound)).toBe(expected);
      }
    }),
    { seed: 20_261_201, numRuns: 2000 },
  );
});

const operators = ['==', '!=', '<', '<=', '>', '>='] as const;

function holds(operator: (typeof operators)[number], order: number): boolean {
  return {
    '==': order === 0,
    '!=': order !== 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
  }[operator];
}

const iso = (time: number): string => new Date(time).toISOString();

describe('a comparison', () => {
  const written = fc.oneof(
    fc.record({ kind: fc.constant('at' as const), shift }),
    fc.record({ kind: fc.constant('day' as const), days: fc.integer({ min: -1, max: 1 }) }),
    fc.record({ kind: fc.constant('start_of' as const), days: fc.integer({ min: -1, max: 2 }) }),
    fc.record({ kind: fc.constant('ago' as const), days: fc.integer({ min: 0, max: 2 }) }),
  );

  it('of a customer\u0027s time takes midnight UTC as a day, of any other as an instant', () => {
    fc.assert(
      fc.property(
        place,
        written,
        shift,
        fc.integer({ min: -2, max: 2 }),
        shift,
        ({ zone, date }, time, near, days, nowShift) => {
          const begins = slowFirstMoment(date, zone);
          const moment = momentOf(begins + nowShift, zone);
          const relative = time.kind === 'start_of' || time.kind === 'ago';
          const literal =
            time.kind === 'at'
              ? { at: iso(begins + time.shift) }
              : time.kind === 'day'
                ? { at: iso(date + time.days * day).slice(0, 10) }
                : time.kind === 'start_of'
                  ? { start_of: ['day', time.days] }
                  : { ago: [time.days, 'days'] };
          const instant =
            time.kind === 'start_of'
              ? instantOf({ kind: 'start_of', unit: 'day', offset: time.days }, moment)
              : time.kind === 'ago'
                ? instantOf({ kind: 'ago', amount: time.days, unit: 'days' }, moment)
                : 0;
          const side = relative ? { instant } : customers(Date.parse(literal.at ?? ''));
          for (const stored of [date + days * day, begins + near]) {
            const user: UserRecord = {
              renewal_date: new Date(stored),
              last_seen: new Date(stored),
              custom_fields: { due: iso(stored) },
            };
            for (const operator of operators) {
              const verdict = (field: string): boolean =>
                compilePredicate(parseFilter({ [operator]: [{ var: field }, literal] }), moment)(user);
              const asDay = holds(operator, slowOrder(customers(stored), side, zone));
              expect([verdict('renewal_date'), verdict('custom:due')]).toEqual([asDay, asDay]);
              expect(verdict('last_seen')).toBe(holds(operator, slowOrder({ instant: stored }, side, zone)));
            }
          }
        },
      ),
      { seed: 20_261_202, numRuns: 600 },
    );
  });
});

function startsAt(now: string, zone: string, offset = 0): string {
  return iso(instantOf({ kind: 'start_of', unit: 'day', offset }, momentOf(now, zone)));
}

it('a period begins with its first moment: 00:00, the first of two, or what clocks show first', () => {
  expect(startsAt('2026-09-06T12:00:00Z', 'America/Santiago')).toBe('2026-09-06T04:00:00.000Z');
  expect(startsAt('2026-11-01T12:00:00Z', 'America/Havana')).toBe('2026-11-01T04:00:00.000Z');
  expect(startsAt('1919-03-31T12:00:00Z', 'America/Toronto')).toBe('1919-03-31T04:30:00.000Z');
  expect(startsAt('2011-12-31T00:00:00Z', 'Pacific/Apia', -1)).toBe('2011-12-30T10:00:00.000Z');
});

it('ranges hold exactly the times that are admitted, and do not meet', () => {
  const from = 10 * dayLength + 3_600_000;
  const admitted = {
    from,
    to: 20 * dayLength + 3_600_000,
    also: [10 * dayLength, 21 * dayLength],
    without: [11 * dayLength, 20 * dayLength],
  };
  const ranges = rangesOf(admitted);
  const ends = [from, admitted.to, ...admitted.also, ...admitted.without];
  for (const time of ends.flatMap((end) => [end - 1, end, end + 1])) {
    const holding = ranges.filter((range) => time >= range.from && time < range.to);
    expect([time, holding.length]).toEqual([time, admits(admitted, time) ? 1 : 0]);
  }
  expect(rangesOf({ from: 5, to: 5, also: [], without: [] })).toEqual([{ from: 5, to: 5 }]);
});
