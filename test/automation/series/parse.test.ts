import { expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { MusterError } from '../../../src/errors/index.js';
import { documentOf, hello, problemsOf, seriesOf } from './facts.js';

const send = (key: string, more: object = {}): Record<string, unknown> => ({ ...hello, key, ...more });

test('a series that was written for the first version means what it meant', () => {
  const welcome: unknown = JSON.parse(
    readFileSync(new URL('../../../rules/series/welcome.json', import.meta.url), 'utf8'),
  );
  expect(parseSeries(welcome)).toMatchObject({
    key: 'welcome',
    trigger: { type: 'user_created' },
    audience: null,
    entry: { kind: 'once' },
    exit: null,
    goal: null,
    frequencyCaps: [],
    holdout: 0,
    steps: [
      { type: 'send', key: 'hello', next: 'first-steps', channel: 'log' },
      { type: 'send', key: 'first-steps', next: null, channel: 'inbox' },
    ],
    source: welcome,
  });
});

test('every problem is found at once, each with its path', () => {
  const found = problemsOf({
    key: 'Welcome!',
    name: ' ',
    trigger: { type: 'moon', every: 3 },
    audience: { and: [{ '==': [{ var: 'rolle' }, 'x'] }, { nope: 1 }] },
    entry: 'twice',
    colour: 'red',
    holdout: 51,
    quiet_hours: { from: '9', to: '24:00' },
    frequency_caps: [{ messages: 0, per: [1, 'fortnight'] }],
    goal: {},
    steps: [
      send('a', { channel: 'pigeon', message: { text: 'Hi {{ name' } }),
      { type: 'fly', anything: true },
      send('b', { message: { text: 'x', html: 'y' }, wait: 3 }),
      send('b'),
      send('c', { message: {} }),
      7,
      { type: 'wait', key: 'end', for: 'three days', next: 'nowhere' },
      { type: 'wait_for', key: 'd', timeout: [3, 'days'] },
      { type: 'set_trait', key: 'e', traits: { last_seen: 'now', on_contract: 'yes' } },
      { type: 'webhook', key: 'f', endpoint: 'Shop', payload: { text: '{{}}' } },
      { type: 'branch', key: 'g', arms: [{ when: { everyone: true }, to: 'h' }, 3] },
    ],
  });
  const expected = [
    ['series_unknown_key', '/colour'],
    ['series_bad_key', '/key'],
    ['series_bad_text', '/name'],
    ['unknown_trigger', '/trigger/type'],
    ['unknown_entry_policy', '/entry'],
    ['series_expected', '/quiet_hours/from'],
    ['series_expected', '/quiet_hours/to'],
    ['unknown_field', '/audience/and/0/==/0/var'],
    ['unknown_operator', '/audience/and/1/nope'],
    ['empty_filter', '/goal'],
    ['series_number_range', '/frequency_caps/0/messages'],
    ['series_expected', '/frequency_caps/0/per/1'],
    ['series_number_range', '/holdout'],
    ['unknown_channel', '/steps/0/channel'],
    ['bad_merge_tag', '/steps/0/message/text'],
    ['unknown_step_type', '/steps/1/type'],
    ['series_unknown_key', '/steps/2/wait'],
    ['channel_without_html', '/steps/2/message/html'],
    ['step_key_taken', '/steps/3/key'],
    ['series_expected', '/steps/4/message/text'],
    ['series_expected', '/steps/5'],
    ['series_reserved_key', '/steps/6/key'],
    ['series_expected', '/steps/6/for'],
    ['unknown_step', '/steps/6/next'],
    ['series_expected', '/steps/7'],
    ['reserved_trait', '/steps/8/traits/last_seen'],
    ['trait_type', '/steps/8/traits/on_contract'],
    ['series_bad_key', '/steps/9/endpoint'],
    ['bad_merge_tag', '/steps/9/payload'],
    ['unknown_step', '/steps/10/arms/0/to'],
    ['series_expected', '/steps/10/arms/1'],
  ];
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(expect.arrayContaining(expected));
});

test.each<[string, Record<string, unknown>, [string, string][]]>([
  ['no steps', { steps: [] }, [['empty_steps', '/steps']]],
  ['steps that are no list', { steps: {} }, [['series_expected', '/steps']]],
  ['an empty audience: everybody must be asked for', { audience: {} }, [['empty_filter', '/audience']]],
  ['an audience of null', { audience: null }, [['filter_not_object', '/audience']]],
  ['an exit of null', { exit: null }, [['filter_not_object', '/exit']]],
  ['a text with NUL', { name: 'a\0b' }, [['series_bad_text', '/name']]],
  ['a text with a lone surrogate', { name: '\ud800' }, [['series_bad_text', '/name']]],
  ['a key with capitals', { key: 'Welcome' }, [['series_bad_key', '/key']]],
  [
    'an entry with two policies',
    { entry: { again_after: [1, 'days'], once: true } },
    [['series_unknown_key', '/entry/once']],
  ],
  [
    'an entry again after no time',
    { entry: { again_after: [0, 'days'] } },
    [['series_number_range', '/entry/again_after/0']],
  ],
  ['an entry of null', { entry: null }, [['series_expected', '/entry']]],
  ['half a person', { holdout: Number.NaN }, [['series_number_range', '/holdout']]],
  ['no caps', { frequency_caps: [] }, [['series_expected', '/frequency_caps']]],
  [
    'a window of no days',
    { send_window: { days: [], from: '09:00', to: '17:00' } },
    [['series_expected', '/send_window/days']],
  ],
  [
    'hours that end as they begin',
    { quiet_hours: { from: '09:00', to: '09:00' } },
    [['no_such_hours', '/quiet_hours']],
  ],
  [
    "a zone of one's own in quiet hours",
    { quiet_hours: { from: '09:00', to: '10:00', zone: 'UTC' } },
    [['series_expected', '/quiet_hours/zone']],
  ],
])('%s: refused', (_, change, expected) => {
  expect(problemsOf({ ...documentOf([hello]), ...change })).toEqual(expected);
});

test.each<[string, Record<string, unknown>, [string, string][]]>([
  ['an event without a name', { type: 'event' }, [['series_expected', '/trigger/event']]],
  [
    'a condition on the person where only the event is at hand',
    { type: 'event', event: 'x', where: { exists: { var: 'name' } } },
    [['unknown_field', '/trigger/where/exists/var']],
  ],
  [
    'a schedule in a zone that is none',
    { type: 'schedule', cron: '0 9 * * 1', zone: 'Europe/Bärlin' },
    [['bad_zone', '/trigger/zone']],
  ],
  [
    'a schedule of six fields',
    { type: 'schedule', cron: '0 0 9 * * 1' },
    [['bad_schedule', '/trigger/cron']],
  ],
  [
    'a schedule with a minute 61',
    { type: 'schedule', cron: '61 9 * * 1' },
    [['bad_schedule', '/trigger/cron']],
  ],
  [
    'a schedule that never comes about',
    { type: 'schedule', cron: '0 9 31 2 *' },
    [['bad_schedule', '/trigger/cron']],
  ],
  [
    'a date in a text field',
    { type: 'date', field: 'email', at: '09:00' },
    [['bad_date_field', '/trigger/field']],
  ],
  [
    'a date in a count of days',
    { type: 'date', field: 'days_since_signup', at: '09:00' },
    [['bad_date_field', '/trigger/field']],
  ],
  [
    'a date in an unknown field',
    { type: 'date', field: 'birthday', at: '09:00' },
    [['bad_date_field', '/trigger/field']],
  ],
  [
    'a date under a broken pointer',
    { type: 'date', field: 'custom:/a~2', at: '09:00' },
    [['bad_date_field', '/trigger/field']],
  ],
  [
    'a date without a time of day',
    { type: 'date', field: 'renewal_date' },
    [['series_expected', '/trigger/at']],
  ],
  [
    'a date that is hours away',
    { type: 'date', field: 'renewal_date', at: '09:00', offset: [-3, 'hours'] },
    [['series_expected', '/trigger/offset/1']],
  ],
  [
    'a segment with capitals',
    { type: 'segment_entered', segment: 'Power users' },
    [['series_bad_key', '/trigger/segment']],
  ],
])('a trigger on %s: refused', (_, trigger, expected) => {
  expect(problemsOf(documentOf([hello], { trigger }))).toEqual(expected);
});

test('names are held to what the workspace has, where that is known', () => {
  const document = documentOf(
    [
      { ...hello, channel: 'chat' },
      { type: 'webhook', endpoint: 'shop' },
    ],
    {
      trigger: { type: 'segment_left', segment: 'power' },
    },
  );
  expect(problemsOf(document, { channels: ['chat'] })).toEqual([]);
  expect(problemsOf(document, { channels: ['chat'], endpoints: null, segments: null })).toEqual([]);
  expect(problemsOf(document, { endpoints: [], segments: ['powers'] })).toEqual([
    ['unknown_segment', '/trigger/segment'],
    ['unknown_channel', '/steps/0/channel'],
    ['unknown_endpoint', '/steps/1/endpoint'],
  ]);
});

const hints = (change: object): string[] => {
  try {
    parseSeries({ ...documentOf([hello]), ...change });
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ hint }) => hint);
  }
  return [];
};

test('a name that is nearly right is suggested', () => {
  expect(hints({ gaol: { everyone: true } })).toEqual(['did you mean `goal`?']);
  expect(hints({ entry: 'everytime' })).toEqual(['did you mean `every_time`?']);
  expect(hints({ steps: [send('first', { channel: 'inbx' })] })).toEqual(['did you mean `inbox`?']);
  expect(hints({ steps: [send('first', { next: 'secnd' }), send('second')] })[0]).toBe(
    'did you mean `second`?',
  );
  expect(hints({ steps: [{ type: 'wait', key: 'w', for: [3, 'day'] }] })).toEqual(['did you mean `days`?']);
});

const wait = { type: 'wait', for: [1, 'days'] };
const all = { everyone: true };

test('a step that nothing leads to is refused, however it came about', () => {
  expect(problemsOf(documentOf([{ ...hello, next: 'end' }, hello]))).toEqual([
    ['unreachable_step', '/steps/1'],
  ]);
  expect(problemsOf(documentOf([{ type: 'exit' }, hello, hello]))).toEqual([
    ['unreachable_step', '/steps/1'],
    ['unreachable_step', '/steps/2'],
  ]);
  // A circle that nothing enters is out of reach all the same.
  expect(problemsOf(documentOf([{ ...hello, next: 'end' }, wait, { ...wait, next: 's2' }]))).toHaveLength(2);
});

test.each<[string, Record<string, unknown>[]]>([
  ['a wait', [hello, { ...wait, next: 's1' }]],
  ['a time of day', [hello, { type: 'wait_until_time', at: '09:00', next: 's1' }]],
  [
    'a wait for an event, which is seen a millisecond later at the earliest',
    [hello, { type: 'wait_for', event: 'x', timeout: [1, 'days'], next: 's1' }],
  ],
  [
    'the timeout of a wait for a filter',
    [hello, { type: 'wait_for', filter: all, timeout: [1, 'days'], next: 'end', on_timeout: 's1' }],
  ],
])('people may go round through %s', (_, steps) => {
  expect(problemsOf(documentOf(steps))).toEqual([]);
});

test.each<[string, Record<string, unknown>[]]>([
  ['messages only', [hello, { ...hello, next: 's1' }]],
  ['itself', [{ ...hello, next: 's1' }]],
  ['an arm', [hello, { type: 'branch', arms: [{ when: all, to: 's1' }] }]],
  [
    'a share',
    [
      hello,
      {
        type: 'split',
        arms: [
          { percent: 1, to: 's1' },
          { percent: 99, to: 'end' },
        ],
      },
    ],
  ],
  [
    'a wait for a filter that may hold already',
    [hello, { type: 'wait_for', filter: all, timeout: [1, 'days'], next: 's1', on_timeout: 'end' }],
  ],
])('people may not go round through %s', (_, steps) => {
  expect(problemsOf(documentOf(steps))).toEqual([['cycle_without_wait', '/steps/0']]);
});

test('the ways between steps are told beside whatever else is wrong with them', () => {
  const broken = { ...hello, channel: 'fax', message: { text: '{{ }}' } };
  expect(problemsOf(documentOf([broken, { ...hello, next: 's1' }, hello]))).toEqual([
    ['unknown_channel', '/steps/0/channel'],
    ['bad_merge_tag', '/steps/0/message/text'],
    ['unreachable_step', '/steps/2'],
    ['cycle_without_wait', '/steps/0'],
  ]);
});

test('where a step leads to nothing that is known, no step is told to be out of reach', () => {
  expect(problemsOf(documentOf([{ ...hello, next: 'nowhere' }, hello]))).toEqual([
    ['unknown_step', '/steps/0/next'],
  ]);
});

test('a circle is told once, with the steps in it', () => {
  expect(() => seriesOf([wait, hello, { ...hello, next: 's2' }])).toThrow(
    'people would go round `s2`, `s3` without a rest',
  );
});

test.each([
  [[50, 50], true],
  [[33.3, 33.3, 33.4], true],
  [[10, 20, 30, 40], true],
  [[50, 49], false],
  [[100, 1], false],
])('shares of %j', (shares, fine) => {
  const arms = shares.map((percent) => ({ percent, to: 'end' }));
  expect(problemsOf(documentOf([{ type: 'split', arms }]))).toEqual(
    fine ? [] : [['bad_percentages', '/steps/0/arms']],
  );
});

test('an arm with no share, and a split with one arm, are refused', () => {
  const arms = [
    { percent: 0, to: 'end' },
    { percent: 100, to: 'end' },
  ];
  expect(problemsOf(documentOf([{ type: 'split', arms }]))).toEqual([
    ['series_number_range', '/steps/0/arms/0/percent'],
  ]);
  expect(problemsOf(documentOf([{ type: 'split', arms: arms.slice(1) }]))).toEqual([
    ['series_expected', '/steps/0/arms'],
  ]);
});

const refusedFor = (more: object): [string, string][] =>
  problemsOf(documentOf([{ type: 'wait_for', timeout: [1, 'days'], ...more }]));

test('a wait is for a filter or an event, and only an event has a condition on its properties', () => {
  expect(refusedFor({ event: 'x', where: { exists: { var: 'property:plan' } } })).toEqual([]);
  expect(refusedFor({ event: 'x', filter: all })).toEqual([['series_expected', '/steps/0']]);
  expect(refusedFor({})).toEqual([['series_expected', '/steps/0']]);
  expect(refusedFor({ filter: all, where: all })).toEqual([['series_unknown_key', '/steps/0/where']]);
});

test('what a split and an exit lead to is not written in `next`', () => {
  const arms = [
    { percent: 50, to: 'end' },
    { percent: 50, to: 's2' },
  ];
  expect(
    problemsOf(
      documentOf([
        { type: 'split', arms, next: 's2' },
        { type: 'exit', next: 'end' },
      ]),
    ),
  ).toEqual([
    ['series_unknown_key', '/steps/0/next'],
    ['series_unknown_key', '/steps/1/next'],
  ]);
});

const both = (quiet: object, window: object): [string, string][] =>
  problemsOf(documentOf([hello], { quiet_hours: quiet, send_window: window }));

test('quiet hours and window must leave a time to send', () => {
  const night = { from: '21:00', to: '08:00' };
  expect(both(night, { from: '09:00', to: '17:00' })).toEqual([]);
  expect(both(night, { from: '22:00', to: '08:00' })).toEqual([['no_time_to_send', '/send_window']]);
  // One minute is enough.
  expect(both(night, { from: '22:00', to: '08:01' })).toEqual([]);
  // By the clocks of two zones somebody's day is somebody's night.
  expect(both(night, { from: '09:00', to: '17:00', zone: 'workspace' })).toEqual([
    ['no_time_to_send', '/send_window'],
  ]);
  expect(both({ from: '00:00', to: '06:00' }, { from: '09:00', to: '17:00', zone: 'workspace' })).toEqual([]);
});

test('inherited members are not part of a document, keys like __proto__ are told', () => {
  const inherited: unknown = Object.create(documentOf([hello]));
  expect(problemsOf(inherited).map(([, path]) => path)).toEqual(['/key', '/name', '/trigger', '/steps']);
  const odd: unknown = JSON.parse(`${JSON.stringify(documentOf([hello])).slice(0, -1)}, "__proto__": 1}`);
  expect(problemsOf(odd)).toEqual([['series_unknown_key', '/__proto__']]);
  const steps: unknown = JSON.parse('[{"type": "constructor", "key": "a"}]');
  expect(problemsOf(documentOf([], { steps }))).toEqual([['unknown_step_type', '/steps/0/type']]);
});

test.each([null, undefined, 3, 'text', []])('%j is no series', (input) => {
  expect(problemsOf(input)).toEqual([['series_expected', '']]);
});

test('a document with thousands of mistakes is answered with a hundred', () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, index]));
  expect(problemsOf(many)).toHaveLength(100);
});
