import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { seriesSchema } from '../../../src/automation/series/schema.js';
import { seriesArbitrary } from './arbitrary.js';
import { documentOf, hello, problemsOf } from './facts.js';

const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
  seriesSchema(),
);
const examples = new URL('../../../rules/series/', import.meta.url);

test.each(readdirSync(examples))('the example %s is a series, and valid under the schema', (file) => {
  const document: unknown = JSON.parse(readFileSync(new URL(file, examples), 'utf8'));
  expect(`${parseSeries(document).key}.json`).toBe(file);
  expect([validate(document), validate.errors]).toEqual([true, null]);
});

test('there is an example of each kind that the guide names', () => {
  expect(readdirSync(examples).toSorted()).toEqual([
    'onboarding.json',
    'renewal.json',
    'trial-ending.json',
    'welcome.json',
    'win-back.json',
  ]);
});

test('the series in the guide is one', () => {
  const guide = readFileSync(new URL('../../../docs/series.md', import.meta.url), 'utf8');
  const [, example] = /```json\n([\s\S]*?)```/.exec(guide) ?? [];
  const document: unknown = JSON.parse(example ?? '');
  expect(parseSeries(document).steps).toHaveLength(3);
  expect(validate(document)).toBe(true);
});

test('whatever Muster accepts is valid under the schema', () => {
  fc.assert(
    fc.property(seriesArbitrary, (document) => {
      expect(problemsOf(document)).toEqual([]);
      expect([validate(document), validate.errors]).toEqual([true, null]);
    }),
    { seed: 20_260_801, numRuns: 300 },
  );
});

const document = documentOf([hello]);
const stepsWith = (...steps: Record<string, unknown>[]): object => ({ steps: documentOf(steps)['steps'] });

test.each<[string, object]>([
  ['an unknown key', { colour: 'red' }],
  ['no steps', { steps: [] }],
  ['a key with capitals', { key: 'Welcome' }],
  ['a blank name', { name: ' ' }],
  ['an empty filter', { audience: {} }],
  ['an unknown operator', { goal: { nope: 1 } }],
  ['two operators', { goal: { and: [], or: [] } }],
  ['an unknown trigger', { trigger: { type: 'moon' } }],
  ['a key of another trigger', { trigger: { type: 'user_created', event: 'x' } }],
  ['an entry policy that is none', { entry: 'twice' }],
  ['a negative wait', stepsWith({ type: 'wait', for: [-1, 'days'] })],
  ['a unit that is none', stepsWith({ type: 'wait', for: [1, 'day'] })],
  [
    'hours in a date',
    { trigger: { type: 'date', field: 'renewal_date', offset: [1, 'hours'], at: '09:00' } },
  ],
  ['a time that is none', { quiet_hours: { from: '24:00', to: '08:00' } }],
  ['a holdout of most', { holdout: 60 }],
  ['an unknown step', stepsWith({ type: 'fly' })],
  ['a step called end', stepsWith({ ...hello, key: 'end' })],
  ['a message without text', stepsWith({ ...hello, message: {} })],
  [
    'a wait for two things',
    stepsWith({ type: 'wait_for', event: 'x', filter: { everyone: true }, timeout: [1, 'days'] }),
  ],
  ['a wait for nothing', stepsWith({ type: 'wait_for', timeout: [1, 'days'] })],
  [
    'an event filter that asks about events',
    { trigger: { type: 'event', event: 'x', where: { did: { event: 'y' } } } },
  ],
  [
    'a split with next',
    stepsWith({
      type: 'split',
      arms: [
        { percent: 50, to: 'end' },
        { percent: 50, to: 'end' },
      ],
      next: 'end',
    }),
  ],
])('%s is refused by the schema and by Muster', (_, change) => {
  expect(validate({ ...document, ...change })).toBe(false);
  expect(problemsOf({ ...document, ...change })).not.toEqual([]);
});
