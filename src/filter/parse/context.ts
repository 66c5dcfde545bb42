import { fit } from '../../errors/fit.js';
import { MusterError, problem } from '../../errors/index.js';
import type { ErrorCode, Problem } from '../../errors/index.js';
import { limits } from '../limits.js';
import type { Filter } from '../tree.js';
import type { Segments } from './segment.js';

/**
 * Whose fields a condition reads: people's; an event's properties, inside the `where` of `did`; people's and the page's
 * they look at, in a decision rule.
 */
export type Scope = 'people' | 'properties' | 'pages';

/** What one parse has counted and found so far. */
export interface Tally {
  readonly problems: Problem[];
  nodes: number;
  /** Nodes of the segments that stand in it, with all that stands in those. */
  inSegments: number;
  /** Items of lists and times, segments included, as `limits.items` counts them. */
  items: number;
  tooDeep: boolean;
}

export function newTally(): Tally {
  return { problems: [], nodes: 0, inSegments: 0, items: 0, tooDeep: false };
}

export interface Context {
  readonly tally: Tally;
  readonly scope: Scope;
  /** Null where no saved segments were given. */
  readonly segments: Segments | null;
  /** Parses an operand that is itself a filter; it stands here because the operators' table cannot import its user. */
  readonly parseNode: (value: unknown, path: string, depth: number, context: Context) => Filter | null;
  /** A trial reads a clause that a hint is about to offer; nobody reads the hints of a trial. */
  readonly isTrial?: boolean;
}

/** Where an operator stands, and how it is written. */
export interface Place {
  readonly operator: string;
  /** Path of the object that holds the operator. */
  readonly path: string;
  /** Path of its operands. */
  readonly at: string;
  readonly depth: number;
  /** What it takes, in words, and a whole example as JSON. */
  readonly expected: string;
  readonly example: string;
}

/** Notes a problem and gives null, the result of every part that failed. At the limit of problems the parse ends. */
export function report(
  context: Context,
  code: ErrorCode,
  path: string,
  values: Readonly<Record<string, string | number>> = {},
  hint?: string,
): null {
  const { problems } = context.tally;
  const found = problem(code, values, hint === undefined ? { path } : { path, hint });
  problems.push(context.scope === 'properties' ? { ...found, hint: inWhere(found.hint) } : found);
  if (problems.length >= limits.problems) throw new MusterError(problems);
  return null;
}

/**
 * Counts items beside those before; false when they are too many in all, which one report says. Without this bound the lists of a
 * body, and much more those of segments, would keep a process busy for seconds.
 */
export function admitItems(count: number, path: string, context: Context): boolean {
  const { tally } = context;
  const before = tally.items;
  tally.items += count;
  if (tally.items <= limits.items) return true;
  const values = { limit: limits.items, time: limits.itemsOfTime };
  if (before <= limits.items) report(context, 'too_many_items', path, values);
  return false;
}

/** Examples read people's fields, which `where` refuses. */
function inWhere(hint: string): string {
  return hint.replace(/"var": "(?!property:)[^"]*"/g, '"var": "property:amount"');
}

/**
 * A clause that a hint offers, as JSON text, when the language takes it at this place; else null. What a hint offers is
 * then never refused itself.
 */
export function offered(clause: string | null, context: Context): string | null {
  if (clause === null || context.isTrial === true) return null;
  const tally = newTally();
  try {
    const value: unknown = JSON.parse(clause);
    context.parseNode(value, '', 1, { ...context, tally, isTrial: true });
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
  }
  return tally.problems.length === 0 ? clause : null;
}

/** The JSON Pointer (RFC 6901) of a member. */
export function child(path: string, key: string | number): string {
  // Nearly every key is plain, and every part of a filter has its path made.
  if (typeof key === 'number' || !/[~/]/.test(key)) return `${path}/${key}`;
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** An object whose own members may be read; lists are not. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** An operand that may stand alone or in a list of one, as JSON Logic allows for every single operand. */
export function single(value: unknown, path: string): { value: unknown; path: string } {
  return isList(value) && value.length === 1 ? { value: value[0], path: child(path, 0) } : { value, path };
}

/** Refuses every key but the named one: what is not understood could widen the audience. */
export function onlyKey(
  value: Readonly<Record<string, unknown>>,
  key: string,
  path: string,
  context: Context,
): boolean {
  let alone = true;
  for (const other of Object.keys(value)) {
    if (other === key) continue;
    alone = false;
    report(context, 'unknown_key', child(path, other), { key: shown(other), operator: key });
  }
  return alone;
}

const longestShown = 60;

/** A user's text made fit for a message: short, and without characters that steer a terminal. */
export function shown(text: string): string {
  return fit(text, longestShown);
}

/** Names a value in a message. */
export function described(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `the text \`${shown(value)}\``;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  if (isList(value)) {
    if (value.length === 0) return 'an empty list';
    return value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`;
  }
  if (!isObject(value)) return `a ${typeof value}`;
  const keys = Object.keys(value);
  const key = keys[0];
  if (key === undefined) return 'an empty object';
  return keys.length === 1
    ? `an object with the key \`${shown(key)}\``
    : `an object with ${keys.length} keys`;
}

/** Parts that an operand may have and still be repeated in a hint. */
const mostSketched = 30;

/** JSON of a small operand for use in a hint, or null when it is not small or not plain. */
export function sketch(value: unknown, room = { left: mostSketched }): string | null {
  room.left -= 1;
  if (room.left < 0) return null;
  if (typeof value === 'string') {
    return value.length <= longestShown && value.isWellFormed() ? JSON.stringify(value) : null;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  if (typeof value === 'boolean') return String(value);
  if (isList(value)) {
    if (value.length > room.left) return null;
    const items = value.map((item) => sketch(item, room));
    return items.includes(null) ? null : `[${items.join(', ')}]`;
  }
  if (!isObject(value)) return null;
  const keys = Object.keys(value);
  if (keys.length > room.left) return null;
  const members = keys.map((key) => {
    const inner = key.length > longestShown ? null : sketch(value[key], room);
    return inner === null ? null : `${JSON.stringify(key)}: ${inner}`;
  });
  return members.includes(null) ? null : `{${members.join(', ')}}`;
}
