import { expect, test } from 'vitest';
import { eventsAskedFor, longestCap, readsOf } from '../../../src/automation/series/needs.js';
import { hello, seriesOf } from './facts.js';

const did = (event: string, within?: unknown): object => ({
  did: { event, ...(within === undefined ? {} : { within }) },
});

test('the events that a series asks about are those of every filter and every wait, each need once', () => {
  const series = seriesOf(
    [
      { type: 'wait_for', event: 'paid', timeout: [1, 'days'] },
      { type: 'wait_for', filter: { '!': did('seen', [7, 'days']) }, timeout: [1, 'days'] },
      {
        type: 'branch',
        arms: [{ when: { or: [did('seen', [7, 'days']), did('seen', [1, 'hours'])] }, to: 'end' }],
      },
    ],
    { audience: did('login'), goal: did('paid', [2, 'weeks']), exit: { and: [did('login', [1, 'days'])] } },
  );
  const needs = eventsAskedFor(series);
  expect(needs).toHaveLength(5);
  expect(needs).toEqual(
    expect.arrayContaining([
      // All of them, which covers those of one day.
      { event: 'login', since: 'ever' },
      { event: 'paid', since: { amount: 2, unit: 'weeks' } },
      { event: 'paid', since: 'entry' },
      { event: 'seen', since: { amount: 7, unit: 'days' } },
      { event: 'seen', since: { amount: 1, unit: 'hours' } },
    ]),
  );
  expect(eventsAskedFor(seriesOf([hello]))).toEqual([]);
});

test('the longest cap is by length, not by amount', () => {
  const caps = [
    { messages: 1, per: [90, 'minutes'] },
    { messages: 9, per: [1, 'months'] },
    { messages: 3, per: [4, 'weeks'] },
  ];
  expect(longestCap(seriesOf([hello], { frequency_caps: caps }))).toEqual({ amount: 1, unit: 'months' });
  expect(longestCap(seriesOf([hello]))).toBe(null);
});

test('a series reads the fields of its filters, templates and trigger', () => {
  const series = seriesOf(
    [
      {
        ...hello,
        message: { title: '{{ customer_for }}', text: '{{ name|there }} {{ role }} {{ custom:role }}' },
      },
      { type: 'webhook', endpoint: 'shop', payload: { list: [{ at: '{{ company.name }}' }] } },
    ],
    {
      trigger: { type: 'date', field: 'custom:/trial/end', at: '09:00' },
      goal: { '==': [{ lower: { var: 'email' } }, 'x'] },
    },
  );
  expect(readsOf(series)).toEqual([
    'company.name',
    'custom:/trial/end',
    'custom:role',
    'days_since_signup',
    'email',
    'name',
  ]);
});
