import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { advance } from '../../../src/automation/series/advance.js';
import type { SeriesDefinition } from '../../../src/automation/series/model.js';
import type { Advance, Facts, SeriesState } from '../../../src/automation/series/moves.js';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { factsArbitrary, nowArbitrary, seriesArbitrary, stateArbitrary } from './arbitrary.js';
import { outcomeOf } from './facts.js';

/** What holds for every series, whatever is known about a person. */

const seed = 20_260_801;
/** To make up a series that is accepted takes longer than to move through one, so that a stock of them is made first. */
const stock = fc.sample(seriesArbitrary, { seed, numRuns: 400 }).map((document) => parseSeries(document));
const series = fc.constantFrom(...stock);

interface Asked {
  readonly definition: SeriesDefinition;
  readonly state: SeriesState;
  readonly facts: Facts;
  readonly now: number;
}

/** Any question; nobody came to a step later than now. */
const asked: fc.Arbitrary<Asked> = fc
  .record({ definition: series, state: stateArbitrary, facts: factsArbitrary, now: nowArbitrary })
  .map(({ state, ...rest }) => ({ ...rest, state: placed(state, rest) }));

/** At a step of the series, all but few who are at one that it does not have; reached no later than now. */
function placed(state: SeriesState, { definition, now }: Omit<Asked, 'state'>): SeriesState {
  if (state.status !== 'active') return state;
  const keys = keysOf(definition);
  const step = state.step === 'gone' ? state.step : (keys[Number(state.step.slice(1)) % keys.length] ?? '');
  return { ...state, step, since: Math.min(state.since, now) };
}

function keysOf({ steps }: SeriesDefinition): string[] {
  return steps.map(({ key }) => key);
}

function answerTo({ definition, state, facts, now }: Asked): Advance {
  return advance(definition, state, facts, now);
}

test('a move never throws, and the same question has the same answer', () => {
  fc.assert(
    fc.property(asked, (question) => {
      const copy = { ...question, definition: parseSeries(question.definition.source) };
      expect(answerTo(copy)).toEqual(answerTo(question));
    }),
    { seed, numRuns: 600 },
  );
});

test('a move ends, asks for one delivery now, or says when to ask again', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(asked, (question) => {
      const { state, effects, wakeAt, listens } = answerTo(question);
      const deliveries = effects.filter(({ kind }) => kind !== 'set_trait');
      const [delivery] = deliveries;
      const kind = state.status !== 'active' ? 'end' : delivery === undefined ? 'rest' : 'delivery';
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const holds = {
        end: wakeAt === null && !listens && deliveries.length === 0,
        rest: wakeAt !== null && wakeAt > question.now && Number.isInteger(wakeAt),
        delivery:
          wakeAt === question.now &&
          deliveries.length === 1 &&
          effects.at(-1) === delivery &&
          state.status === 'active' &&
          delivery?.step === state.step,
      };
      expect([kind, holds[kind]]).toEqual([kind, true]);
    }),
    { seed, numRuns: 3000 },
  );
  // A law that nothing comes under would hold too.
  expect(Math.min(...seen.values())).toBeGreaterThan(30);
  expect(seen.size).toBe(3);
});

test('a series that was accepted never goes round without a rest', () => {
  fc.assert(
    fc.property(asked, (question) => {
      const { state } = answerTo(question);
      const isBroken = state.status === 'exited' && state.reason === 'broken';
      const isGone =
        question.state.status === 'active' && !keysOf(question.definition).includes(question.state.step);
      expect(isBroken).toBe(isGone);
    }),
    { seed, numRuns: 1500 },
  );
});

test('state and effects survive being stored as JSON', () => {
  fc.assert(
    fc.property(asked, (question) => {
      const move = answerTo(question);
      const stored: unknown = JSON.parse(JSON.stringify(move));
      expect(stored).toEqual(move);
    }),
    { seed, numRuns: 1500 },
  );
});

test('asking before the time has come changes nothing: same state, same time', () => {
  fc.assert(
    fc.property(asked, fc.double({ min: 0, max: 1, noNaN: true }), (question, share) => {
      const { now } = question;
      const { state, effects, wakeAt } = answerTo(question);
      fc.pre(wakeAt !== null && wakeAt > now && effects.length === 0);
      const early = now + Math.floor(((wakeAt ?? now) - 1 - now) * share);
      const facts = { ...question.facts, outcome: null };
      const again = answerTo({ ...question, state, facts, now: early });
      expect([again.state, again.wakeAt, again.trail]).toEqual([state, wakeAt, []]);
    }),
    { seed, numRuns: 500 },
  );
});

test('asked whenever it says, and told what became of each delivery, everybody gets to an end', () => {
  const straight = stock.filter(({ steps }) => !hasWayBack(steps));
  expect(straight.length).toBeGreaterThan(100);
  fc.assert(
    fc.property(fc.constantFrom(...straight), factsArbitrary, nowArbitrary, (definition, known, start) => {
      const facts: Facts = {
        ...known,
        suppressed: false,
        outcome: null,
        happening: { kind: 'by_hand', name: null, properties: {} },
        entries: { count: 0, inside: false, lastAt: null },
      };
      let now = start;
      let move = advance(definition, { status: 'entering' }, facts, now);
      const deliveries: number[] = [];
      for (let turn = 0; turn < 500 && move.state.status === 'active'; turn += 1) {
        const { state, effects, wakeAt } = move;
        const delivers = effects.some(({ kind }) => kind !== 'set_trait');
        if (delivers) deliveries.push(state.visit);
        now = wakeAt ?? now;
        move = advance(definition, state, { ...facts, ...(delivers ? outcomeOf(state) : {}) }, now);
      }
      expect(move.state.status).not.toBe('active');
      // A delivery whose outcome is known is not asked for again.
      expect(new Set(deliveries).size).toBe(deliveries.length);
    }),
    { seed, numRuns: 500 },
  );
});

/** Whether a step leads to itself or to one before it. */
function hasWayBack(steps: SeriesDefinition['steps']): boolean {
  const places = new Map(steps.map(({ key }, index) => [key, index]));
  return steps.some((step, index) => {
    const arms = 'arms' in step ? step.arms.map(({ to }) => to) : [];
    const ways = [step.next, ...arms, ...('onTimeout' in step ? [step.onTimeout] : [])];
    return ways.some((to) => to !== null && (places.get(to) ?? 0) <= index);
  });
}
