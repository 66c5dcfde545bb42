import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { allGuards, guards, without } from './model/guards.js';
import type { Guard } from './model/guards.js';
import { history, run } from './model/scenario.js';
import type { History } from './model/scenario.js';
import type { World } from './model/world.js';

/**
 * The queue protocol, simulated: relays, workers, sweep and provider take turns over a model of Postgres and Redis, one
 * step at a time, and die, freeze, lose answers and get jobs twice between any two of them. The machine that decides what
 * happens next is the real one. That the model does what the SQL does is held in `model/conformance.test.ts`.
 *
 * A failing run prints its seed and path: put both beside `numRuns` to see that history again. MUSTER_HISTORIES asks for more of them.
 */
const seed = 20_261_121;
const runs = Number(process.env['MUSTER_HISTORIES'] ?? 2500);

test('whatever fails between any two steps, every due step happens, once, in order, and to nobody who left', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(history, (written) => {
      const { world, broken } = run(written, allGuards);
      for (const what of rare(world)) seen.set(what, (seen.get(what) ?? 0) + 1);
      expect(broken).toEqual([]);
    }),
    { seed, numRuns: runs },
  );
  // A law that nothing comes under would hold too.
  expect(Object.fromEntries(seen)).toEqual(
    Object.fromEntries(everythingRare.map((what) => [what, expect.any(Number)])),
  );
  expect(Math.min(...seen.values())).toBeGreaterThan(runs / 200);
});

const everythingRare = [
  'a repeat was recognised',
  'somebody had two messages',
  'a step was given up',
  'a step was parked',
  'redis began anew',
  'a wait was cut short',
  'somebody unsubscribed and left',
  'somebody was removed',
  'a row was offered five times',
];

/** What is the point of a history, if it came to that. */
function rare({ db, provider }: World): string[] {
  const rows = [...db.work.values()];
  const reasons = new Set([...db.enrollments.values()].map(({ reason }) => reason));
  const effects = provider.effects.map(({ enrollment }) => enrollment);
  const found: readonly (readonly [string, boolean])[] = [
    ['a repeat was recognised', provider.calls.some(({ state }) => state === 'recognised')],
    ['somebody had two messages', new Set(effects).size < effects.length],
    ['a step was given up', rows.some(({ state }) => state === 'failed')],
    ['a step was parked', rows.some(({ state }) => state === 'unknown')],
    ['redis began anew', [...db.incarnations.values()].some((life) => life > 1)],
    ['a wait was cut short', db.trail.some(({ what }) => what === 'matched')],
    ['somebody unsubscribed and left', reasons.has('suppressed')],
    ['somebody was removed', reasons.has('removed')],
    ['a row was offered five times', rows.some(({ epoch }) => epoch >= 5)],
  ];
  return found.flatMap(([what, is]) => (is ? [what] : []));
}

/** A seed that soon leads to a history in which the guard is missed, and the laws that notice it there. */
const missed: Readonly<Record<Guard, readonly [seed: number, laws: RegExp]>> = {
  'claim checks the epoch': [1, /early/],
  'claim checks the state': [1, /distinct|order|stuck|holder|early/],
  'claim asks whether the series is paused': [1, /paused/],
  'begin checks the lease': [1, /lease/],
  'begin locks its claim': [1, /distinct|order/],
  'begin asks about suppression': [15, /forbidden/],
  'begin asks whether the person is inside': [3, /forbidden/],
  'finish checks the token': [14, /holder/],
  'finish sees what happened meanwhile': [5, /waiting/],
  'finish tells only where people went': [1, /happened/],
  'sweep ends leases': [1, /stuck/],
  'sweep parks what was being sent': [1, /distinct/],
  'sweep takes up what was enqueued too long': [1, /stuck/],
  'sweep releases what is held': [21, /stuck/],
  'incarnation is checked': [1, /stuck/],
  'key is stable': [1, /distinct/],
};

test.each(guards)('without its guard the queue is broken, and the laws say so: %s', (guard) => {
  const [from, laws] = missed[guard];
  const { counterexample } = fc.check(
    fc.property(history, (written) => run(written, without(guard)).broken.length === 0),
    { seed: from, numRuns: 6000, endOnFailure: true },
  );
  const [written] = counterexample ?? [];
  if (written === undefined) throw new Error(`nobody missed it: ${guard}`);
  expect(says(written, guard)).toMatch(laws);
  // It is the guard that was missing, and nothing else.
  expect(says(written)).toBe('');
});

function says(written: History, missing?: Guard): string {
  return run(written, missing === undefined ? allGuards : without(missing)).broken.join('\n');
}
