import type { Random } from '../../chaos/random.js';
import { knownIn, payloadOf } from './bodies.js';
import type { Payload } from './bodies.js';
import { idsFor } from './operations.js';
import type { KeyOf, Operation, Supplies } from './operations.js';
import { valueOf } from './schema.js';
import { oddParts, oddQueries } from './values.js';

export interface Call extends Payload {
  readonly method: string;
  /** Encoded, with its query. */
  readonly target: string;
  readonly key: KeyOf;
  readonly operation: Operation;
}

export function callOf(operation: Operation, supplies: Supplies): Call {
  const { random, keys } = supplies;
  const key = keyFor(operation, random);
  let address = '';
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const { text, part } = partOf(operation, name, supplies);
    if (name === 'key') address = text;
    return part;
  });
  const query = queryOf(operation, supplies);
  const { headers, ...payload } = payloadOf(operation, supplies, address);
  const authorization = keys[key] === '' ? {} : { authorization: authorizationOf(keys[key], random) };
  return {
    method: operation.method,
    target: query === '' ? path : `${path}?${query}`,
    headers: { ...authorization, ...headers },
    ...payload,
    key,
    operation,
  };
}

function keyFor({ needs }: Operation, random: Random): KeyOf {
  if (random.chance(0.12)) return random.pick(['none', 'wrong', 'write', 'secret', 'bounces'] as const);
  if (needs === 'secret' || needs === undefined) return 'secret';
  return needs === 'bounces'
    ? random.pick(['bounces', 'secret'] as const)
    : random.pick(['write', 'secret'] as const);
}

function authorizationOf(key: string, random: Random): string {
  return random.chance(0.1) ? `Basic ${Buffer.from(`${key}:`).toString('base64')}` : `Bearer ${key}`;
}

/** Calls after which what they name is gone; the first id of each kind is not theirs, so that it outlives the round. */
const ends = /\/(?:archive|cancel|merge)$/;

function partOf(
  { path, method }: Operation,
  name: string,
  { random, ids }: Supplies,
): { text: string; part: string } {
  const all = idsFor({ path }, name, ids);
  const known = method === 'DELETE' || ends.test(path) ? all.slice(1) : all;
  const text = known.length === 0 || random.chance(0.12) ? undefined : random.pick(known);
  return text === undefined
    ? { text: '', part: random.pick(oddParts) }
    : { text, part: encodeURIComponent(text) };
}

function queryOf(operation: Operation, supplies: Supplies): string {
  const { random, cursors } = supplies;
  const parts: string[] = [];
  for (const { name, schema } of operation.query) {
    if (!random.chance(Math.min(0.4, 1.5 / operation.query.length))) continue;
    const value =
      name === 'after' && cursors.length > 0 && random.chance(0.6)
        ? random.pick(cursors)
        : valueOf(schema, { random, root: {}, known: (key) => knownIn(operation, key, supplies) }, name);
    const encoded = encodeURIComponent(String(value).toWellFormed());
    parts.push(`${name}=${random.chance(0.25) ? random.pick(oddQueries) : encoded}`);
    if (random.chance(0.05)) parts.push(`${name}=${random.pick(oddQueries)}`);
  }
  if (random.chance(0.04)) parts.push(`nope=${random.pick(oddQueries)}`);
  return parts.join('&');
}
