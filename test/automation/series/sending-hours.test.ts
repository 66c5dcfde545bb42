import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { advance } from '../../../src/automation/series/advance.js';
import type { Facts } from '../../../src/automation/series/moves.js';
import { nextSendAt } from '../../../src/automation/series/sending-hours.js';
import { dateOf, minuteOf, wallAt, weekdayOf } from '../../../src/automation/series/wall-clock.js';
import { nowArbitrary } from './arbitrary.js';
import { active, at, enter, factsOf, hello, iso, seriesOf, told } from './facts.js';

const night = { from: '21:00', to: '08:00' };
const office = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' };

/** When a message that comes due at an instant may go. */
function sentAt(more: Record<string, unknown>, due: string, facts: Partial<Facts> = {}): string | null {
  return iso(enter(seriesOf([hello], more), factsOf(facts), at(due)).wakeAt);
}

test.each([
  ['before midnight', '2026-06-01T22:30:00Z', '2026-06-02T08:00:00.000Z'],
  ['after midnight', '2026-06-02T03:00:00Z', '2026-06-02T08:00:00.000Z'],
  ['as they begin', '2026-06-01T21:00:00Z', '2026-06-02T08:00:00.000Z'],
  ['just before', '2026-06-01T20:59:59.999Z', '2026-06-01T20:59:59.999Z'],
  ['as they end', '2026-06-02T08:00:00Z', '2026-06-02T08:00:00.000Z'],
])('quiet hours over midnight, %s', (_, due, expected) => {
  expect(sentAt({ quiet_hours: night }, due)).toBe(expected);
});

test('quiet hours go by the clock of the person, or of the workspace', () => {
  const facts = { zone: 'America/New_York', workspaceZone: 'Europe/Berlin' };
  const due = '2026-06-01T20:30:00Z';
  expect(sentAt({ quiet_hours: night }, due, facts)).toBe('2026-06-01T20:30:00.000Z');
  expect(sentAt({ quiet_hours: { ...night, zone: 'workspace' } }, due, facts)).toBe(
    '2026-06-02T06:00:00.000Z',
  );
});

test.each([
  ['within', '2026-06-01T12:00:00Z', '2026-06-01T12:00:00.000Z'],
  ['too early', '2026-06-01T05:00:00Z', '2026-06-01T09:00:00.000Z'],
  ['as it closes', '2026-06-01T17:00:00Z', '2026-06-02T09:00:00.000Z'],
  ['on a Friday evening', '2026-06-05T18:00:00Z', '2026-06-08T09:00:00.000Z'],
  ['on a Sunday', '2026-06-07T12:00:00Z', '2026-06-08T09:00:00.000Z'],
])('a send window of office hours, %s', (_, due, expected) => {
  expect(sentAt({ send_window: office }, due)).toBe(expected);
});

test('a window over midnight belongs to the day it begins on', () => {
  const window = { days: ['fri'], from: '22:00', to: '02:00' };
  expect(sentAt({ send_window: window }, '2026-06-06T01:59:00Z')).toBe('2026-06-06T01:59:00.000Z');
  expect(sentAt({ send_window: window }, '2026-06-06T02:00:00Z')).toBe('2026-06-12T22:00:00.000Z');
  expect(sentAt({ send_window: window }, '2026-06-05T01:00:00Z')).toBe('2026-06-05T22:00:00.000Z');
});

test('quiet hours and window hold together: the first instant that both allow', () => {
  const more = { quiet_hours: { from: '16:00', to: '10:30' }, send_window: office };
  expect(sentAt(more, '2026-06-05T16:30:00Z')).toBe('2026-06-08T10:30:00.000Z');
  expect(sentAt(more, '2026-06-05T09:30:00Z')).toBe('2026-06-05T10:30:00.000Z');
});

test('an hour that the clock repeats is quiet both times, one that it skips is never', () => {
  const zone = 'Europe/Berlin';
  const early = { quiet_hours: { from: '01:00', to: '02:30' } };
  // The first 02:30 ends them, at 03:00 the clock goes back to 02:00, and they begin again.
  expect(sentAt(early, '2026-10-25T00:00:00Z', { zone })).toBe('2026-10-25T00:30:00.000Z');
  expect(sentAt(early, '2026-10-25T01:10:00Z', { zone })).toBe('2026-10-25T01:30:00.000Z');
  const skipped = { quiet_hours: { from: '01:30', to: '02:30' } };
  expect(sentAt(skipped, '2026-03-29T00:45:00Z', { zone })).toBe('2026-03-29T01:00:00.000Z');
});

test('a deferral is told once, on arrival, and a zone that changes moves it', () => {
  const series = seriesOf([hello], { quiet_hours: night });
  const due = at('2026-06-01T22:00:00Z');
  const first = enter(series, factsOf(), due);
  expect(told(first)).toEqual(['s1 arrived', 's1 deferred 2026-06-02T08:00:00.000Z']);
  expect([first.effects, first.listens]).toEqual([[], true]);
  const second = advance(series, first.state, factsOf(), due + 60_000);
  expect([told(second), iso(second.wakeAt)]).toEqual([[], '2026-06-02T08:00:00.000Z']);
  const moved = advance(series, first.state, factsOf({ zone: 'America/New_York' }), due + 60_000);
  expect([moved.effects.length, moved.wakeAt]).toEqual([1, due + 60_000]);
  const there = advance(series, first.state, factsOf(), at('2026-06-02T08:00:00Z'));
  expect(there.effects).toHaveLength(1);
});

test('whenever a message comes due, it goes at an instant that quiet hours and window allow', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'America/Santiago',
    'Asia/Beirut',
  ];
  const weekdays = fc.subarray([1, 2, 3, 4, 5, 6, 7] as const, { minLength: 1 });
  fc.assert(
    fc.property(
      nowArbitrary,
      fc.constantFrom(...zones),
      weekdays,
      fc.constantFrom('person', 'workspace'),
      (now, zone, days, choice) => {
        const quietHours = { from: 1260, to: 150, zone: choice } as const;
        const sendWindow = { days, from: 120, to: 1320, zone: choice } as const;
        const found = nextSendAt({ quietHours, sendWindow }, { person: zone, workspace: zone }, now);
        const shown = minuteOf(wallAt(found, zone));
        expect(found).toBeGreaterThanOrEqual(now);
        expect([shown >= 150 && shown < 1260, days.includes(weekdayOf(wallAt(found, zone)))]).toEqual([
          true,
          true,
        ]);
        // And at the first: a minute before it, it was not allowed, or not yet due.
        const early = found - 60_000;
        const isEarlier =
          early >= now &&
          nextSendAt({ quietHours, sendWindow }, { person: zone, workspace: zone }, early) === early;
        expect(isEarlier).toBe(false);
        expect(dateOf(wallAt(found, zone)) - dateOf(wallAt(now, zone))).toBeLessThanOrEqual(8 * 86_400_000);
      },
    ),
    { seed: 20_260_801, numRuns: 2000 },
  );
});

const now = at('2026-06-08T12:00:00Z');
const day = 86_400_000;
const capped = (caps: unknown, contacts: readonly number[], facts: Partial<Facts> = {}): string[] =>
  told(
    enter(
      seriesOf([hello, { type: 'wait', for: [1, 'hours'] }], { frequency_caps: caps }),
      factsOf({ contacts, ...facts }),
      now,
    ),
  );

test('a cap that is used up skips the message and goes on', () => {
  const caps = [{ messages: 2, per: [7, 'days'] }];
  const skipped = ['s1 arrived', 's1 capped 2 per 7 days', 's2 arrived'];
  expect(capped(caps, [now - day])).toEqual(['s1 arrived']);
  expect(capped(caps, [now - day, now - 2 * day])).toEqual(skipped);
  // Seven days after it a message no longer counts, a millisecond before it does.
  expect(capped(caps, [now - day, now - 7 * day])).toEqual(['s1 arrived']);
  expect(capped(caps, [now - day, now - 7 * day + 1])).toEqual(skipped);
});

test('every one of several caps holds', () => {
  const caps = [
    { messages: 3, per: [7, 'days'] },
    { messages: 1, per: [2, 'hours'] },
  ];
  expect(capped(caps, [now - 3_600_000])[1]).toBe('s1 capped 1 per 2 hours');
  expect(
    capped(
      caps,
      [1, 2, 3].map((ago) => now - ago * day),
    )[1],
  ).toBe('s1 capped 3 per 7 days');
  expect(capped(caps, [now - day])).toEqual(['s1 arrived']);
});

test('days of a cap are those of the person', () => {
  const caps = [{ messages: 1, per: [1, 'days'] }];
  const contacts = [at('2026-03-28T11:00:00Z')];
  const due = at('2026-03-29T10:30:00Z');
  const series = seriesOf([hello], { frequency_caps: caps });
  const effectsIn = (zone: string): number => enter(series, factsOf({ contacts, zone }), due).effects.length;
  // 23 and a half hours; a day in Berlin, where the clock went forward.
  expect([effectsIn('Europe/Berlin'), effectsIn('UTC')]).toEqual([1, 0]);
});

test('caps are asked when the message could go: a deferred one is not skipped for what will be long past', () => {
  const series = seriesOf([hello], {
    quiet_hours: night,
    frequency_caps: [{ messages: 1, per: [6, 'hours'] }],
  });
  const due = at('2026-06-01T22:00:00Z');
  const facts = factsOf({ contacts: [due - 3_600_000] });
  const first = enter(series, facts, due);
  expect(told(first)[1]).toMatch('deferred');
  expect(advance(series, first.state, facts, at('2026-06-02T08:00:00Z')).effects).toHaveLength(1);
});

test('without quiet hours, window or caps a message goes at once', () => {
  const series = seriesOf([hello]);
  const contacts = Array.from({ length: 50 }, () => now);
  expect(advance(series, active('s1', now), factsOf({ contacts }), now).effects).toHaveLength(1);
});
