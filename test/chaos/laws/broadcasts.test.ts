import { expect, test } from 'vitest';
import { breaches } from '../laws.js';
import type { Law } from './breach.js';
import type { BroadcastHistory, History } from './history.js';
import { progressFaults } from './progress.js';

const call = {
  n: 1,
  at: 1100,
  key: 'k1',
  how: 'ok',
  accepted: true,
  person: 'p1',
  series: 'news',
  step: 'short',
  text: 'hello',
} as const;
const begin = { n: 1, delivery: 'k1', work: null, at: 1090, by: 'chaos-0-1' };
const recipient = { run: 'r', number: 1, person: 'p1', state: 'sent', reason: null, delivery: 'k1' };
const skipped = { run: 'r', number: 2, person: 'p2', state: 'skipped', reason: 'suppressed', delivery: 'k2' };

/** A launch to two people, of whom one unsubscribed. */
const launched: BroadcastHistory = {
  launches: [{ broadcast: 'news', run: 'r', pauses: [] }],
  watched: { samples: 3, faults: [] },
  runs: [{ run: 'r', state: 'completed' }],
  recipients: [recipient, skipped],
  chunks: [{ id: '1', run: 'r', state: 'done' }],
};
const right: History = {
  calls: [call],
  moves: [],
  begins: [begin],
  people: [],
  crowd: [{ userId: 'p2', began: 0, identified: 0, events: [], forbidden: 900 }],
  pauses: [],
  enrollments: [],
  work: [],
  delivered: [],
  refusals: [],
  outbox: 0,
  steps: new Map(),
  events: new Map(),
  stopped: 's',
  deadly: { series: 'd', step: 'x', attempts: 2 },
  shown: [],
  broadcasts: launched,
};
const of = (more: Partial<BroadcastHistory>): Partial<History> => ({ broadcasts: { ...launched, ...more } });
const launch = launched.launches[0] ?? { broadcast: '', run: '', pauses: [] };

test('a launch in which all went well breaks no law', () => {
  expect(breaches(right)).toEqual([]);
});

const wrong: readonly (readonly [string, Law, Partial<History>])[] = [
  ['somebody on the books as sent to whom nobody accepted', 'delivered', { calls: [], begins: [] }],
  [
    'somebody skipped who was accepted',
    'delivered',
    of({ recipients: [{ ...recipient, state: 'skipped' }] }),
  ],
  ['somebody skipped for no reason', 'delivered', { ...of({}), crowd: [] }],
  [
    'somebody of whom nobody knows',
    'delivered',
    of({ recipients: [{ ...recipient, state: 'unknown' }, skipped] }),
  ],
  [
    'somebody who is on their way for ever',
    'stuck',
    of({ recipients: [{ ...recipient, state: 'sending' }] }),
  ],
  ['somebody who was given up', 'stuck', of({ recipients: [{ ...recipient, state: 'failed' }] })],
  ['a chunk that waits for ever', 'stuck', of({ chunks: [{ id: '1', run: 'r', state: 'enqueued' }] })],
  ['a launch that never ends', 'stuck', of({ runs: [{ run: 'r', state: 'running' }] })],
  ['a key that no launch knows', 'distinct', { calls: [call, { ...call, n: 2, key: 'k9' }] }],
  [
    'one person under two keys',
    'distinct',
    {
      ...of({ recipients: [recipient, { ...skipped, state: 'sent', reason: null }] }),
      calls: [call, { ...call, n: 2, key: 'k2' }],
    },
  ],
  ['one key with two texts', 'distinct', { calls: [call, { ...call, n: 2, at: 1200, text: 'hi' }] }],
  ['a call that was not written down', 'written first', { begins: [] }],
  [
    'somebody written down after their unsubscription',
    'forbidden',
    { begins: [begin, { ...begin, n: 2, delivery: 'k2', at: 1000 }] },
  ],
  [
    'somebody written down in a pause',
    'paused',
    of({ launches: [{ ...launch, pauses: [{ from: 1050, to: 1150, over: 1160 }] }] }),
  ],
  [
    'somebody written down after a cancellation',
    'paused',
    of({ launches: [{ ...launch, cancelling: 1040, cancelled: 1050 }] }),
  ],
  ['a report that went back', 'progress', of({ watched: { samples: 2, faults: ['sent went from 2 to 1'] } })],
];

test.each(wrong)('%s is seen as such', (_, law, change) => {
  expect(breaches({ ...right, ...change }).map((found) => found.law)).toContain(law);
});

test('a report adds up at each look and nothing in it goes back, while somebody who is pending may move', () => {
  const before = { recipients: 4, sent: 1, pending: 2, skipped: 1, failed: 0, unknown: 0 };
  expect(progressFaults(undefined, before)).toEqual([]);
  expect(progressFaults(before, { ...before, sent: 2, pending: 1 })).toEqual([]);
  expect(progressFaults(before, { ...before, pending: 1 })).toHaveLength(1);
  expect(progressFaults(before, { ...before, sent: 0, pending: 3 })).toHaveLength(1);
  expect(progressFaults(before, { ...before, recipients: 5, pending: 3 })).toHaveLength(1);
});
