import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';

/** One thing that a schema refused, as its checker names it. */
export interface SchemaFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params?: unknown;
}

/** What a schema refused as problems. `where` is `body`, or the part of the address. */
export function schemaProblems(faults: readonly SchemaFault[], where: string): Problem[] {
  const problems = [...byPlace(faults)].flatMap(([at, some]) => problemsAt(at, some, where));
  return problems.length > 0
    ? problems
    : [problem('body_invalid', { where: subjectOf('', where), reason: 'does not have the right shape' })];
}

function byPlace(faults: readonly SchemaFault[]): ReadonlyMap<string, readonly SchemaFault[]> {
  const places = new Map<string, SchemaFault[]>();
  for (const fault of faults)
    places.set(fault.instancePath, [...(places.get(fault.instancePath) ?? []), fault]);
  return places;
}

function problemsAt(at: string, faults: readonly SchemaFault[], where: string): Problem[] {
  const keysOf = (keyword: string, name: string): string[] =>
    faults.flatMap((fault) => (fault.keyword === keyword ? listIn(fault.params, name) : []));
  const below = (key: string): string => `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const invalid = (reason: string): Problem =>
    problem('body_invalid', { where: subjectOf(at, where), reason }, { path: at });
  const values = new Set(faults.flatMap(allowedBy).map(String));
  if (values.size > 0 && faults.some(isNull)) values.add('null');
  return [
    ...keysOf('required', 'requiredProperties').map((key) =>
      problem('body_missing_key', { key }, { path: below(key) }),
    ),
    ...keysOf('additionalProperties', 'additionalProperties').map((key) =>
      problem('body_unknown_key', { key: shown(key) }, { path: below(key) }),
    ),
    ...(values.size > 0 ? [invalid(`must be ${anyOf([...values].map((value) => `\`${value}\``))}`)] : []),
    ...faults
      .filter(({ keyword }) => !told.has(keyword) && !(keyword === 'type' && values.size > 0))
      .map(({ message }) =>
        invalid(message?.replace(/^must be (?=array|object)/, 'must be an ') ?? 'is not allowed'),
      ),
  ];
}

/**
 * What is told otherwise, or not at all: a choice says no more than its parts, and the checker names each key that is too
 * many a second time, as a value whose schema is false.
 */
const told = new Set(['additionalProperties', 'required', 'const', 'enum', 'boolean', 'anyOf', 'oneOf']);

/** The values of which one would have been right. */
function allowedBy({ keyword, params }: SchemaFault): readonly unknown[] {
  if (typeof params !== 'object' || params === null) return [];
  if (keyword === 'const' && 'allowedValue' in params) return [params.allowedValue];
  if (keyword === 'enum' && 'allowedValues' in params && Array.isArray(params.allowedValues))
    return params.allowedValues;
  return [];
}

const isNull = ({ keyword, params }: SchemaFault): boolean =>
  keyword === 'type' &&
  typeof params === 'object' &&
  params !== null &&
  'type' in params &&
  params.type === 'null';

function subjectOf(at: string, where: string): string {
  if (where === 'body') return at === '' ? 'the body' : `\`${shown(at.slice(1))}\``;
  return at === '' ? 'the address' : `\`${shown(at.slice(1))}\` in the address`;
}

const anyOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

function listIn(params: unknown, name: string): string[] {
  if (typeof params !== 'object' || params === null) return [];
  const value: unknown = Object.entries(params).find(([key]) => key === name)?.[1];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
