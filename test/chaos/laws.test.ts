import { expect, test } from 'vitest';
import { breaches } from './laws.js';
import type { Law } from './laws/breach.js';
import type { History } from './laws/history.js';

const call = {
  n: 1,
  at: 1100,
  key: 'k1',
  how: 'ok',
  accepted: true,
  person: 'p1',
  series: 's',
  step: 'a',
  text: 'hello',
} as const;
const second = { ...call, n: 2, at: 1300, key: 'k2', step: 'b' } as const;

const claim = {
  n: 1,
  work: '1',
  delivery: 'k1',
  enrollment: '1',
  series: 's',
  step: 'a',
  was: 'enqueued',
  now: 'claimed',
  epoch: 1,
  at: 1080,
  due: 1000,
  lease: null,
  by: 'one',
};
const done = { ...claim, n: 3, was: 'claimed', now: 'done', at: 1150, lease: 9000 };
const claim2 = { ...claim, n: 4, work: '2', delivery: 'k2', step: 'b', at: 1200, due: 1200 };
const done2 = { ...claim2, n: 6, was: 'claimed', now: 'done', at: 1350, lease: 9000 };

const begin = { n: 2, delivery: 'k1', work: '1', at: 1090, by: 'one' };
const begin2 = { n: 5, delivery: 'k2', work: '2', at: 1250, by: 'one' };

const person = { userId: 'p1', began: 900, identified: 950, events: [] };

const row = { enrollment: '1', visit: 1, state: 'done', held: false, error: null };

/** One person, two messages, as it should be. */
const right: History = {
  calls: [call, second],
  moves: [claim, done, claim2, done2],
  begins: [begin, begin2],
  people: [person],
  crowd: [],
  pauses: [],
  enrollments: [{ id: '1', series: 's', person: 'p1', state: 'completed' }],
  work: [
    { ...row, id: '1', step: 'a', delivery: 'k1' },
    { ...row, id: '2', step: 'b', delivery: 'k2' },
  ],
  delivered: ['k1', 'k2'],
  refusals: [],
  outbox: 0,
  steps: new Map([['s', ['a', 'b']]]),
  events: new Map([['e', 'bought']]),
  stopped: 's',
  deadly: { series: 'd', step: 'x', attempts: 2 },
  shown: [],
  broadcasts: { launches: [], watched: { samples: 0, faults: [] }, runs: [], recipients: [], chunks: [] },
};

test('a run in which all went well breaks no law', () => {
  expect(breaches(right)).toEqual([]);
});

/** Somebody whose message killed two workers, as it should be. */
const deadly: Partial<History> = {
  enrollments: [...right.enrollments, { id: '9', series: 'd', person: 'p9', state: 'completed' }],
  work: [...right.work, { ...row, id: '9', enrollment: '9', step: 'x', delivery: 'k9', state: 'failed' }],
  begins: [...right.begins, { ...begin, n: 8, work: '9', delivery: 'k9' }],
  shown: ['k9'],
};

test('what kills its process each time, is given up and shown breaks no law', () => {
  expect(breaches({ ...right, ...deadly })).toEqual([]);
});

const wrong: readonly (readonly [string, Law, Partial<History>])[] = [
  [
    'a step that was refused and never accepted',
    'delivered',
    { calls: [call, { ...second, accepted: false }] },
  ],
  ['a delivery on the books that nobody accepted', 'delivered', { delivered: ['k1', 'k2', 'k3'] }],
  [
    'one message under two keys',
    'distinct',
    { calls: [call, second, { ...call, n: 3, at: 1400, key: 'k9' }] },
  ],
  ['one key with two texts', 'distinct', { calls: [call, second, { ...call, n: 3, at: 1400, text: 'hi' }] }],
  [
    'a row that waits for ever',
    'stuck',
    { work: [{ ...row, id: '1', step: 'a', delivery: 'k1', state: 'claimed' }] },
  ],
  [
    'a step that was given up',
    'stuck',
    { work: [{ ...row, id: '1', step: 'a', delivery: 'k1', state: 'failed' }] },
  ],
  [
    'a step cancelled for no reason',
    'stuck',
    { work: [{ ...row, id: '1', step: 'a', delivery: 'k1', state: 'cancelled' }] },
  ],
  [
    'a person left inside',
    'stuck',
    { enrollments: [{ id: '1', series: 's', person: 'p1', state: 'active' }] },
  ],
  ['a happening that nobody took in', 'stuck', { outbox: 1 }],
  ['the second step accepted before the first', 'order', { calls: [{ ...second, n: 0 }, call] }],
  ['a delivery begun after an unsubscription', 'forbidden', { people: [{ ...person, forbidden: 1200 }] }],
  ['a delivery begun after an erasure', 'forbidden', { people: [{ ...person, erased: 1050 }] }],
  ['a claim in the middle of a pause', 'paused', { pauses: [{ from: 1050, to: 1150, over: 1160 }] }],
  ['an answered identify that nobody took in', 'entered', { enrollments: [] }],
  [
    'one event that let somebody in twice',
    'entered',
    {
      people: [{ ...person, events: ['bought'] }],
      steps: new Map([['e', []]]),
      enrollments: [1, 2].map((id) => ({ id: String(id), series: 'e', person: 'p1', state: 'completed' })),
    },
  ],
  [
    'an answered event that nobody took in',
    'entered',
    { people: [{ ...person, events: ['bought'] }], steps: new Map([['e', []]]) },
  ],
  [
    'a deadly step that is tried for ever',
    'given up',
    { ...deadly, begins: [1, 2, 3].map((n) => ({ ...begin, n, work: '9' })) },
  ],
  ['a deadly step that is not shown', 'given up', { ...deadly, shown: [] }],
  ['a call that was not written down', 'written first', { begins: [begin] }],
  ['a call written down only afterwards', 'written first', { begins: [begin, { ...begin2, at: 1400 }] }],
  [
    'a repeat without a claim of its own',
    'written first',
    { calls: [call, second, { ...second, n: 3, at: 1500 }] },
  ],
  ['a claim ended by somebody else', 'holder', { moves: [claim, { ...done, by: 'two' }] }],
  [
    'a claim taken back before its lease was over',
    'holder',
    { moves: [claim, { ...done, now: 'pending', by: 'two' }] },
  ],
  [
    'a step that was over and began again',
    'over',
    { moves: [claim, done, { ...claim, n: 4, was: 'done', at: 1500 }] },
  ],
  [
    'a claim of what somebody holds',
    'one claim',
    { moves: [claim, { ...claim, n: 4, was: 'claimed', by: 'two' }] },
  ],
  ['a delivery begun before its time', 'early', { moves: [{ ...claim, due: 1097 }, done] }],
  ['a step ended before its time', 'early', { moves: [claim, { ...done, due: 1200 }] }],
];

test.each(wrong)('%s is seen as such', (_, law, change) => {
  expect(breaches({ ...right, ...change }).map((found) => found.law)).toContain(law);
});

test('what was in flight when somebody unsubscribed may arrive, and their other steps are cancelled', () => {
  const found = breaches({
    ...right,
    people: [{ ...person, forbidden: 1095 }],
    calls: [call],
    moves: [claim, done],
    begins: [begin],
    delivered: ['k1'],
    work: [
      { ...row, id: '1', step: 'a', delivery: 'k1' },
      { ...row, id: '2', step: 'b', delivery: 'k2', state: 'cancelled' },
    ],
  });
  expect(found).toEqual([]);
});

test('a claim before its time that waits for it, and one that is given back, are not early', () => {
  const soon = { ...claim, due: 1088 };
  expect(breaches({ ...right, moves: [soon, done, claim2, done2] })).toEqual([]);
  const back = { ...done2, now: 'pending', due: 9000 };
  const found = breaches({ ...right, moves: [claim, done, claim2, back] });
  expect(found.filter(({ law }) => law === 'early')).toEqual([]);
});

test('an expired claim may be taken back by anybody', () => {
  const back = { ...done, now: 'pending', by: 'two', at: 9500 };
  const again = { ...claim, n: 7, at: 9600, by: 'two' };
  const found = breaches({ ...right, moves: [claim, back, again, { ...done, n: 8, at: 9700, by: 'two' }] });
  expect(found.filter(({ law }) => law === 'holder' || law === 'one claim')).toEqual([]);
});
