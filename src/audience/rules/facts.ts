import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { columns } from '../../filter/fields.js';
import type { ColumnEntry } from '../../filter/fields.js';
import { parseIso } from '../../filter/iso8601.js';
import { child, described, isList, isObject, shown } from '../../filter/parse/context.js';
import type { UserRecord } from '../../filter/record.js';
import { limits } from '../../filter/limits.js';
import { listed, meantHint } from './parse/parts.js';

/**
 * A person as a caller writes one, in the shape in which people are stored, checked. What is misspelt or of another type would else be missing
 * without a word, and the rule decide something else.
 *
 * Errors: `unknown_fact`, `bad_fact`, all at once, with JSON Pointers.
 */
export function factsOf(input: unknown): UserRecord {
  const problems: Problem[] = [];
  checkRow(input, 'user', '', problems);
  if (problems.length > 0 || !isRecord(input)) throw new MusterError(problems.slice(0, limits.problems));
  return input;
}

function isRecord(input: unknown): input is UserRecord {
  return isObject(input);
}

type Check = (value: unknown, path: string, problems: Problem[]) => void;

function checkRow(input: unknown, of: 'user' | 'company', path: string, problems: Problem[]): void {
  const known = of === 'user' ? userFacts : companyFacts;
  if (!isObject(input)) {
    problems.push(badFact(of === 'user' ? 'facts' : 'company', 'an object', input, path));
    return;
  }
  for (const [key, value] of Object.entries(input)) {
    const check = known.get(key);
    if (check === undefined) {
      const hint = meantHint(key, [...known.keys()]);
      const options = { path: child(path, key), ...(hint === undefined ? {} : { hint }) };
      problems.push(problem('unknown_fact', { key: shown(key), known: listed([...known.keys()]) }, options));
    } else if (value !== null) {
      check(value, child(path, key), problems);
    }
    if (problems.length >= limits.problems) return;
  }
}

function badFact(key: string, expected: string, got: unknown, path: string): Problem {
  return problem('bad_fact', { key, expected, got: described(got) }, { path });
}

function columnCheck(key: string, { type }: ColumnEntry): Check {
  const [expected, fits] = kinds[type];
  return (value, path, problems) => {
    if (!fits(value)) problems.push(badFact(key, expected, value, path));
  };
}

const kinds: Readonly<Record<ColumnEntry['type'], readonly [string, (value: unknown) => boolean]>> = {
  text: ['a text', (value) => typeof value === 'string'],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  time: ['an ISO 8601 time', isTime],
};

function isTime(value: unknown): boolean {
  return typeof value === 'string' && parseIso(value) !== null;
}

const object =
  (key: string): Check =>
  (value, path, problems) => {
    if (!isObject(value)) problems.push(badFact(key, 'an object', value, path));
  };

function checksOf(of: 'user' | 'company'): [string, Check][] {
  return Object.entries<ColumnEntry>(columns)
    .filter(([, entry]) => entry.of === of || entry.of === 'both')
    .map(([key, entry]) => [key, columnCheck(key, entry)]);
}

const companyFacts: ReadonlyMap<string, Check> = new Map([
  ...checksOf('company'),
  ['custom_fields', object('custom_fields')],
]);

const userFacts: ReadonlyMap<string, Check> = new Map<string, Check>([
  ...checksOf('user'),
  ['anonymous_id', columnCheck('anonymous_id', columns.user_id)],
  ['custom_fields', object('custom_fields')],
  ['company', (value, path, problems) => checkRow(value, 'company', path, problems)],
  ['events', checkEvents],
]);

function checkEvents(value: unknown, path: string, problems: Problem[]): void {
  if (!isList(value)) {
    problems.push(badFact('events', 'a list of events', value, path));
    return;
  }
  for (const [index, event] of value.entries()) {
    const fits =
      isObject(event) &&
      typeof event['event'] === 'string' &&
      isTime(event['occurred_at']) &&
      (event['properties'] === undefined || isObject(event['properties']));
    const expected = 'events with `event` and `occurred_at`, and an object in `properties`';
    if (!fits) problems.push(badFact('events', expected, event, child(path, index)));
    if (problems.length >= limits.problems) return;
  }
}
