import { isObject } from './values.js';

/**
 * The segments that a document of any shape names, as `{"segment": "power-users"}` does in a filter and in a trigger, each
 * once. It may find a name that means nothing where it stands, and misses none that does; no depth of nesting is too much.
 */
export function segmentsIn(document: unknown): string[] {
  return namedIn(document, 'segment');
}

/** The events that a document of any shape names, as in `did` and in a trigger, in the same way. */
export function eventsIn(document: unknown): string[] {
  return namedIn(document, 'event');
}

function namedIn(document: unknown, by: string): string[] {
  const found = new Set<string>();
  const open: unknown[] = [document];
  for (let value = open.pop(); value !== undefined || open.length > 0; value = open.pop()) {
    if (!isObject(value)) continue;
    if (Array.isArray(value)) {
      open.push(...value.filter(isObject));
      continue;
    }
    for (const [key, part] of Object.entries(value)) {
      if (key === by) for (const name of [part].flat()) if (typeof name === 'string') found.add(name);
      if (isObject(part)) open.push(part);
    }
  }
  return [...found].toSorted();
}
