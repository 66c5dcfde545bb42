import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { muster, ownFolder } from './muster.js';

const folder = ownFolder();
const at = ['--now', '2026-03-02T08:00:00Z', '--zone', 'Europe/Berlin'];

it.each(['welcome', 'onboarding', 'trial-ending', 'win-back', 'renewal'])(
  'the example %s runs with the sample people and sends something to somebody',
  async (key) => {
    const ran = await muster(['simulate', key, '--days', '40', '--json', ...at], {});
    expect([ran.code, ran.err]).toEqual([0, '']);
    const report: unknown = JSON.parse(ran.out);
    expect(report).toMatchObject({ series: key, people: 300, rejected: 0 });
    expect(report).not.toMatchObject({ sends: 0 });
  },
);

it('a series and people of files give a funnel and a calendar, and rows that are refused are said to be', async () => {
  const series = join(folder, 'series.json');
  const users = join(folder, 'users.ndjson');
  writeFileSync(
    series,
    JSON.stringify({
      key: 'nudge',
      name: 'Nudge',
      trigger: { type: 'event', event: 'trial_started' },
      steps: [
        { type: 'wait', key: 'rest', for: [2, 'days'] },
        { type: 'send', key: 'hello', channel: 'inbox', message: { text: 'Hello {{ name|there }}' } },
      ],
    }),
  );
  writeFileSync(
    users,
    [
      '{"user_id": "u1", "events": [{"event": "trial_started", "occurred_at": "2026-03-03T09:00:00Z"}]}',
      '{"user_id": "u2", "traits": {"role": "admin"}}',
      '{"user_id": "u3", "traits": {"created_at": "2026-01-01"}}',
      '{"user_id": "u4", "events": [{"event": "trial_started"}]}',
    ].join('\n'),
  );
  const ran = await muster(['simulate', series, '--users', users, '--days', '10', ...at], {});
  expect(ran.code).toBe(0);
  expect(ran.err).toMatch(/^2 rows of the file were left out; line 3: /);
  expect(ran.out).toMatch(/1 person of 2 enter/);
  expect(ran.out).toMatch(/hello +send +1 +1 delivered/);
  expect(ran.out).toMatch(/2026-03-05 Thu +1 /);
  const told = await muster(['simulate', series, '--users', users, '--user', 'u1', ...at], {});
  expect(told.out).toMatch(/2026-03-03 10:00 +rest +arrived/);
  expect(told.out).toMatch(/2026-03-05 10:00 +hello +delivered/);
});

it.each([
  ['an example that there is not', ['simulate', 'welcom'], 'unknown_example', /did you mean `welcome`/],
  ['a person who is not in the file', ['simulate', 'welcome', '--user', 'nobody'], 'not_in_file', /`nobody`/],
  ['a series that is none', ['simulate', '{"key": "x"}'], 'series_expected', /\/steps/],
  ['days that are none', ['simulate', 'welcome', '--days', '0'], 'bad_usage', /1 to 3660/],
])('%s is refused by its code', async (_, args, code, said) => {
  const ran = await muster(args, {});
  expect([ran.code, ran.out]).toEqual([2, '']);
  expect(ran.err).toContain(`[${code}]`);
  expect(ran.err).toMatch(said);
});
