import { expect, it } from 'vitest';
import { parseSeries } from '../../src/automation/series/parse.js';
import { simulate } from '../../src/automation/simulate.js';
import type { SimulatedMove } from '../../src/automation/simulate.js';
import type { UserRecord } from '../../src/filter/record.js';

const from = '2026-03-02T08:00:00Z';
const send = (key: string, more = {}): object => ({
  type: 'send',
  key,
  channel: 'log',
  message: { text: 'Hello' },
  ...more,
});
const seriesOf = (parts: object): ReturnType<typeof parseSeries> =>
  parseSeries({ key: 'trial', name: 'Trial', trigger: { type: 'user_created' }, ...parts });
const crowd = (count: number, more = {}): UserRecord[] =>
  Array.from({ length: count }, (_, index) => ({ user_id: `u${index}`, ...more }));

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

it('the numbers of a simulation add up: everybody who comes in ends, leaves, or is still inside', () => {
  const series = seriesOf({
    audience: { '!=': [{ var: 'custom:role' }, 'viewer'] },
    holdout: 10,
    exit: { did: { event: 'left', count: ['>=', 1] } },
    goal: { did: { event: 'bought', count: ['>=', 1] } },
    steps: [
      send('hello'),
      { type: 'wait_for', key: 'reply', event: 'replied', timeout: [10, 'days'] },
      {
        type: 'split',
        key: 'half',
        arms: [
          { percent: 50, to: 'one' },
          { percent: 50, to: 'two' },
        ],
      },
      send('one', { next: 'end' }),
      { type: 'wait', key: 'long', for: [60, 'days'], next: 'two' },
      send('two', { next: 'long' }),
    ],
  });
  const day = (count: number): string => new Date(Date.parse(from) + count * 86_400_000).toISOString();
  const people = crowd(2000).map((person, index) => ({
    ...person,
    custom_fields: index % 5 === 0 ? {} : { role: index % 7 === 0 ? 'viewer' : 'admin' },
    events: [
      ...(index % 3 === 0 ? [{ event: 'replied', occurred_at: day(3) }] : []),
      ...(index % 11 === 0 ? [{ event: 'bought', occurred_at: day(5) }] : []),
      ...(index % 13 === 0 ? [{ event: 'left', occurred_at: day(2) }] : []),
    ],
  }));
  const report = simulate({ series, people, from, days: 30 });
  expect(report.people).toBe(2000);
  expect(report.triggered).toBe(2000);
  expect(report.entered + report.held_out + sum(report.refused)).toBe(report.triggered);
  expect(report.completed + report.reached_goal + sum(report.exited) + report.still_inside).toBe(
    report.entered,
  );
  const fates = [
    report.held_out,
    report.refused['audience'] ?? 0,
    report.completed,
    report.reached_goal,
    report.exited['exit_filter'] ?? 0,
    report.still_inside,
  ];
  expect(Math.min(...fates)).toBeGreaterThan(20);
  const [hello, reply, half] = report.steps;
  expect(hello).toMatchObject({ arrived: report.entered, delivered: report.entered });
  expect(reply?.arrived).toBe(report.entered);
  expect((reply?.matched ?? 0) + (reply?.timed_out ?? 0) + (reply?.left ?? 0)).toBe(report.entered);
  expect(sum(half?.arms ?? {})).toBe(half?.arrived);
  expect(report.calendar.reduce((total, { sends }) => total + sends, 0)).toBe(report.sends);
  expect(report.steps.reduce((total, { delivered }) => total + delivered, 0)).toBe(report.sends);
  expect(sum(Object.fromEntries(report.hours.entries()))).toBe(report.sends);
});

it('the same input gives the same answer, and no clock is read', () => {
  const series = seriesOf({
    steps: [send('hello'), { type: 'wait', key: 'rest', for: [2, 'days'] }, send('more')],
  });
  const run = (): object => simulate({ series, people: crowd(50), from, days: 10 });
  expect(run()).toEqual(run());
});

it('a day-long wait over the change of the clock keeps the wall-clock time, in the zone of each person', () => {
  const series = seriesOf({ steps: [{ type: 'wait', key: 'rest', for: [1, 'days'] }, send('hello')] });
  const told: SimulatedMove[] = [];
  simulate({
    series,
    people: [
      { user_id: 'berlin', custom_fields: { timezone: 'Europe/Berlin' } },
      { user_id: 'nowhere', custom_fields: { timezone: 'Mars/Olympus' } },
    ],
    // Germany puts the clock forward in the night that follows.
    from: '2026-03-28T11:00:00Z',
    days: 3,
    onStory: (entry) => told.push(entry),
  });
  const at = (userId: string): string | undefined =>
    told
      .filter((entry) => entry.userId === userId && entry.what === 'delivered')
      .map((entry) => new Date(entry.at).toISOString())[0];
  expect(at('berlin')).toBe('2026-03-29T10:00:00.000Z');
  expect(at('nowhere')).toBe('2026-03-29T11:00:00.000Z');
});

it('an event wakes whoever waits for it at its own instant, not at the timeout', () => {
  const series = seriesOf({
    steps: [
      { type: 'wait_for', key: 'reply', event: 'replied', timeout: [10, 'days'], on_timeout: 'late' },
      send('soon', { next: 'end' }),
      send('late'),
    ],
  });
  const people = [
    { user_id: 'u1', events: [{ event: 'replied', occurred_at: '2026-03-04T10:00:00Z' }] },
    { user_id: 'u2' },
  ];
  const report = simulate({ series, people, from, days: 30 });
  expect(report.calendar).toEqual([
    { date: '2026-03-04', sends: 1, steps: { soon: 1 } },
    { date: '2026-03-12', sends: 1, steps: { late: 1 } },
  ]);
});

it('a date that moves moves the entry: whoever is seen again is not won back yet', () => {
  const series = parseSeries({
    key: 'back',
    name: 'Back',
    trigger: { type: 'date', field: 'last_seen', offset: [14, 'days'], at: '10:00' },
    steps: [send('hello')],
  });
  const people = [
    { user_id: 'away' },
    { user_id: 'seen', events: [{ event: 'login', occurred_at: '2026-03-10T08:00:00Z' }] },
  ];
  const report = simulate({ series, people, from, days: 40 });
  expect(report.calendar.map(({ date }) => date)).toEqual(['2026-03-16', '2026-03-24']);
});

it('a delivery that fails is counted as failed, and the person goes on', () => {
  const series = seriesOf({ steps: [send('hello'), send('more')] });
  const report = simulate({
    series,
    people: crowd(10),
    from,
    days: 1,
    fate: (_, step) => (step === 'hello' ? 'failed' : 'delivered'),
  });
  expect(report.steps).toMatchObject([
    { failed: 10, delivered: 0 },
    { failed: 0, delivered: 10 },
  ]);
  expect(report).toMatchObject({ completed: 10, sends: 10 });
});

it('messages beyond a frequency cap are skipped and said to be', () => {
  const series = seriesOf({
    frequency_caps: [{ messages: 1, per: [1, 'days'] }],
    steps: [send('one'), send('two'), { type: 'wait', key: 'rest', for: [2, 'days'] }, send('three')],
  });
  const report = simulate({ series, people: crowd(5), from, days: 5 });
  expect(report.steps.map(({ delivered, capped }) => [delivered, capped])).toEqual([
    [5, 0],
    [0, 5],
    [0, 0],
    [5, 0],
  ]);
});

it.each([
  ['schedule', { type: 'schedule', cron: '0 9 * * 1' }, 4],
  ['segment', { type: 'segment_entered', segment: 'vips' }, 1],
])('a series that starts with a %s starts for everybody at its times', (_, trigger, entries) => {
  const series = parseSeries({ key: 'k', name: 'K', trigger, entry: 'every_time', steps: [send('hello')] });
  expect(simulate({ series, people: crowd(3), from, days: 28 })).toMatchObject({
    entered: 3 * entries,
    sends: 3 * entries,
  });
});
