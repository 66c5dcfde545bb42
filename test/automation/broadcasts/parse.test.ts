import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parseBroadcast } from '../../../src/automation/broadcasts/parse.js';
import { broadcastSchema } from '../../../src/automation/broadcasts/schema.js';
import { MusterError } from '../../../src/errors/index.js';
import { broadcastOf } from './support.js';

const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
  broadcastSchema(),
);

function problemsOf(input: unknown): [string, string][] {
  try {
    parseBroadcast(input);
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path]);
    throw error;
  }
  return [];
}

const message = { text: 'Hello' };
const whole = {
  key: 'spring',
  name: 'Spring',
  audience: { '==': [{ var: 'custom:plan' }, 'pro'] },
  channel: 'inbox',
  variants: [
    { key: 'a', percent: 33.33, message: { title: 'A', text: 'Hello {{ name|there }}' } },
    { key: 'b', percent: 66.67, message },
  ],
  topic: 'product_news',
  quiet_hours: { from: '21:00', to: '08:00' },
  send_window: { days: ['mon', 'tue'], from: '09:00', to: '17:00' },
  frequency_caps: [{ messages: 3, per: [7, 'days'] }],
  rate_limit: { messages: 500, per: 'minute' },
  schedule: { date: '2026-12-01', time: '09:00', zone: 'person', passed: 'next_day' },
};

test('a broadcast with every part is read whole, and valid under the schema', () => {
  const definition = parseBroadcast(whole);
  expect(definition).toMatchObject({
    key: 'spring',
    variants: [
      { key: 'a', percent: 33.33 },
      { key: 'b', percent: 66.67 },
    ],
    topic: 'product_news',
    quietHours: { from: 1260, to: 480, zone: 'person' },
    rateLimit: { messages: 500, per: 'minute' },
    schedule: { kind: 'local', date: Date.UTC(2026, 11, 1), time: 540, zone: 'person', passed: 'next_day' },
  });
  for (const each of [whole, broadcastOf('a'), broadcastOf('b', { schedule: 'now' })])
    expect([validate(each), validate.errors]).toEqual([true, null]);
});

test('the broadcast in the guide is one', () => {
  const guide = readFileSync(new URL('../../../docs/broadcasts.md', import.meta.url), 'utf8');
  const [, example] = /```json\n([\s\S]*?)```/.exec(guide) ?? [];
  const document: unknown = JSON.parse(example ?? '');
  expect(problemsOf(document)).toEqual([]);
  expect(validate(document)).toBe(true);
});

test('everything that is wrong is told at once, with its place', () => {
  const wrong = {
    key: 'Spring',
    audience: {},
    channel: 'pigeon',
    message: { text: '{{ name' },
    quiet_hours: { from: '09:00', to: '09:00' },
    rate_limit: { messages: 0, per: 'hour' },
    schedule: { date: '2026-02-30', time: '9', zone: 'person' },
    colour: 'red',
  };
  expect(problemsOf(wrong)).toEqual([
    ['broadcast_unknown_key', '/colour'],
    ['broadcast_bad_key', '/key'],
    ['broadcast_expected', '/name'],
    ['empty_filter', '/audience'],
    ['unknown_channel', '/channel'],
    ['bad_merge_tag', '/message/text'],
    ['no_such_hours', '/quiet_hours'],
    ['broadcast_number_range', '/rate_limit/messages'],
    ['broadcast_expected', '/rate_limit/per'],
    ['broadcast_expected', '/schedule/date'],
    ['broadcast_expected', '/schedule/time'],
    ['broadcast_expected', '/schedule/passed'],
  ]);
});

test.each<[string, object, [string, string]]>([
  ['no message', { message: undefined }, ['broadcast_expected', '']],
  ['message and variants', { variants: whole.variants }, ['broadcast_expected', '']],
  ['no audience', { audience: undefined }, ['filter_not_object', '/audience']],
  ['an instant that is none', { schedule: { at: 'tomorrow' } }, ['broadcast_expected', '/schedule/at']],
  [
    'an instant and a day',
    { schedule: { at: '2026-12-01T09:00:00Z', time: '09:00' } },
    ['broadcast_unknown_key', '/schedule/time'],
  ],
  ['a part that is null', { topic: null }, ['broadcast_expected', '/topic']],
  [
    'no time to send',
    { quiet_hours: { from: '00:00', to: '23:59' }, send_window: { from: '12:00', to: '13:00' } },
    ['no_time_to_send', '/send_window'],
  ],
])('%s is refused', (_, more, problem) => {
  const document = JSON.parse(JSON.stringify({ ...broadcastOf('x'), ...more })) as unknown;
  expect(problemsOf(document)).toContainEqual(problem);
});

test('variants need keys of their own and shares that add up to 100', () => {
  const { variants: _, ...rest } = whole;
  const of = (variants: unknown): [string, string][] => problemsOf({ ...rest, variants });
  expect(of([{ key: 'a', percent: 50, message }])).toEqual([['broadcast_expected', '/variants']]);
  expect(
    of([
      { key: 'a', percent: 50, message },
      { key: 'a', percent: 50, message },
    ]),
  ).toEqual([['variant_key_taken', '/variants/1/key']]);
  expect(
    of([
      { key: 'a', percent: 50, message },
      { key: 'b', percent: 49, message },
    ]),
  ).toEqual([['bad_percentages', '/variants']]);
  expect(
    of([
      { key: 'a', percent: 100, message },
      { key: 'b', percent: 0, message },
    ]),
  ).toEqual([['broadcast_number_range', '/variants/1/percent']]);
});
