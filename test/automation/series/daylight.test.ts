import * as fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, test } from 'vitest';
import { advance } from '../../../src/automation/series/advance.js';
import { entryInstant, nextScheduled } from '../../../src/automation/series/triggers.js';
import type { DateTrigger } from '../../../src/automation/series/triggers.js';
import type { Unit } from '../../../src/filter/time.js';
import { instantAt, later, occurrencesOf, wallAt } from '../../../src/automation/series/wall-clock.js';
import { active, at, enter, factsOf, hello, iso, seriesOf } from './facts.js';

/** When a wait that began is over, in a zone. */
function wakeOf(step: Record<string, unknown>, since: string, zone: string): string | null {
  const series = seriesOf([step, hello]);
  return iso(advance(series, active('s1', at(since)), factsOf({ zone }), at(since)).wakeAt);
}

const daily = (time: string): Record<string, unknown> => ({ type: 'wait_until_time', at: time });
const days = (amount: number): Record<string, unknown> => ({ type: 'wait', for: [amount, 'days'] });

test.each([
  // The clock goes from 02:00 to 03:00.
  ['Europe/Berlin', '02:30', '2026-03-28T23:00:00Z', '2026-03-29T01:00:00.000Z'],
  ['America/New_York', '02:30', '2026-03-08T05:00:00Z', '2026-03-08T07:00:00.000Z'],
  // By half an hour, from 02:00 to 02:30.
  ['Australia/Lord_Howe', '02:15', '2026-10-03T12:00:00Z', '2026-10-03T15:30:00.000Z'],
  // From midnight to 01:00, so that the day has no midnight.
  ['America/Santiago', '00:00', '2026-09-05T12:00:00Z', '2026-09-06T04:00:00.000Z'],
  ['America/Santiago', '00:30', '2026-09-05T12:00:00Z', '2026-09-06T04:00:00.000Z'],
  ['Asia/Beirut', '00:00', '2026-03-28T12:00:00Z', '2026-03-28T22:00:00.000Z'],
])('in %s a %s that is skipped is the next valid minute', (zone, time, since, expected) => {
  expect(wakeOf(daily(time), since, zone)).toBe(expected);
});

test.each([
  ['Europe/Berlin', '02:30', '2026-10-24T22:00:00Z', '2026-10-25T00:30:00.000Z'],
  ['America/New_York', '01:30', '2026-11-01T04:00:00Z', '2026-11-01T05:30:00.000Z'],
  ['Australia/Lord_Howe', '01:45', '2026-04-04T12:00:00Z', '2026-04-04T14:45:00.000Z'],
  ['America/Santiago', '23:30', '2026-04-05T00:00:00Z', '2026-04-05T02:30:00.000Z'],
])('in %s a %s that is shown twice is the first', (zone, time, since, expected) => {
  expect(wakeOf(daily(time), since, zone)).toBe(expected);
});

test('who arrives between the two waits for the next day, and so does who arrives in that very minute', () => {
  expect(wakeOf(daily('02:30'), '2026-10-25T01:00:00Z', 'Europe/Berlin')).toBe('2026-10-26T01:30:00.000Z');
  expect(wakeOf(daily('09:00'), '2026-06-01T09:00:00Z', 'UTC')).toBe('2026-06-02T09:00:00.000Z');
  expect(wakeOf(daily('09:00'), '2026-06-01T08:59:59.999Z', 'UTC')).toBe('2026-06-01T09:00:00.000Z');
});

test('days are weekdays of the wall clock, and a date that a zone skipped is none', () => {
  const fridays = { ...daily('10:00'), days: ['fri'] };
  expect(wakeOf(fridays, '2026-06-01T00:00:00Z', 'UTC')).toBe('2026-06-05T10:00:00.000Z');
  // Friday in Auckland is still Thursday in UTC.
  expect(wakeOf(fridays, '2026-06-01T00:00:00Z', 'Pacific/Auckland')).toBe('2026-06-04T22:00:00.000Z');
  // Samoa went from Thursday 29 to Saturday 31 December 2011.
  expect(wakeOf(fridays, '2011-12-29T20:00:00Z', 'Pacific/Apia')).toBe('2012-01-05T20:00:00.000Z');
});

test('a wait of days keeps the wall clock, one of hours does not', () => {
  const zone = 'Europe/Berlin';
  expect(wakeOf(days(1), '2026-03-28T08:00:00Z', zone)).toBe('2026-03-29T07:00:00.000Z');
  expect(wakeOf({ type: 'wait', for: [24, 'hours'] }, '2026-03-28T08:00:00Z', zone)).toBe(
    '2026-03-29T08:00:00.000Z',
  );
  expect(wakeOf(days(1), '2026-03-28T01:30:00Z', zone)).toBe('2026-03-29T01:00:00.000Z');
  // From the second 02:30 of a night to the first of the next is a day, not less.
  expect(wakeOf(days(1), '2026-10-25T01:30:00Z', zone)).toBe('2026-10-26T01:30:00.000Z');
  expect(wakeOf({ type: 'wait', for: [11, 'months'] }, '2025-11-25T01:30:00Z', zone)).toBe(
    '2026-10-25T00:30:00.000Z',
  );
  expect(wakeOf({ type: 'wait', for: [1, 'months'] }, '2026-01-31T12:00:00Z', 'UTC')).toBe(
    '2026-02-28T12:00:00.000Z',
  );
  expect(wakeOf({ type: 'wait', for: [2, 'weeks'] }, '2026-10-20T08:00:00Z', zone)).toBe(
    '2026-11-03T09:00:00.000Z',
  );
});

test('a zone that changes while somebody waits moves the wait, to now where it is past', () => {
  const series = seriesOf([daily('09:00'), hello]);
  const since = at('2026-06-01T18:00:00Z');
  const asked = (zone: string, now: string): unknown => {
    const { state, wakeAt } = advance(series, active('s1', since), factsOf({ zone }), at(now));
    return [state.status === 'active' ? state.step : state.status, iso(wakeAt)];
  };
  expect(asked('Europe/Berlin', '2026-06-01T19:00:00Z')).toEqual(['s1', '2026-06-02T07:00:00.000Z']);
  expect(asked('America/New_York', '2026-06-01T19:00:00Z')).toEqual(['s1', '2026-06-02T13:00:00.000Z']);
  // In Tokyo it was nine two hours ago.
  expect(asked('Asia/Tokyo', '2026-06-02T02:00:00Z')).toEqual(['s2', '2026-06-02T02:00:00.000Z']);
});

test.each([
  ['a wait of days', days(3), true],
  ['a wait of hours', { type: 'wait', for: [3, 'hours'] }, false],
  ['a time of day of the person', daily('09:00'), true],
  ['a time of day of the workspace', { ...daily('09:00'), zone: 'workspace' }, false],
])('%s listens where a zone can move it', (_, step, listens) => {
  const move = enter(seriesOf([step, hello]), factsOf(), at('2026-06-01T00:00:00Z'));
  expect(move.listens).toBe(listens);
});

test('a person without a zone has that of the workspace, a workspace without one UTC', () => {
  const series = seriesOf([daily('09:00'), hello]);
  const asked = (zone: string, workspaceZone: string): string | null =>
    iso(enter(series, factsOf({ zone, workspaceZone }), at('2026-06-01T00:00:00Z')).wakeAt);
  expect(asked('Nowhere/None', 'Europe/Berlin')).toBe('2026-06-01T07:00:00.000Z');
  expect(asked('', 'Nowhere/None')).toBe('2026-06-01T09:00:00.000Z');
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Asia/Beirut',
  'Pacific/Apia',
  'Africa/Monrovia',
];

test('where daylight saving is not met, a length is what luxon makes of it', () => {
  const units: readonly Unit[] = ['minutes', 'hours', 'days', 'weeks', 'months'];
  fc.assert(
    fc.property(
      fc.integer({ min: at('1971-01-01T00:00:00Z'), max: at('2037-12-31T00:00:00Z') }),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom(...units),
      fc.constantFrom(...zones),
      (instant, amount, unit, zone) => {
        const by = DateTime.fromMillis(instant, { zone }).plus({ [unit]: amount });
        const found = later(instant, { amount, unit }, zone);
        const wall = by.toMillis() + by.offset * 60_000;
        // Elsewhere the two agree to the millisecond; where the wall time is skipped or doubled ours has a rule of its own.
        const isPlain = by.getPossibleOffsets().length === 1 && keepsClock(instant, by, unit);
        expect(isPlain ? found : wallAt(found, zone) >= wall - 3_600_000 * 24).toBe(
          isPlain ? by.toMillis() : true,
        );
      },
    ),
    { seed: 20_260_801, numRuns: 5000 },
  );
});

/** Whether the sum shows the time of day that it began with, as it does unless that is skipped. */
function keepsClock(instant: number, sum: DateTime, unit: Unit): boolean {
  if (unit === 'minutes' || unit === 'hours') return true;
  const { hour, minute } = DateTime.fromMillis(instant, { zone: sum.zoneName ?? 'UTC' });
  return hour === sum.hour && minute === sum.minute;
}

test('every instant is one of those that show its wall time, and the first of them is chosen', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: at('1971-01-01T00:00:00Z'), max: at('2037-12-31T00:00:00Z') }),
      fc.constantFrom(...zones),
      (instant, zone) => {
        const wall = wallAt(instant, zone);
        expect(occurrencesOf(wall, zone)).toContain(instant);
        expect(instantAt(wall, zone)).toBe(Math.min(...occurrencesOf(wall, zone)));
      },
    ),
    { seed: 20_260_801, numRuns: 5000 },
  );
});

const renewal: DateTrigger = {
  type: 'date',
  field: { kind: 'column', entity: 'user', name: 'renewal_date', type: 'time' },
  offset: { amount: -3, unit: 'days' },
  at: 150,
  zone: 'person',
};

test.each([
  [
    'a date without a time is that day in every zone',
    '2026-06-10',
    'America/New_York',
    '2026-06-07T06:30:00.000Z',
  ],
  ['and in a zone that is ahead', '2026-06-10', 'Asia/Tokyo', '2026-06-06T17:30:00.000Z'],
  [
    'a date with a time is the day that it falls on in the zone',
    '2026-06-10T20:00:00Z',
    'Asia/Tokyo',
    '2026-06-07T17:30:00.000Z',
  ],
  ['a 02:30 that is skipped is 03:00', '2026-04-01', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'],
  ['a 02:30 that is shown twice is the first', '2026-10-28', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
  ['a missing date lets nobody in', null, 'UTC', null],
  ['nor does one that is none', 'soon', 'UTC', null],
])('%s', (_, date, zone, expected) => {
  expect(iso(entryInstant(renewal, { renewal_date: date }, zone))).toBe(expected);
});

test('months of a date clamp to the last day', () => {
  const monthly: DateTrigger = { ...renewal, offset: { amount: -1, unit: 'months' }, at: 540 };
  expect(iso(entryInstant(monthly, { renewal_date: new Date('2026-03-31') }, 'UTC'))).toBe(
    '2026-02-28T09:00:00.000Z',
  );
});

test.each([
  ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
  ['30 2 * * *', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00.000Z'],
  ['30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00.000Z'],
  ['30 2 * * *', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00.000Z'],
  ['0 9 * * 1', '2026-10-24T12:00:00Z', '2026-10-26T08:00:00.000Z'],
  ['0 0 29 2 *', '2026-10-24T12:00:00Z', '2028-02-28T23:00:00.000Z'],
])('a schedule %s after %s', (cron, after, expected) => {
  const trigger = { cron, zone: null };
  expect(iso(nextScheduled(trigger, at(after), 'Europe/Berlin'))).toBe(expected);
});
