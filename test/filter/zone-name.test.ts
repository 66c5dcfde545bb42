import { DateTime } from 'luxon';
import { expect, it } from 'vitest';
import { offsetAt, zoneNamed } from '../../src/filter/offsets.js';
import { momentOf } from '../../src/filter/time.js';

const summer = Date.parse('2026-07-01T12:00:00Z');
const minutesIn = (text: string): number => offsetAt(summer, text) / 60_000;

it('a text that names a zone has one name, whatever blanks, letter case or form of offset it was written in', () => {
  const named = {
    'Europe/Berlin': 'Europe/Berlin',
    ' Europe/Berlin ': 'Europe/Berlin',
    '\tEurope/Berlin\n': 'Europe/Berlin',
    'Etc/GMT-2': 'Etc/GMT-2',
    EST: 'EST',
    UTC: 'UTC',
    utc: 'UTC',
    GMT: 'UTC',
    Z: 'UTC',
    '+02:00': 'UTC+2',
    '+0200': 'UTC+2',
    '+2': 'UTC+2',
    '+02': 'UTC+2',
    'UTC+2': 'UTC+2',
    'UTC+02:00': 'UTC+2',
    'utc +2': 'UTC+2',
    'GMT+2': 'UTC+2',
    'GMT-3:30': 'UTC-3:30',
    '-03:30': 'UTC-3:30',
    '−03:30': 'UTC-3:30',
    '+05:45': 'UTC+5:45',
    '+00:00': 'UTC',
    '-00:30': 'UTC-0:30',
    '(GMT+01:00) Amsterdam': 'UTC+1',
    '(UTC-08:00) Pacific Time (US & Canada)': 'UTC-8',
    '(UTC) Coordinated Universal Time': 'UTC',
  };
  expect(Object.fromEntries(Object.keys(named).map((text) => [text, zoneNamed(text)]))).toEqual(named);
});

it('what is no zone, on no clock of the world, or longer than every name is none', () => {
  const texts = [
    '',
    ' ',
    'Berlin',
    'Mars/Olympus',
    'Eastern Time (US & Canada)',
    '+14:01',
    '-12:01',
    '+25:00',
    '+02:60',
    '+1:2:3',
    '2',
    '120',
    '(GMT+01:00',
    '(+01:00)',
    'local',
    'system',
    'default',
    'x'.repeat(65),
    `Europe/Berlin${' '.repeat(200)}`,
  ];
  expect(texts.filter((text) => zoneNamed(text) !== null)).toEqual([]);
});

it('the name is one that luxon knows, and its offset is the one that was written', () => {
  for (const [text, minutes] of [
    ['+05:45', 345],
    ['GMT-3:30', -210],
    ['-00:30', -30],
    ['Etc/GMT-2', 120],
    [' europe/berlin', 120],
  ] as const) {
    expect(minutesIn(text)).toBe(minutes);
    const name = zoneNamed(text) ?? 'none';
    expect(DateTime.fromMillis(summer, { zone: name })).toMatchObject({ isValid: true, offset: minutes });
  }
});

it('a moment in a zone of any form counts its days by that zone', () => {
  expect(momentOf(summer, ' +02:00 ')).toEqual({ now: summer, zone: 'UTC+2' });
});
