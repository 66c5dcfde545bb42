import { expect, test } from 'vitest';
import { advance, parseSeries } from '../../src/automation/index.js';
import type { Facts } from '../../src/automation/index.js';
import { seriesOf } from './support.js';

const series = parseSeries(seriesOf('two', ['log', 'inbox']));
const now = Date.UTC(2026, 0, 31);
const nothing = { outcome: null };
const delivered = (step: string): Facts => ({ outcome: { step, visit: 1, result: 'delivered' } });

test('entering leads to the first step, at once', () => {
  expect(advance(series, { status: 'entering' }, nothing, now)).toEqual({
    state: { status: 'active', step: 'step-1', visit: 1 },
    effects: [
      {
        kind: 'send',
        step: 'step-1',
        visit: 1,
        channel: 'log',
        message: { title: null, text: 'Hello {{ name|there }}' },
      },
    ],
    wakeAt: now,
  });
});

test('a delivered step leads to the next one, the last one completes the series', () => {
  const second = advance(series, { status: 'active', step: 'step-1', visit: 1 }, delivered('step-1'), now);
  expect(second.state).toEqual({ status: 'active', step: 'step-2', visit: 1 });
  expect(second.effects.map((effect) => effect.channel)).toEqual(['inbox']);
  expect(advance(series, second.state, delivered('step-2'), now)).toEqual({
    state: { status: 'completed' },
    effects: [],
    wakeAt: null,
  });
});

test('a step that was given up does not end the series', () => {
  const outcome = { step: 'step-1', visit: 1, result: 'failed' } as const;
  expect(advance(series, { status: 'active', step: 'step-1', visit: 1 }, { outcome }, now).state).toEqual({
    status: 'active',
    step: 'step-2',
    visit: 1,
  });
});

test('an outcome of another step or visit moves nothing', () => {
  const state = { status: 'active', step: 'step-2', visit: 2 } as const;
  for (const [step, visit] of [
    ['step-1', 2],
    ['step-2', 1],
  ] as const) {
    expect(advance(series, state, { outcome: { step, visit, result: 'delivered' } }, now).state).toEqual(
      state,
    );
  }
});

test('without an outcome the present step is named again, and nothing moves', () => {
  const state = { status: 'active', step: 'step-2', visit: 3 } as const;
  const move = advance(series, state, nothing, now);
  expect(move.state).toEqual(state);
  expect(move.effects.map(({ step, visit }) => [step, visit])).toEqual([['step-2', 3]]);
});

test('what is over stays over, and a step that the version never had sends nothing', () => {
  for (const status of ['completed', 'exited'] as const) {
    expect(advance(series, { status }, nothing, now)).toEqual({
      state: { status },
      effects: [],
      wakeAt: null,
    });
  }
  expect(advance(series, { status: 'active', step: 'gone', visit: 1 }, nothing, now)).toEqual({
    state: { status: 'exited' },
    effects: [],
    wakeAt: null,
  });
});
