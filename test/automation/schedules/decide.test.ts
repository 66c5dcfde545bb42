import { DateTime } from 'luxon';
import { expect, test } from 'vitest';
import { decide } from '../../../src/automation/schedules/decide.js';
import type { Standing } from '../../../src/automation/schedules/decide.js';
import type { CatchUp } from '../../../src/automation/series/model.js';
import { nextScheduled } from '../../../src/automation/series/triggers.js';
import { at, iso } from './support.js';

const hourly = (catchUp: CatchUp, more: Partial<Standing> = {}): Standing => ({
  plan: { type: 'schedule', cron: '0 * * * *', zone: null, catchUp },
  paused: false,
  resumedAt: 0,
  decidedUntil: at('2026-06-10T08:00:00Z'),
  zoneBefore: 'UTC',
  zone: 'UTC',
  ...more,
});

/** What becomes of an hourly schedule that was last looked at when it ran at eight. */
function fate(standing: Standing, now: string): string[] {
  const { runs, skips } = decide(standing, at(now));
  return [
    ...runs.map((run) => `${iso(run).slice(8, 16)} runs`),
    ...skips.map(
      ({ first, last, runs: count, reason }) =>
        `${iso(first).slice(8, 16)} to ${iso(last).slice(8, 16)}: ${count} ${reason}`,
    ),
  ];
}

test.each<[string, CatchUp, string, string[]]>([
  ['on time it runs', 'none', '2026-06-10T09:00:00Z', ['10T09:00 runs']],
  ['and up to five minutes later', 'none', '2026-06-10T09:05:00Z', ['10T09:00 runs']],
  ['`none` makes no run later than that', 'none', '2026-06-10T09:05:01Z', ['10T09:00 to 10T09:00: 1 missed']],
  [
    '`latest` makes the last one',
    'latest',
    '2026-06-10T11:30:00Z',
    ['10T11:00 runs', '10T09:00 to 10T10:00: 2 superseded'],
  ],
  ['`all` makes each', 'all', '2026-06-10T11:30:00Z', ['10T09:00 runs', '10T10:00 runs', '10T11:00 runs']],
  [
    '`none` makes one of several that is on time',
    'none',
    '2026-06-10T11:02:00Z',
    ['10T11:00 runs', '10T09:00 to 10T10:00: 2 superseded'],
  ],
  [
    '`all` makes none that is over a day late',
    'all',
    '2026-06-11T09:30:00Z',
    [
      ...Array.from(
        { length: 24 },
        (_, hour) => `${iso(at('2026-06-10T10:00:00Z') + hour * 3_600_000).slice(8, 16)} runs`,
      ),
      '10T09:00 to 10T09:00: 1 too_late',
    ],
  ],
])('%s', (_, catchUp, now, expected) => {
  expect(fate(hourly(catchUp), now)).toEqual(expected);
});

test('a weekly run that is over a day late is skipped, as the latest too', () => {
  const plan = { type: 'schedule', cron: '0 9 * * 1', zone: null, catchUp: 'latest' } as const;
  const standing = hourly('latest', { plan, decidedUntil: at('2026-06-05T00:00:00Z') });
  expect(fate(standing, '2026-06-09T09:00:00Z')).toEqual(['08T09:00 runs']);
  expect(fate(standing, '2026-06-09T09:00:01Z')).toEqual(['08T09:00 to 08T09:00: 1 too_late']);
});

test('what comes about in a pause is skipped, by whatever policy, and so is what came about before it ended', () => {
  expect(fate(hourly('all', { paused: true }), '2026-06-10T10:01:00Z')).toEqual([
    '10T09:00 to 10T10:00: 2 paused',
  ]);
  const resumed = hourly('all', { resumedAt: at('2026-06-10T09:30:00Z') });
  expect(fate(resumed, '2026-06-10T10:01:00Z')).toEqual(['10T10:00 runs', '10T09:00 to 10T09:00: 1 paused']);
});

test('a clock that went back has nothing come about, and goes on from where it stands', () => {
  const decided = decide(hourly('all'), at('2026-06-10T05:30:00Z'));
  expect(decided).toEqual({
    runs: [],
    skips: [],
    decidedUntil: at('2026-06-10T05:30:00Z'),
    next: at('2026-06-10T06:00:00Z'),
  });
});

test('a zone that the workspace changed moves what is to come, not what came about', () => {
  const plan = { type: 'schedule', cron: '0 9 * * *', zone: null, catchUp: 'latest' } as const;
  const standing = {
    ...hourly('latest', { plan }),
    decidedUntil: at('2026-06-09T13:00:00Z'),
    zoneBefore: 'America/New_York',
    zone: 'Europe/Berlin',
  };
  // Nine in Berlin is past; nine in New York was what counted when it was, and has not come.
  expect(decide(standing, at('2026-06-10T12:00:00Z'))).toMatchObject({
    runs: [],
    skips: [],
    next: at('2026-06-11T07:00:00Z'),
  });
});

test('after hours away every minute is accounted for, 250 at a time', () => {
  const plan = { type: 'schedule', cron: '* * * * *', zone: null, catchUp: 'latest' } as const;
  const now = at('2026-06-10T18:00:30Z');
  let standing = hourly('latest', { plan });
  let [made, skipped, turns] = [0, 0, 0];
  while (standing.decidedUntil < now) {
    const decided = decide(standing, now);
    made += decided.runs.length;
    skipped += decided.skips.reduce((sum, { runs }) => sum + runs, 0);
    turns += 1;
    standing = { ...standing, decidedUntil: decided.decidedUntil };
  }
  expect({ made, skipped, turns }).toEqual({ made: 1, skipped: 599, turns: 3 });
});

test('a date trigger is looked at at its time of day in every zone, and one look makes up for all that were missed', () => {
  const plan = {
    type: 'date',
    field: { kind: 'column', entity: 'user', name: 'renewal_date', type: 'time' },
    offset: { amount: 0, unit: 'days' },
    at: 9 * 60 + 7,
    zone: 'person',
  } as const;
  const standing = hourly('latest', { plan });
  expect(decide(standing, at('2026-06-10T08:06:59Z'))).toMatchObject({
    runs: [],
    next: at('2026-06-10T08:07:00Z'),
  });
  expect(decide(standing, at('2026-06-13T08:30:00Z'))).toMatchObject({
    runs: [at('2026-06-13T08:22:00Z')],
    next: at('2026-06-13T08:37:00Z'),
  });
});

/** What a reader of the fields expects: each minute of a zone's clock asked in turn, by luxon and by nothing else. */
interface Fields {
  readonly minute: readonly number[];
  readonly hour: readonly number[];
  readonly weekday: readonly number[] | null;
}

const crons: readonly (readonly [cron: string, fields: Fields])[] = [
  ['30 2 * * *', { minute: [30], hour: [2], weekday: null }],
  ['*/20 1-3 * * *', { minute: [0, 20, 40], hour: [1, 2, 3], weekday: null }],
  ['15 * * * 0', { minute: [15], hour: Array.from({ length: 24 }, (_, hour) => hour), weekday: [7] }],
  ['0,59 0,2,23 * * 6,0', { minute: [0, 59], hour: [0, 2, 23], weekday: [6, 7] }],
];

const minute = 60_000;
const day = 1440 * minute;

/** An instant, and the wall minutes that it stands for: what it shows, unless that was shown before, and what was skipped. */
interface Shown {
  readonly instant: number;
  readonly walls: readonly DateTime[];
}

function minutesOf(from: number, to: number, zone: string): Shown[] {
  const shown = new Set<number>();
  let before = offset(from - minute, zone);
  return Array.from({ length: (to - from) / minute }, (_, index) => {
    const instant = from + index * minute;
    const now = offset(instant, zone);
    const walls: DateTime[] = [];
    for (let gone = Math.max(now - before, 0); gone >= 0; gone -= 1) {
      const wall = instant + (now - gone) * minute;
      if (!shown.has(wall)) walls.push(DateTime.fromMillis(wall, { zone: 'utc' }));
      shown.add(wall);
    }
    before = now;
    return { instant, walls };
  });
}

function offset(instant: number, zone: string): number {
  return DateTime.fromMillis(instant, { zone }).offset;
}

function isShown({ minute: minutes, hour: hours, weekday }: Fields, wall: DateTime): boolean {
  const isDay = weekday === null || weekday.includes(wall.weekday);
  return minutes.includes(wall.minute) && hours.includes(wall.hour) && isDay;
}

function runsBetween(cron: string, zone: string, from: number, to: number): number[] {
  const found: number[] = [];
  let next = nextScheduled({ cron, zone }, from - 1, 'UTC');
  while (next !== null && next < to) {
    found.push(next);
    next = nextScheduled({ cron, zone }, next, 'UTC');
  }
  return found;
}

test.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'])(
  'around every change of its clocks, a schedule in %s comes about as luxon, asked minute by minute, says',
  (zone) => {
    const noons = Array.from({ length: 2 * 365 }, (_, index) => at('2026-01-01T12:00:00Z') + index * day);
    const changes = noons.filter((noon) => offset(noon, zone) !== offset(noon + day, zone));
    expect(changes).toHaveLength(zone === 'Asia/Kathmandu' ? 0 : 4);
    for (const from of changes.length === 0 ? noons.slice(0, 1) : changes) {
      const to = from + day + 240 * minute;
      const minutes = minutesOf(from, to, zone);
      for (const [cron, fields] of crons) {
        const expected = minutes.filter(({ walls }) => walls.some((wall) => isShown(fields, wall)));
        expect(runsBetween(cron, zone, from, to).map(iso), `${cron} after ${iso(from)}`).toEqual(
          expected.map(({ instant }) => iso(instant)),
        );
      }
    }
  },
);
