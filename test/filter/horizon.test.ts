import * as fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { explain } from '../../src/filter/explain.js';
import { verdictHorizon } from '../../src/filter/horizon/verdict.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { instantOf, momentOf } from '../../src/filter/time.js';
import type { Time } from '../../src/filter/time.js';
import type { Leaf } from '../../src/filter/tree.js';
import { customers, slowFirstMoment } from './day-oracle.js';

const hour = 3_600_000;
const day = 24 * hour;

function leafOf(document: unknown): Leaf {
  const filter = parseFilter(document);
  if (filter.kind === 'and' || filter.kind === 'or' || filter.kind === 'not') throw new Error('no leaf');
  return filter;
}

/** When the condition on `signed_up_at` turns, as ISO text. */
function turns(document: unknown, signedUpAt: string, now: string, zone = 'UTC'): string | null {
  const horizon = verdictHorizon(leafOf(document), { signed_up_at: signedUpAt }, momentOf(now, zone));
  return horizon === null ? null : new Date(horizon).toISOString();
}

const signup = { var: 'signed_up_at' };

/** The same for the beginning of this month against somebody who signed up when June 2026 began. */
function reached(operator: string, now: string): string | null {
  return turns({ [operator]: [signup, { start_of: ['month', 0] }] }, '2026-06-01T00:00:00Z', now);
}

/** The same for somebody who signed up on 1 March at noon UTC. */
function days(document: unknown, now: string): string | null {
  return turns(document, '2026-03-01T12:00:00Z', now, 'Europe/Berlin');
}

describe('when a condition turns by itself', () => {
  it('the last 30 days end one millisecond after the same wall-clock time 30 days on', () => {
    const window = { between: [signup, { ago: [30, 'days'] }, { ago: [0, 'days'] }] };
    expect(turns(window, '2026-03-01T12:00:00Z', '2026-03-05T00:00:00Z')).toBe('2026-03-31T12:00:00.001Z');
    expect(turns(window, '2026-03-01T12:00:00Z', '2026-03-05T00:00:00Z', 'Europe/Berlin')).toBe(
      '2026-03-31T11:00:00.001Z',
    );
    expect(turns(window, '2026-03-07T00:00:00Z', '2026-03-05T00:00:00Z')).toBe('2026-03-07T00:00:00.000Z');
    expect(turns(window, '2026-01-01T00:00:00Z', '2026-03-05T00:00:00Z')).toBeNull();
  });

  it('hours are lengths, whatever the zone does', () => {
    const older = { '<=': [signup, { ago: [24, 'hours'] }] };
    expect(turns(older, '2026-03-28T12:00:00Z', '2026-03-28T13:00:00Z', 'Europe/Berlin')).toBe(
      '2026-03-29T12:00:00.000Z',
    );
  });

  it('a period turns at local midnight', () => {
    const today = { '>=': [signup, { start_of: ['day', 0] }] };
    expect(turns(today, '2026-03-28T23:30:00Z', '2026-03-29T08:00:00Z', 'Europe/Berlin')).toBe(
      '2026-03-29T22:00:00.000Z',
    );
    const thisYear = { '>=': [signup, { start_of: ['year', 0] }] };
    expect(turns(thisYear, '2026-03-28T23:30:00Z', '2026-03-29T08:00:00Z')).toBe('2027-01-01T00:00:00.000Z');
  });

  it('a period is met at its beginning and left at its end', () => {
    expect(reached('<=', '2026-03-05T00:00:00Z')).toBe('2026-06-01T00:00:00.000Z');
    expect(reached('==', '2026-03-05T00:00:00Z')).toBe('2026-06-01T00:00:00.000Z');
    expect(reached('==', '2026-06-05T00:00:00Z')).toBe('2026-07-01T00:00:00.000Z');
    expect(reached('<', '2026-03-05T00:00:00Z')).toBe('2026-07-01T00:00:00.000Z');
    expect(reached('<', '2026-07-01T00:00:00Z')).toBeNull();
  });

  it('days since signup turn at whole multiples of 24 hours', () => {
    const count = { var: 'days_since_signup' };
    expect(days({ '>=': [count, 30] }, '2026-03-05T00:00:00Z')).toBe('2026-03-31T12:00:00.000Z');
    expect(days({ '>': [count, 30] }, '2026-03-05T00:00:00Z')).toBe('2026-04-01T12:00:00.000Z');
    expect(days({ '==': [count, 3] }, '2026-03-05T00:00:00Z')).toBe('2026-03-05T12:00:00.000Z');
    expect(days({ '!=': [count, 4] }, '2026-03-05T00:00:00Z')).toBe('2026-03-05T12:00:00.000Z');
    expect(days({ in: [count, [1, 9, 7]] }, '2026-03-05T00:00:00Z')).toBe('2026-03-08T12:00:00.000Z');
    expect(days({ '<': [count, 2.5] }, '2026-03-02T00:00:00Z')).toBe('2026-03-04T12:00:00.000Z');
    expect(days({ '>=': [count, 3] }, '2026-03-05T00:00:00Z')).toBeNull();
    expect(days({ exists: count }, '2026-03-05T00:00:00Z')).toBeNull();
  });

  it('nothing else turns: fixed times, other types, missing values', () => {
    const moment = momentOf('2026-03-05T00:00:00Z');
    const user: UserRecord = { signed_up_at: 'soon', custom_fields: { n: 5, t: '2026-03-04' } };
    const documents = [
      { '<': [signup, { ago: [1, 'days'] }] },
      { '<': [{ var: 'last_seen' }, { ago: [1, 'days'] }] },
      { '<': [{ var: 'custom:n' }, { ago: [1, 'days'] }] },
      { '<': [{ var: 'custom:t' }, { at: '2026-04-01' }] },
      { '==': [{ var: 'custom:n' }, 5] },
      { percent: ['s', 0, 50] },
      { everyone: true },
    ];
    expect(documents.filter((document) => verdictHorizon(leafOf(document), user, moment) !== null)).toEqual(
      [],
    );
  });

  it('a bound that can only be met after the year 9999 is never met', () => {
    expect(turns({ '<': [signup, { ago: [100_000, 'months'] }] }, '2026-01-01', '2026-03-05')).toBeNull();
    expect(
      turns({ '<': [signup, { from_now: [100_000, 'months'] }] }, '2026-01-01', '2026-03-05'),
    ).toBeNull();
  });

  it('the explanation carries it as ISO text', () => {
    const filter = parseFilter({ '<=': [signup, { ago: [1, 'days'] }] });
    const { clauses } = explain(filter, { signed_up_at: '2026-03-05' }, momentOf('2026-03-05T01:00:00Z'));
    expect(clauses[0]?.changes_at).toBe('2026-03-06T00:00:00.000Z');
  });

  it('a long list of relative times answers at its first', () => {
    const items = Array.from({ length: 300 }, (_, index) => ({ ago: [index + 2, 'hours'] }));
    expect(turns({ in: [signup, items] }, '2026-03-05', '2026-03-05T01:30:00Z')).toBe(
      '2026-03-05T02:00:00.000Z',
    );
    expect(turns({ in: [signup, items] }, '2026-03-05', '2026-03-05T03:00:00Z')).toBe(
      '2026-03-05T03:00:00.001Z',
    );
  });
});

/** Zones whose clocks move by an hour, half an hour or a whole day, by midnight, or in the southern summer. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'America/Havana',
  'Atlantic/Azores',
  'Pacific/Apia',
  'Africa/Casablanca',
  'America/St_Johns',
  'Antarctica/Troll',
  'Asia/Beirut',
  'America/Santiago',
  'Africa/Cairo',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
] as const;

/** The instants at which the zone's clock was moved, 2010 to 2026. */
function clockChanges(zone: string): number[] {
  const offset = (instant: number): number => DateTime.fromMillis(instant, { zone }).offset;
  const found: number[] = [];
  for (let from = Date.UTC(2010, 0, 1); from < Date.UTC(2026, 11, 31); from += day) {
    let [low, high] = [from, from + day];
    if (offset(low) === offset(high)) continue;
    const before = offset(low);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offset(middle) === before) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

function customersInstant(stored: number, zone: string): number {
  const side = customers(stored);
  return 'day' in side ? slowFirstMoment(side.day, zone) : side.instant;
}

/** A `now` whose bound is about the instant. */
function nowFor(time: Time, instant: number, zone: string): number {
  const at = DateTime.fromMillis(instant, { zone });
  if (time.kind === 'at') return instant;
  if (time.kind === 'start_of') return at.minus({ [`${time.unit}s`]: time.offset }).toMillis();
  const length = { [time.unit]: time.amount };
  return (time.kind === 'ago' ? at.plus(length) : at.minus(length)).toMillis();
}

describe('the horizon across changes of the clock', () => {
  const changes = zones.flatMap((zone) => clockChanges(zone).map((instant) => ({ zone, instant })));
  const monthEnds = [28, 29, 30, 31, 32].map((date) => ({
    zone: 'Europe/Berlin',
    instant: Date.UTC(2024, 0, date),
  }));

  const place = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...changes) },
    { weight: 1, arbitrary: fc.constantFrom(...monthEnds) },
  );
  const time: fc.Arbitrary<Time> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('ago', 'from_now'),
      amount: fc.constantFrom(0, 1, 2, 3, 7, 30, 90),
      unit: fc.constantFrom('hours', 'days', 'weeks', 'months'),
    }),
    fc.record({
      kind: fc.constant('start_of'),
      unit: fc.constantFrom('day', 'week', 'month', 'quarter', 'year'),
      offset: fc.integer({ min: -2, max: 2 }),
    }),
  );
  /** Milliseconds, mostly small, either way. */
  const shift = fc.oneof(
    fc.integer({ min: -3 * hour, max: 3 * hour }),
    fc.integer({ min: -hour, max: hour }),
    fc.integer({ min: -3 * day, max: 3 * day }),
    fc.integer({ min: -50, max: 50 }).map((minutes) => minutes * 30 * 60_000),
    fc.constant(0),
  );
  const trial = fc.record({
    place,
    time,
    /** Whether the bound, rather than now, lies near the change of the clock. */
    aimed: fc.boolean(),
    nowShift: shift,
    valueShift: shift,
    isDay: fc.boolean(),
    operator: fc.constantFrom('==', '!=', '<', '<=', '>', '>='),
  });

  const share = fc.double({ min: 0, max: 1, noNaN: true });

  it('the verdict is constant before it and differs at it', () => {
    let turning = 0;
    fc.assert(
      fc.property(trial, fc.array(share, { minLength: 12, maxLength: 12 }), (drawn, shares) => {
        const { zone, instant } = drawn.place;
        const now = (drawn.aimed ? nowFor(drawn.time, instant, zone) : instant) + drawn.nowShift;
        const bound = (at: number): number => instantOf(drawn.time, { now: at, zone });
        const shifted = bound(now) + drawn.valueShift;
        // Half of the values are days, which turn at their first moment.
        const stored = drawn.isDay ? Math.round(shifted / day) * day : shifted;
        const value = customersInstant(stored, zone);
        const leaf: Leaf = {
          kind: 'compare',
          path: '',
          operator: drawn.operator,
          subject: {
            field: { kind: 'column', entity: 'user', name: 'signed_up_at', type: 'time' },
            lower: false,
          },
          value: { type: 'time', value: drawn.time },
        };
        const user: UserRecord = { signed_up_at: new Date(stored) };
        const verdictAt = (at: number): boolean => compilePredicate(leaf, { now: at, zone })(user);
        const verdict = verdictAt(now);
        const horizon = verdictHorizon(leaf, user, { now, zone });
        if (horizon !== null) turning += 1;
        const turned =
          horizon === null || (verdictAt(horizon) !== verdict && verdictAt(horizon - 1) === verdict);
        expect(turned).toBe(true);
        // Where nothing turns, look at the days in which the bound would have passed the value.
        const end = horizon ?? now + 9 * day;
        const near = Math.max(now, end - 2 * day);
        const looked = shares.flatMap((part) =>
          [now + part * (end - now), near + part * (end - near)].map(Math.floor),
        );
        // `==` holds for single milliseconds, which no sampling finds: aim at them.
        const aimed = looked.map((at) => at + value - bound(at)).flatMap((at) => [at, at + 1]);
        const early = [...looked, ...aimed].filter(
          (at) => at >= now && at < end && verdictAt(at) !== verdict,
        );
        expect(early.map((at) => new Date(at).toISOString())).toEqual([]);
      }),
      { seed: 31, numRuns: 500 },
    );
    expect(turning).toBeGreaterThan(150);
  });
});
