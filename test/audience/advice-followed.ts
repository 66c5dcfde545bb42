import type { Suggestion, SuggestionCode } from '../../src/audience/report/suggestion.js';
import type { Problem } from '../../src/errors/index.js';
import { explain } from '../../src/filter/explain.js';
import type { Reason } from '../../src/filter/explain.js';
import { fieldNamed } from '../../src/filter/fields.js';
import type { Field } from '../../src/filter/fields.js';
import { subjectOf } from '../../src/filter/funnel/subjects.js';
import { fieldOf } from '../../src/filter/sentence/missing.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { parseFilter } from '../../src/filter/parse.js';
import type { UserRecord } from '../../src/filter/record.js';
import type { Moment } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import type { Filter, Leaf } from '../../src/filter/tree.js';
import { isObject } from '../../src/filter/values.js';
import { collectTraits } from '../../src/traits/check.js';

/** Follows what suggestions say in words alone: what people are like afterwards. */

/** What a suggestion without a `change` says to do; null where it says nothing to do. */
type Follow = ((asked: Asked) => UserRecord[][]) | null;

interface Asked {
  readonly filter: Filter;
  readonly leaf: Leaf | null;
  readonly people: readonly UserRecord[];
  readonly moment: Moment;
  readonly suggestion: Suggestion;
}

/** The people afterwards, once for each thing that is worth a try. A code that is not here does not compile. */
const follow: Readonly<Record<SuggestionCode, Follow>> = {
  nobody_here: null,
  no_fallback: null,
  several_clauses: null,
  // These are followed by their change; what has none is sent as the clause wants it.
  send_trait: (asked) => sendingValues(asked, ['missing']),
  no_company: (asked) => sendingValues(asked, ['missing']),
  kept_by_muster: (asked) => sendingValues(asked, ['missing']),
  letter_case: (asked) => sendingValues(asked, ['case_mismatch']),
  other_name: (asked) => sendingValues(asked, ['missing']),
  other_shape: (asked) => sendingValues(asked, ['type_mismatch', 'different']),
  other_type: (asked) => sendingValues(asked, ['type_mismatch']),
  not_a_time: (asked) => sendingValues(asked, ['unparsable_time']),
  outside_window: (asked) => sendingValues(asked, ['outside_window']),
  other_value: (asked) => sendingValues(asked, ['different']),
  send_event: ({ leaf, people, moment }) =>
    leaf?.kind === 'did'
      ? [people.map((each) => doing(each, leaf.event, Math.min(leaf.count.value + 1, 20), moment))]
      : [],
  other_segment: null,
  leave_out: null,
};

/** How many match at most after a suggestion without a `change` was followed; null where it says nothing to do. */
export function mostAfter(
  filter: Filter,
  suggestion: Suggestion,
  people: readonly UserRecord[],
  moment: Moment,
) {
  const leaf = leavesOf(filter).find(({ leaf: each }) => each.path === suggestion.path)?.leaf ?? null;
  const tries = follow[suggestion.code]?.({ filter, leaf, people, moment, suggestion });
  if (tries === undefined || tries.length === 0) return null;
  const matches = compilePredicate(filter, moment);
  return Math.max(...tries.map((after) => after.filter(matches).length));
}

export const everyCode = Object.keys(follow);

/** Those who fail the leaf for one of the reasons have another value, of those that the leaves about it name. */
function sendingValues({ filter, leaf, people, moment }: Asked, reasons: readonly Reason[]): UserRecord[][] {
  const field = leaf === null ? null : fieldOf(leaf);
  if (leaf === null || field === null || field.kind === 'derived') return [];
  const fails = people.map((each) =>
    reasons.includes(explain(leaf, each, moment).clauses[0]?.reason ?? 'matched'),
  );
  return valuesIn(filter, moment).map((value) =>
    people.map((each, index) => (fails[index] === true ? having(each, field, value, index) : each)),
  );
}

/** Every literal of the filter, and what lies beside it. */
function valuesIn(filter: Filter, { now }: Moment): unknown[] {
  const texts =
    JSON.stringify(filter).match(/(?<="(?:value|text)":)(?:"[^"\\]*"|-?\d+(?:\.\d+)?|true|false)/g) ?? [];
  const found = texts.flatMap((text): unknown[] => {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' ? [value, value + 1, value - 1] : [value];
  });
  const times = [-40, -10, -1, 0, 1, 3].map((days) => new Date(now + days * 86_400_000).toISOString());
  return [...new Set([...found, ...times, 'yes', ['vip', 'beta']])].slice(0, 16);
}

function doing(person: UserRecord, event: string, times: number, { now }: Moment): UserRecord {
  const events = person.events ?? [];
  if (events.some((each) => each.event === event)) return person;
  const done = { event, occurred_at: new Date(now).toISOString(), properties: { plan: 'pro', amount: 5 } };
  return { ...person, events: [...events, ...Array.from({ length: times }, () => done)] };
}

/** Sends each value to everybody who misses its field: to those who have no company, one that has it. */
export function sent(
  people: readonly UserRecord[],
  values: Readonly<Record<string, unknown>>,
  at: Moment,
): UserRecord[] {
  return Object.entries(values).reduce<UserRecord[]>(
    (before, [name, value]) => {
      const misses = compilePredicate(parseFilter({ missing: { var: name } }), at);
      const field = namedField(name);
      return before.map((person, index) => (misses(person) ? having(person, field, value, index) : person));
    },
    [...people],
  );
}

/** The codes with which an identify refuses the values. */
export function refusedOf(values: Readonly<Record<string, unknown>>): string[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(values)) {
    const field = namedField(name);
    if (field.entity !== 'user' && field.entity !== 'company') continue;
    const traits = field.kind === 'custom' ? within({}, field.tokens, value) : { [field.name]: value };
    collectTraits(traits, problems, { of: field.entity });
  }
  return problems.map(({ code }) => code);
}

function namedField(name: string): Field {
  const field = fieldNamed(name);
  if (field === null) throw new TypeError(`there is no field ${name}`);
  return field;
}

/** Whether every clause about what is sent comes out as wanted of somebody who has the values and nothing else of it. */
export function letsAllHold(filter: Filter, values: Readonly<Record<string, unknown>>, at: Moment): boolean {
  const [person] = Object.entries(values).reduce<UserRecord[]>(
    ([before = {}], [name, value]) => [having(before, namedField(name), value, 0)],
    [],
  );
  const subjects = Object.keys(values).map((name) =>
    subjectOf({ kind: 'presence', path: '', operator: 'exists', field: namedField(name) }),
  );
  return leavesOf(filter)
    .filter(({ leaf }) => subjects.includes(subjectOf(leaf)))
    .every(({ leaf, negated }) => compilePredicate(leaf, at)(person ?? {}) !== negated);
}

function having(person: UserRecord, field: Field, value: unknown, index: number): UserRecord {
  const row = field.entity === 'company' ? (person.company ?? {}) : person;
  const custom: unknown = row.custom_fields;
  const part =
    field.kind === 'custom'
      ? { custom_fields: within(isObject(custom) ? custom : {}, field.tokens, value) }
      : { [field.name]: value };
  if (field.entity !== 'company') return { ...person, ...part };
  const born = {
    company_id: `new-${index}`,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  };
  return { ...person, company: { ...born, ...row, ...part } };
}

function within(
  row: object,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const before: unknown = Reflect.get(row, first);
  const inner = rest.length === 0 ? value : within(isObject(before) ? before : {}, rest, value);
  return { ...row, [first]: inner };
}

/** The document with another clause where a path points to. */
export function replaced(document: unknown, path: string, clause: unknown): unknown {
  const [, first, ...rest] = path
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (first === undefined) return clause;
  const inner =
    rest.length === 0
      ? ''
      : `/${rest.map((token) => token.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
  if (Array.isArray(document)) {
    return document.map((each: unknown, index) =>
      String(index) === first ? replaced(each, inner, clause) : each,
    );
  }
  if (!isObject(document)) return document;
  return Object.fromEntries(
    Object.entries(document).map(([key, each]) => [
      key,
      key === first ? replaced(each, inner, clause) : each,
    ]),
  );
}
