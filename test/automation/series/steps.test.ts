import { expect, test } from 'vitest';
import { advance } from '../../../src/automation/series/advance.js';
import type { Advance, Facts, SeriesState } from '../../../src/automation/series/moves.js';
import type { EventRecord } from '../../../src/filter/record.js';
import { active, at, enter, factsOf, hello, iso, outcomeOf, seriesOf, told } from './facts.js';

const now = at('2026-06-01T12:00:00Z');
const day = 86_400_000;

function stepOf({ state }: Advance): string {
  return state.status === 'active' ? `${state.step} #${state.visit}` : state.status;
}

test('entering leads to the first step, and its delivery is asked for at once', () => {
  const move = enter(seriesOf([hello]), factsOf(), now);
  expect(move).toEqual({
    state: { status: 'active', step: 's1', visit: 1, since: now },
    effects: [
      { kind: 'send', step: 's1', visit: 1, channel: 'inbox', message: { title: null, text: 'Hello' } },
    ],
    wakeAt: now,
    listens: false,
    trail: [{ step: 's1', visit: 1, what: 'arrived', detail: null }],
  });
});

test.each(['delivered', 'failed', 'unreachable', 'suppressed', 'capped'] as const)(
  'a message that was %s leads on',
  (result) => {
    const series = seriesOf([hello, hello]);
    const state = active('s1', now);
    const move = advance(series, state, factsOf(outcomeOf(state, result)), now + 5);
    expect([stepOf(move), told(move), move.effects.length]).toEqual([
      's2 #2',
      [`s1 ${result}`, 's2 arrived'],
      1,
    ]);
  },
);

test('after the last step the series is complete', () => {
  const state = active('s1', now);
  expect(advance(seriesOf([hello]), state, factsOf(outcomeOf(state)), now)).toEqual({
    state: { status: 'completed', reason: 'end' },
    effects: [],
    wakeAt: null,
    listens: false,
    trail: [{ step: 's1', visit: 1, what: 'delivered', detail: null }],
  });
});

test('an outcome of another step or visit moves nothing: the present delivery is named again', () => {
  const series = seriesOf([hello, hello]);
  for (const old of [active('s1', now, 2), active('s2', now, 1)]) {
    const move = advance(series, active('s2', now, 2), factsOf(outcomeOf(old)), now);
    expect([stepOf(move), told(move), move.effects.length]).toEqual(['s2 #2', [], 1]);
  }
});

test('what is over stays over, and a step that the version never had sends nothing', () => {
  const series = seriesOf([hello]);
  const ends: SeriesState[] = [
    { status: 'completed', reason: 'goal' },
    { status: 'exited', reason: 'suppressed' },
    { status: 'held_out' },
    { status: 'refused', reason: 'audience' },
  ];
  for (const state of ends) {
    expect(advance(series, state, factsOf(), now)).toMatchObject({
      state,
      effects: [],
      wakeAt: null,
      trail: [],
    });
  }
  const gone = advance(series, active('gone', now), factsOf(), now);
  expect(gone).toMatchObject({ state: { status: 'exited', reason: 'broken' }, effects: [], wakeAt: null });
});

const paid = { '==': [{ var: 'custom:plan' }, 'paid'] };
const person = (custom: Record<string, unknown>, events: EventRecord[] = []): Partial<Facts> => ({
  person: { user_id: 'ada', custom_fields: custom, events },
});

test('suppression comes before the goal, the goal before the exit, the exit before the step', () => {
  const both = seriesOf([hello], { goal: paid, exit: paid });
  const facts = factsOf(person({ plan: 'paid' }));
  const state = active('s1', now);
  expect(advance(both, state, { ...facts, suppressed: true }, now).state).toEqual({
    status: 'exited',
    reason: 'suppressed',
  });
  expect(advance(both, state, facts, now).state).toEqual({ status: 'completed', reason: 'goal' });
  const left = advance(seriesOf([hello], { exit: paid }), state, facts, now);
  expect([left.state, left.effects]).toEqual([{ status: 'exited', reason: 'exit_filter' }, []]);
});

test('a message that went out before somebody left is told', () => {
  const state = active('s1', now);
  const facts = factsOf({ ...person({ plan: 'paid' }), ...outcomeOf(state) });
  const move = advance(seriesOf([hello, hello], { goal: paid }), state, facts, now);
  expect(told(move)).toEqual(['s1 delivered', 's1 reached_goal']);
});

test('who matches the goal at the entrance has reached it, and is sent nothing', () => {
  const move = enter(seriesOf([hello], { goal: paid }), factsOf(person({ plan: 'paid' })), now);
  expect([move.state, move.effects, told(move)]).toEqual([
    { status: 'completed', reason: 'goal' },
    [],
    ['s1 arrived', 's1 reached_goal'],
  ]);
});

test('a goal that turns by itself wakes a wait at that very instant', () => {
  const week = { '>=': [{ var: 'days_since_signup' }, 7] };
  const series = seriesOf([{ type: 'wait', for: [30, 'hours'] }, hello], { goal: week });
  const joined = new Date(now - 6 * day);
  const move = enter(series, factsOf({ person: { user_id: 'ada', signed_up_at: joined } }), now);
  expect([iso(move.wakeAt), move.listens]).toEqual([iso(now + day), true]);
});

test('a filter is waited for: at once where it holds, else until it turns, is told or the time is over', () => {
  const wait = { type: 'wait_for', filter: { '<=': [{ var: 'renewal_date' }, { from_now: [10, 'days'] }] } };
  const series = seriesOf([{ ...wait, timeout: [40, 'days'], on_timeout: 's3' }, hello, hello]);
  const asked = (away: number): Advance =>
    enter(series, factsOf({ person: { user_id: 'ada', renewal_date: new Date(now + away * day) } }), now);
  expect([stepOf(asked(5)), told(asked(5))]).toEqual(['s2 #2', ['s1 arrived', 's1 matched', 's2 arrived']]);
  expect([stepOf(asked(30)), iso(asked(30).wakeAt), asked(30).listens]).toEqual([
    's1 #1',
    iso(now + 20 * day),
    true,
  ]);
  expect(iso(asked(60).wakeAt)).toBe(iso(now + 40 * day));
  // A missing date never matches; the timeout comes.
  const late = advance(series, active('s1', now), factsOf(), now + 40 * day);
  expect([stepOf(late), told(late)]).toEqual(['s3 #2', ['s1 timed_out', 's3 arrived']]);
  // What holds when the machine looks counts, however late it looks.
  const facts = factsOf({ person: { user_id: 'ada', renewal_date: new Date(now) } });
  expect(stepOf(advance(series, active('s1', now), facts, now + 50 * day))).toBe('s2 #2');
});

test('an event is waited for by when it happened: since the arrival, and with the properties asked for', () => {
  const where = { '==': [{ var: 'property:plan' }, 'pro'] };
  const series = seriesOf([{ type: 'wait_for', event: 'paid', where, timeout: [3, 'days'] }, hello]);
  const did = (after: number, plan = 'pro', event = 'paid'): EventRecord => ({
    event,
    occurred_at: new Date(now + after),
    properties: { plan },
  });
  const asked = (event: EventRecord, later = 1000): Advance =>
    advance(series, active('s1', now), factsOf(person({}, [event])), now + later);
  expect(stepOf(asked(did(500)))).toBe('s2 #2');
  expect(stepOf(asked(did(0)))).toBe('s2 #2');
  expect(stepOf(asked(did(-1)))).toBe('s1 #1');
  expect(stepOf(asked(did(500, 'free')))).toBe('s1 #1');
  expect(stepOf(asked(did(500, 'pro', 'seen')))).toBe('s1 #1');
  // One that is still to come is waited for.
  expect(iso(asked(did(5000)).wakeAt)).toBe(iso(now + 5000));
  expect([stepOf(asked(did(-1), 3 * day)), told(asked(did(-1), 3 * day))]).toEqual([
    's2 #2',
    ['s1 timed_out', 's2 arrived'],
  ]);
});

test('an event at the very millisecond of the arrival is seen in the next, so that nobody goes round in one move', () => {
  const series = seriesOf([
    { type: 'wait_for', event: 'paid', timeout: [3, 'days'] },
    { type: 'set_trait', traits: { seen: true }, next: 's1' },
  ]);
  const facts = factsOf(person({}, [{ event: 'paid', occurred_at: new Date(now) }]));
  const first = enter(series, facts, now);
  expect([stepOf(first), first.wakeAt]).toEqual(['s1 #1', now + 1]);
  const second = advance(series, first.state, facts, now + 1);
  expect([stepOf(second), iso(second.wakeAt)]).toEqual(['s1 #3', iso(now + 1 + 3 * day)]);
});

test('a branch takes the first arm that matches, else goes on; a missing trait matches none', () => {
  const arms = [
    { when: { '!=': [{ var: 'custom:plan' }, 'free'] }, to: 's2' },
    { when: { '==': [{ var: 'custom:plan' }, 'free'] }, to: 's3' },
    { when: { exists: { var: 'custom:plan' } }, to: 'end' },
  ];
  const series = seriesOf([{ type: 'branch', arms, next: 's4' }, hello, hello, hello]);
  const asked = (custom: Record<string, unknown>): [string, string | undefined] => {
    const move = enter(series, factsOf(person(custom)), now);
    return [stepOf(move), told(move)[1]];
  };
  expect(asked({ plan: 'paid' })).toEqual(['s2 #2', 's1 took_arm 1']);
  expect(asked({ plan: 'free' })).toEqual(['s3 #2', 's1 took_arm 2']);
  expect(asked({ plan: 7 })).toEqual(['completed', 's1 took_arm 3']);
  expect(asked({})).toEqual(['s4 #2', 's1 took_arm otherwise']);
});

const halves = [
  { percent: 25, to: 's2' },
  { percent: 75, to: 's3' },
];

function armsOf(key: string, step = 's1'): string[] {
  const series = seriesOf([{ type: 'split', key: step, arms: halves }, hello, hello], { key });
  return Array.from({ length: 10_000 }, (_, index) => {
    const move = enter(series, factsOf({ person: { user_id: `user-${index}` } }), now);
    return stepOf(move).slice(1, 2);
  });
}

test('a split gives each arm its share, the same one every time, and splits are independent', () => {
  const one = armsOf('one');
  expect(Math.abs(one.filter((arm) => arm === '2').length - 2500)).toBeLessThan(150);
  expect(armsOf('one')).toEqual(one);
  const other = armsOf('one', 'other');
  const both = one.filter((arm, index) => arm === '2' && other[index] === '2').length;
  expect(Math.abs(both - 625)).toBeLessThan(100);
});

test('traits that the series sets are seen by what follows in the same move', () => {
  const steps = [
    { type: 'set_trait', traits: { plan: 'paid', old: null, on_contract: true, renewal_date: '2026-07-01' } },
    {
      type: 'branch',
      arms: [
        {
          when: {
            and: [
              paid,
              { missing: { var: 'custom:old' } },
              { '==': [{ var: 'on_contract' }, true] },
              { '>': [{ var: 'renewal_date' }, '2026-06-30'] },
            ],
          },
          to: 's3',
        },
      ],
      next: 'end',
    },
    hello,
  ];
  const facts = factsOf(person({ old: 1, kept: 2 }));
  const move = enter(seriesOf(steps), facts, now);
  expect(stepOf(move)).toBe('s3 #3');
  expect(move.effects.map(({ kind, step }) => [kind, step])).toEqual([
    ['set_trait', 's1'],
    ['send', 's3'],
  ]);
  // What it was told stays as it was told.
  expect(facts.person.custom_fields).toEqual({ old: 1, kept: 2 });
  // The goal sees them too, and what was set on the way there is still written.
  const reached = enter(seriesOf(steps, { goal: paid }), facts, now);
  expect([reached.state, reached.effects.map(({ kind }) => kind)]).toEqual([
    { status: 'completed', reason: 'goal' },
    ['set_trait'],
  ]);
});

const has = (key: string, value: string): object => ({ '==': [{ var: `custom:${key}` }, value] });

test('a trait with the name of something inherited is a trait', () => {
  const traits: unknown = JSON.parse('{"__proto__": "x", "constructor": "y"}');
  const when = { and: [has('__proto__', 'x'), has('constructor', 'y')] };
  const series = seriesOf([
    { type: 'set_trait', traits },
    { type: 'branch', arms: [{ when, to: 's3' }], next: 'end' },
    hello,
  ]);
  expect(stepOf(enter(series, factsOf(), now))).toBe('s3 #3');
});

test('a webhook is called at any hour, and an exit is no completion', () => {
  const series = seriesOf(
    [{ type: 'webhook', endpoint: 'shop', payload: { who: '{{ email }}' } }, { type: 'exit' }],
    {
      quiet_hours: { from: '00:00', to: '23:59' },
      frequency_caps: [{ messages: 1, per: [30, 'days'] }],
    },
  );
  const facts = factsOf({ contacts: [now] });
  const call = enter(series, facts, now);
  expect(call.effects).toEqual([
    { kind: 'webhook', step: 's1', visit: 1, endpoint: 'shop', payload: { who: '{{ email }}' } },
  ]);
  const left = advance(series, call.state, { ...facts, ...outcomeOf(call.state, 'failed') }, now);
  expect([left.state, told(left)]).toEqual([
    { status: 'exited', reason: 'exit_step' },
    ['s1 failed', 's2 arrived', 's2 exited exit_step'],
  ]);
});

test('a version that goes round without a rest ends, and nothing is sent on a guess', () => {
  const fine = seriesOf([{ type: 'set_trait', traits: { a: 1 } }, hello]);
  const [first, second] = fine.steps;
  if (first === undefined || second === undefined) throw new Error('two steps');
  const round = { ...fine, steps: [{ ...first, next: 's1' }, second] };
  expect(enter(round, factsOf(), now)).toMatchObject({
    state: { status: 'exited', reason: 'broken' },
    effects: [],
    wakeAt: null,
  });
});
