import { isObject } from '../../../src/filter/values.js';
import type { Random } from '../../chaos/random.js';
import { oddValue } from './values.js';

/** How values are made: `known` says what is likely to be stored under a key, so that handlers find it. */
export interface Maker {
  readonly random: Random;
  readonly known: (key: string) => unknown;
  /** Where `$ref` points into. */
  readonly root: unknown;
}

const deepest = 6;

/** A value that the schema allows, as far as it says so; lengths and numbers are often at their bounds. */
export function valueOf(schema: unknown, maker: Maker, key = '', depth = 0): unknown {
  const { random, root } = maker;
  if (!isObject(schema)) return oddValue(random);
  const ref = schema['$ref'];
  if (typeof ref === 'string') return valueOf(pointed(root, ref), maker, key, depth);
  const known = key === '' || random.chance(0.15) ? undefined : maker.known(key);
  if (known !== undefined) return known;
  if ('const' in schema) return schema['const'];
  const choices = [schema['enum'], schema['anyOf'], schema['oneOf']].find(Array.isArray);
  if (choices !== undefined) {
    const choice: unknown = random.pick(choices);
    return choices === schema['enum'] ? choice : valueOf(choice, maker, key, depth);
  }
  switch (schema['type']) {
    case 'object':
      return objectOf(schema, maker, depth);
    case 'array':
      return listOf(schema, maker, key, depth);
    case 'string':
      return textOf(schema, random);
    case 'integer':
    case 'number':
      return numberOf(schema, random);
    case 'boolean':
      return random.chance(0.5);
    case 'null':
      return null;
    default:
      return depth >= deepest ? 1 : random.pick([{ everyone: true }, 'x', 1, true, null, ['a'], { a: 1 }]);
  }
}

function objectOf(schema: Readonly<Record<string, unknown>>, maker: Maker, depth: number): unknown {
  const { random } = maker;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const share = depth >= deepest ? 0 : random.pick([0.2, 0.5, 0.9]);
  const made: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(properties)) {
    if (required.includes(key) || random.chance(share)) made[key] = valueOf(part, maker, key, depth + 1);
  }
  if (schema['properties'] === undefined && schema['additionalProperties'] !== false)
    made[random.pick(['plan', 'seats', 'a.b', 'é'])] = random.pick([
      'pro',
      3,
      true,
      null,
      ['x'],
      '2026-12-05',
    ]);
  return made;
}

function listOf(
  schema: Readonly<Record<string, unknown>>,
  maker: Maker,
  key: string,
  depth: number,
): unknown {
  const fixed = schema['prefixItems'];
  if (Array.isArray(fixed)) return fixed.map((each) => valueOf(each, maker, '', depth + 1));
  const low = numberIn(schema['minItems']) ?? 0;
  const high = Math.min(numberIn(schema['maxItems']) ?? low + 3, low + 3);
  const length = depth >= deepest ? low : maker.random.int(low, high);
  return Array.from({ length }, () => valueOf(schema['items'], maker, key, depth + 1));
}

function textOf({ minLength, maxLength, format }: Readonly<Record<string, unknown>>, random: Random): string {
  if (format === 'date-time') return '2026-11-21T18:00:00.000Z';
  const low = numberIn(minLength) ?? 0;
  const high = numberIn(maxLength) ?? 300;
  const length = random.pick([low, low + 1, Math.min(high, low + 8), high]);
  return random.pick(['x', 'é', 'a']).repeat(length);
}

function numberOf({ minimum, maximum, type }: Readonly<Record<string, unknown>>, random: Random): number {
  const low = numberIn(minimum) ?? 0;
  const high = numberIn(maximum) ?? 1_000;
  const number = random.pick([low, high, low + 1, random.int(low, high)]);
  return type === 'integer' ? Math.trunc(number) : number;
}

const numberIn = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

function pointed(root: unknown, ref: string): unknown {
  let at = root;
  for (const part of ref.split('/').slice(1)) at = isObject(at) ? at[part] : undefined;
  return at;
}

/** The value with one part of it changed: another value, a key too many or too few, an item twice. */
export function changed(value: unknown, random: Random): unknown {
  const inside = isObject(value) ? Object.keys(value).length : Array.isArray(value) ? value.length : 0;
  if (inside > 0 && random.chance(0.85)) return changedInside(value, random);
  if (isObject(value) && random.chance(0.3)) return { ...value, [random.pick(extraKeys)]: oddValue(random) };
  return oddValue(random);
}

const extraKeys = ['nope', '__proto__x', '', 'a/b~c', 'key', 'id', 'x'.repeat(300), '\u0000', '\ud800'];

function changedInside(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) {
    const at = random.int(0, value.length - 1);
    const item: unknown = value[at];
    if (random.chance(0.1)) return value.toSpliced(at, 1);
    if (random.chance(0.1)) return value.toSpliced(at, 0, item);
    return value.with(at, changed(item, random));
  }
  if (!isObject(value)) return oddValue(random);
  const key = random.pick(Object.keys(value));
  if (random.chance(0.15)) {
    const { [key]: _, ...rest } = value;
    return rest;
  }
  if (random.chance(0.05)) return { ...value, [random.pick(extraKeys)]: oddValue(random) };
  return { ...value, [key]: changed(value[key], random) };
}
