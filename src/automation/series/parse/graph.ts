import { problem } from '../../../errors/index.js';
import type { Problem } from '../../../errors/index.js';
import { listed } from './check.js';
import type { Step } from '../model.js';

/** A way from one step to another, and whether everybody who takes it has rested at the first. */
interface Way {
  readonly to: string;
  readonly rests: boolean;
}

/**
 * What is wrong with the ways between steps that are in order by themselves: a step that nothing leads to, and circles in which
 * nobody would rest. A circle is told once, at its first step.
 */
export function faultsOfWays(steps: readonly Step[]): Problem[] {
  const places = new Map(steps.map((step, index) => [step.key, index]));
  const ways = new Map(steps.map((step) => [step.key, waysFrom(step)]));
  const pathOf = (key: string): string => `/steps/${places.get(key) ?? 0}`;
  const reached = reachedFrom(steps[0]?.key ?? '', ways);
  const unreached = steps
    .filter(({ key }) => !reached.has(key))
    .map(({ key }) => problem('unreachable_step', { key }, { path: pathOf(key) }));
  const circles = circlesIn(steps, ways).map((circle) =>
    problem('cycle_without_wait', { keys: listed(circle) }, { path: pathOf(circle[0] ?? '') }),
  );
  return [...unreached, ...circles];
}

function way(to: string | null, rests = false): Way[] {
  return to === null ? [] : [{ to, rests }];
}

function waysFrom(step: Step): Way[] {
  switch (step.type) {
    case 'wait':
    case 'wait_until_time':
      return way(step.next, true);
    case 'wait_for':
      // Who matches a filter on arrival goes on at once; an event is seen a millisecond after the arrival at the earliest.
      return [...way(step.next, step.condition.kind === 'event'), ...way(step.onTimeout, true)];
    case 'branch':
      return [...step.arms.flatMap(({ to }) => way(to)), ...way(step.next)];
    case 'split':
      return step.arms.flatMap(({ to }) => way(to));
    case 'exit':
      return [];
    case 'send':
    case 'set_trait':
    case 'webhook':
      return way(step.next);
    default:
      return step satisfies never;
  }
}

function reachedFrom(first: string, ways: ReadonlyMap<string, readonly Way[]>): Set<string> {
  const reached = new Set<string>([first]);
  // A set gives out what is added to it while it is walked.
  for (const key of reached) for (const { to } of ways.get(key) ?? []) reached.add(to);
  return reached;
}

/** The groups of steps that can be gone round without a rest, each in the order of the list. */
function circlesIn(steps: readonly Step[], ways: ReadonlyMap<string, readonly Way[]>): string[][] {
  const restless = new Map(
    [...ways].map(([key, list]) => [key, list.filter(({ rests }) => !rests)] as const),
  );
  const reachable = new Map(
    steps.map(({ key }) => {
      const found = new Set<string>();
      for (const { to } of restless.get(key) ?? [])
        for (const each of reachedFrom(to, restless)) found.add(each);
      return [key, found] as const;
    }),
  );
  const told = new Set<string>();
  return steps.flatMap(({ key }) => {
    const here = reachable.get(key);
    if (told.has(key) || here?.has(key) !== true) return [];
    const circle = steps.flatMap((other) =>
      here.has(other.key) && reachable.get(other.key)?.has(key) === true ? [other.key] : [],
    );
    for (const each of circle) told.add(each);
    return [circle];
  });
}
