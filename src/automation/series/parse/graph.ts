import { problem } from '../../../errors/index.js';
import type { Problem } from '../../../errors/index.js';
import { isList, isObject } from '../../../filter/parse/context.js';
import { endWord, stepKeys } from '../grammar.js';
import type { StepType } from '../model.js';
import { listed, own } from './check.js';
import type { Document } from './check.js';

/** A way from one step to another, and whether everybody who takes it has rested at the first. */
interface Way {
  readonly to: string;
  readonly rests: boolean;
}

/**
 * What is wrong with the ways between the steps as they are written: a step that nothing leads to, and circles in which nobody
 * would rest. A circle is told once, at its first step. Whatever else is wrong with a step does not matter here; where it cannot
 * be read where one leads, nothing is told, for every step might be the one that it leads to.
 */
export function faultsOfWays(documents: readonly (Document | null)[]): Problem[] {
  const keys = documents.map((document) => (document === null ? null : own(document, 'key')));
  if (!keys.every((key) => typeof key === 'string') || new Set(keys).size < keys.length) return [];
  const ways = new Map<string, readonly Way[]>();
  for (const [index, key] of keys.entries()) {
    const found = waysFrom(documents[index] ?? null, keys[index + 1] ?? endWord);
    if (found === null || found.some(({ to }) => to !== endWord && !keys.includes(to))) return [];
    ways.set(
      key,
      found.filter(({ to }) => to !== endWord),
    );
  }
  const pathOf = (key: string): string => `/steps/${keys.indexOf(key)}`;
  const reached = reachedFrom(keys[0] ?? '', ways);
  const unreached = keys
    .filter((key) => !reached.has(key))
    .map((key) => problem('unreachable_step', { key }, { path: pathOf(key) }));
  const circles = circlesIn(keys, ways).map((circle) =>
    problem('cycle_without_wait', { keys: listed(circle) }, { path: pathOf(circle[0] ?? '') }),
  );
  return [...unreached, ...circles];
}

/** Whether everybody rests at a step of this type before they take its `next`. */
const restsAt: { readonly [T in StepType]: (document: Document) => boolean } = {
  wait: () => true,
  wait_until_time: () => true,
  // Who matches a filter on arrival goes on at once; an event is seen a millisecond after the arrival at the earliest.
  wait_for: (document) => Object.hasOwn(document, 'event'),
  branch: () => false,
  split: () => false,
  exit: () => false,
  send: () => false,
  set_trait: () => false,
  webhook: () => false,
};

/** Where a step leads; null where that cannot be read. */
function waysFrom(document: Document | null, following: string): Way[] | null {
  const type = document === null ? null : own(document, 'type');
  if (document === null || !isType(type)) return null;
  const writtenOr = (key: string, otherwise: unknown): unknown =>
    Object.hasOwn(document, key) ? document[key] : otherwise;
  const next = stepKeys[type].includes('next') ? [writtenOr('next', following)] : [];
  const late = type === 'wait_for' ? [writtenOr('on_timeout', next[0])] : [];
  const arms = stepKeys[type].includes('arms') ? own(document, 'arms') : [];
  if (!isList(arms) || !arms.every(isObject)) return null;
  const ways = [
    ...next.map((to) => ({ to, rests: restsAt[type](document) })),
    ...late.map((to) => ({ to, rests: true })),
    ...arms.map((arm) => ({ to: own(arm, 'to'), rests: false })),
  ];
  return ways.every(isWay) ? ways : null;
}

function isType(type: unknown): type is StepType {
  return typeof type === 'string' && Object.hasOwn(stepKeys, type);
}

function isWay(way: { readonly to: unknown; readonly rests: boolean }): way is Way {
  return typeof way.to === 'string';
}

function reachedFrom(first: string, ways: ReadonlyMap<string, readonly Way[]>): Set<string> {
  const reached = new Set<string>([first]);
  // A set gives out what is added to it while it is walked.
  for (const key of reached) for (const { to } of ways.get(key) ?? []) reached.add(to);
  return reached;
}

/** The groups of steps that can be gone round without a rest, each in the order of the list. */
function circlesIn(keys: readonly string[], ways: ReadonlyMap<string, readonly Way[]>): string[][] {
  const restless = new Map(
    [...ways].map(([key, list]) => [key, list.filter(({ rests }) => !rests)] as const),
  );
  const reachable = new Map(
    keys.map((key) => {
      const found = new Set<string>();
      for (const { to } of restless.get(key) ?? [])
        for (const each of reachedFrom(to, restless)) found.add(each);
      return [key, found] as const;
    }),
  );
  const told = new Set<string>();
  return keys.flatMap((key) => {
    const here = reachable.get(key);
    if (told.has(key) || here?.has(key) !== true) return [];
    const circle = keys.filter((other) => here.has(other) && reachable.get(other)?.has(key) === true);
    for (const each of circle) told.add(each);
    return [circle];
  });
}
