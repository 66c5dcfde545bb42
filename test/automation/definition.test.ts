import { expect, test } from 'vitest';
import { exampleSeries, loadSeries, parseSeries } from '../../src/automation/index.js';
import { MusterError } from '../../src/errors/index.js';
import { seriesOf } from './support.js';

function problemsOf(input: unknown): [string, string][] {
  try {
    parseSeries(input);
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path]);
    throw error;
  }
  return [];
}

test('the example series is one that Muster accepts', async () => {
  const welcome = await loadSeries(exampleSeries.welcome);
  expect(welcome.key).toBe('welcome');
  expect(welcome.steps.map((step) => step.channel)).toEqual(['log', 'inbox']);
});

test('every problem is found at once, each with its path', () => {
  const found = problemsOf({
    key: 'Welcome!',
    name: ' ',
    trigger: { type: 'moon', every: 3 },
    audience: { and: [{ '==': [{ var: 'rolle' }, 'x'] }, { nope: 1 }] },
    entry: 'twice',
    colour: 'red',
    steps: [
      { type: 'send', key: 'a', channel: 'pigeon', message: { text: 'Hi {{ name' } },
      { type: 'fly', anything: true },
      { type: 'send', key: 'b', channel: 'log', message: { text: 'x', html: 'y' }, wait: 3 },
      { type: 'send', key: 'b', channel: 'log', message: { text: 'x' } },
      { type: 'send', key: 'c', channel: 'log', message: {} },
      7,
    ],
  });
  const expected = [
    ['series_unknown_key', '/colour'],
    ['series_bad_key', '/key'],
    ['series_bad_text', '/name'],
    ['series_unknown_key', '/trigger/every'],
    ['unknown_trigger', '/trigger/type'],
    ['unknown_field', '/audience/and/0/==/0/var'],
    ['unknown_operator', '/audience/and/1/nope'],
    ['unknown_entry_policy', '/entry'],
    ['unknown_channel', '/steps/0/channel'],
    ['bad_merge_tag', '/steps/0/message/text'],
    ['unknown_step_type', '/steps/1/type'],
    ['series_unknown_key', '/steps/2/message/html'],
    ['series_unknown_key', '/steps/2/wait'],
    ['step_key_taken', '/steps/3/key'],
    ['series_expected', '/steps/4/message/text'],
    ['series_expected', '/steps/5'],
  ];
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(expect.arrayContaining(expected));
});

test.each([
  ['no steps', { steps: [] }, [['empty_steps', '/steps']]],
  ['steps that are no list', { steps: {} }, [['series_expected', '/steps']]],
  ['an empty audience: everybody must be asked for', { audience: {} }, [['empty_filter', '/audience']]],
  ['an audience of null', { audience: null }, [['filter_not_object', '/audience']]],
  ['a text with NUL', { name: 'a\0b' }, [['series_bad_text', '/name']]],
  ['a text with a lone surrogate', { name: '\ud800' }, [['series_bad_text', '/name']]],
  ['a key with capitals', { key: 'Welcome' }, [['series_bad_key', '/key']]],
])('%s is refused', (_, change, expected) => {
  expect(problemsOf({ ...seriesOf('welcome'), ...change })).toEqual(expected);
});

test.each([null, undefined, 3, 'text', []])('%j is no series', (input) => {
  expect(problemsOf(input)).toEqual([['series_expected', '']]);
});

test('inherited members are not part of a document', () => {
  const inherited: unknown = Object.create(seriesOf('welcome'));
  expect(problemsOf(inherited).map(([, path]) => path)).toEqual(['/key', '/name', '/trigger', '/steps']);
});

test('a file that is missing or no JSON is refused with its name or reason', async () => {
  await expect(loadSeries('/nowhere/series.json')).rejects.toMatchObject({
    code: 'series_unreadable',
    message: 'cannot read the series `/nowhere/series.json`: ENOENT',
  });
  await expect(loadSeries(new URL('support.ts', import.meta.url))).rejects.toMatchObject({
    code: 'series_not_json',
  });
});
