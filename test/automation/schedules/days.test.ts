import { DateTime } from 'luxon';
import { expect, it, test } from 'vitest';
import { saveSeries } from '../../../src/automation/index.js';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { lintSeries } from '../../../src/automation/series/lint.js';
import { simulate } from '../../../src/automation/simulate.js';
import { momentOf } from '../../../src/filter/time.js';
import { useAutomation, workspace } from '../support.js';
import { addPeople, Clock, dated, entries, inZone, scheduler, settle } from './support.js';

const fixture = useAutomation();

/** The renewal date is today, in the zone of the workspace. */
const today = {
  and: [
    { '>=': [{ var: 'renewal_date' }, { start_of: ['day', 0] }] },
    { '<': [{ var: 'renewal_date' }, { start_of: ['day', 1] }] },
  ],
};

const zones = ['UTC', 'Asia/Tokyo', 'America/Los_Angeles'];

it.each(zones)('a date trigger and "the date is today" mean the same day in a simulation in %s', (zone) => {
  const series = parseSeries(dated('renewal', { at: '10:00', zone: 'workspace' }, { audience: today }));
  const people = ['2026-12-05', '2026-12-06'].map((renewal_date, index) => ({
    user_id: `u${index}`,
    renewal_date,
  }));
  const report = simulate({ series, people, from: '2026-12-01T00:00:00Z', days: 14, zone });
  expect(report).toMatchObject({ triggered: 2, entered: 2, refused: {} });
});

test.each(zones)('and on the server in %s', async (zone) => {
  const { pool } = fixture();
  // The audience is asked by the clock of Postgres, so that today is today; the minutes before midnight are left alone.
  const here = DateTime.now().setZone(zone);
  const now = here.hour === 23 && here.minute >= 57 ? here.setZone('Asia/Kathmandu') : here;
  await inZone(pool, now.zoneName ?? zone);
  const next = now.plus({ minutes: 1 }).startOf('minute');
  const trigger = { at: next.toFormat('HH:mm'), zone: 'workspace' };
  await saveSeries(pool, workspace, dated('renewal', trigger, { audience: today }));
  const day = (days: number): string => now.plus({ days }).toISODate() ?? '';
  await addPeople(pool, {
    yesterday: { renewal_date: day(-1) },
    today: { renewal_date: day(0) },
    tomorrow: { renewal_date: day(1) },
  });
  const clock = new Clock(next.toISO() ?? '');
  await settle(scheduler(pool, clock));
  expect((await entries(pool)).map((entry) => entry.split(' ')[0])).toEqual(['today']);
});

it('warns of a trigger by the zones of people whose audience asks about today, which is the workspace\u0027s', () => {
  const moment = momentOf('2026-12-01T00:00:00Z');
  const found = (trigger: object, audience: unknown): string[] =>
    lintSeries(parseSeries(dated('renewal', trigger, { audience })), moment).map(
      ({ code, path }) => `${code} ${path}`,
    );
  expect(found({ zone: 'person' }, today)).toEqual([
    'today_of_workspace /audience/and/0',
    'today_of_workspace /audience/and/1',
  ]);
  expect(found({ zone: 'workspace' }, today)).toEqual([]);
  expect(found({ zone: 'person' }, { '>=': [{ var: 'renewal_date' }, { ago: [1, 'days'] }] })).toEqual([]);
});
