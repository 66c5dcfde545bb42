import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { inSnapshot } from '../../src/audience/people.js';
import { reportAudience } from '../../src/audience/report.js';
import type { Suggestion } from '../../src/audience/report/suggestion.js';
import type { Pool } from '../../src/database/pool.js';
import { fieldNamed } from '../../src/filter/fields.js';
import type { Field } from '../../src/filter/fields.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import type { Moment } from '../../src/filter/time.js';
import { isObject } from '../../src/filter/values.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { completeRecords, insertRecords } from '../meaning/support.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const moment = momentOf('2026-03-01T12:00:00Z');
const dirty = completeRecords(recordsOf(20_268, 80));
const v = (name: string) => ({ var: name });

/** People whose data and filters whose questions miss each other in the ways that advice is about. */
const roles = ['Admin', 'admin', 'admni', 'Élodie Martin', 'owner ', 'Owner\u200B', 5, null, ['vip', 'beta']];
const offices = completeRecords(
  Array.from({ length: 60 }, (_, index) => ({
    user_id: `o${index}`,
    ...(index % 3 === 0 ? { email: `p${index}@example.com` } : {}),
    ...(index % 4 === 0 ? { signed_up_at: '2026-02-20T00:00:00Z' } : {}),
    custom_fields: {
      App: index % 2 === 0 ? 'web' : 'ios',
      role: roles[index % roles.length],
      address: { city: index % 5 === 0 ? 'Berlin' : 'Rome' },
      ...(index % 7 === 0 ? { seats: String(index) } : { seats: index }),
      tags: index % 2 === 0 ? ['vip', 'beta'] : 'vip;beta',
      ends: index % 2 === 0 ? `2026-0${1 + (index % 9)}-11` : '11/12/2026',
    },
    events:
      index % 2 === 0
        ? [{ event: 'Order Completed', occurred_at: '2026-02-20T00:00:00Z', properties: {} }]
        : [],
  })),
);

const clauses: readonly unknown[] = [
  ...['admin', 'ÉLODIE Martin', 'Élodie MARTIN', 'owner', 'Owner', 'vip', 'admin,owner', 5].map((role) => ({
    '==': [v('custom:role'), role],
  })),
  { in: [v('custom:role'), ['admin', 'OWNER', 5]] },
  { in: [v('custom:role'), ['admin,owner,editor']] },
  { in: [v('user_id'), ['o1,o2,o3']] },
  { in: [v('user_id'), ['o1 ', 'o2\u200B']] },
  { '!=': [v('custom:role'), 'Admin'] },
  { contains: [v('custom:role'), 'ADM'] },
  { contains: [v('custom:tags'), 'vip'] },
  { has: [v('custom:tags'), 'VIP'] },
  { has_any: [v('custom:tags'), ['vip', 'x']] },
  { '==': [v('custom:email'), 'p3@example.com'] },
  { exists: v('custom:email') },
  { exists: v('custom:app') },
  { '==': [v('custom:app'), 'web'] },
  { '==': [v('custom:address.city'), 'Berlin'] },
  { '==': [v('custom:/address/city'), 'berlin'] },
  { '>=': [v('custom:age'), 18] },
  { '<': [v('custom:age'), 65] },
  { '>=': [v('custom:seats'), 18] },
  { '<': [v('custom:seats'), 40] },
  { '!': { '>': [v('custom:seats'), 30] } },
  { between: [v('custom:ends'), { ago: [60, 'days'] }, { from_now: [1, 'days'] }] },
  { '>=': [v('signed_up_at'), { ago: [30, 'days'] }] },
  { '<=': [v('signed_up_at'), { ago: [0, 'days'] }] },
  { '>': [v('days_since_signup'), 5] },
  { exists: v('email') },
  { did: { event: 'order completed' } },
  { did: { event: 'Order Completed', within: [5, 'days'] } },
  { exists: v('company.custom:plan') },
  { '==': [v('company.custom:plan'), 'pro'] },
  { '==': [v('company.name'), 'Acme'] },
];
const officeFilters = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 3, arbitrary: fc.constantFrom(...clauses) },
    { weight: 2, arbitrary: fc.array(tie('node'), { minLength: 2, maxLength: 3 }).map((and) => ({ and })) },
    { weight: 1, arbitrary: fc.array(tie('node'), { minLength: 2, maxLength: 3 }).map((or) => ({ or })) },
    { weight: 1, arbitrary: tie('node').map((inner) => ({ '!': inner })) },
  ),
})).node;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await insertRecords(pool, 'dirty', dirty);
  await insertRecords(pool, 'office', offices);
});

interface World {
  readonly workspaceId: string;
  readonly people: readonly UserRecord[];
  readonly moment: Moment;
}

const office: World = { workspaceId: 'office', people: offices, moment };
const parsed = (document: unknown) => parseFilter(document, { segments: savedSegments });

async function advise(document: unknown, { workspaceId, moment: at }: World) {
  return reportAudience(pool, { workspaceId, filter: parsed(document), moment: at });
}

/** The document with another clause where a path points to. */
function replaced(document: unknown, path: string, clause: unknown): unknown {
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

/** Sends a value to everybody who misses the field: to those who have no company, one that has it. */
function sent(people: readonly UserRecord[], name: string, value: unknown, at: Moment): UserRecord[] {
  const field = fieldNamed(name);
  if (field === null) throw new TypeError(`there is no field ${name}`);
  const misses = compilePredicate(parseFilter({ missing: { var: name } }), at);
  return people.map((person, index) => (misses(person) ? having(person, field, value, index) : person));
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

/** What is untrue about a suggestion, when it is followed; null when nothing is. */
async function faultOf(
  document: unknown,
  matched: number,
  suggestion: Suggestion,
  world: World,
): Promise<string | null> {
  const { path, change, gain, exact } = suggestion;
  if (change === null) return exact && gain !== 0 ? 'an exact gain by nothing to do' : null;
  if (change.kind === 'send') {
    const people = sent(world.people, change.field, change.value, world.moment);
    const now = people.filter(compilePredicate(parsed(document), world.moment)).length;
    return now - matched > (gain ?? 0) ? `gained ${now - matched} by sending` : null;
  }
  const other = parsed(replaced(document, path, change.clause));
  const options = { workspaceId: world.workspaceId, moment: world.moment, timeoutMs: 30_000 };
  const now = await inSnapshot(pool, options, (people) => people.count(other));
  const gained = Math.max(0, now - matched);
  return exact
    ? gained === gain
      ? null
      : `gained ${gained}`
    : gained <= (gain ?? 0)
      ? null
      : `gained ${gained}`;
}

async function lawOver(samples: readonly (readonly [unknown, World])[]) {
  const untrue: unknown[] = [];
  const followed = new Map<string, number>();
  for (const [document, world] of samples) {
    const { matched, suggestions } = await advise(document, world);
    for (const suggestion of suggestions) {
      const { code, change, gain } = suggestion;
      const key = `${code} ${change?.kind ?? 'nothing'}`;
      if ((gain ?? 0) > 0) followed.set(key, (followed.get(key) ?? 0) + 1);
      const fault = await faultOf(document, matched, suggestion, world);
      if (fault !== null) untrue.push({ fault, suggestion, document });
    }
  }
  return { untrue, followed };
}

it('whatever is asked of an office, each suggestion that is followed gains what it says', async () => {
  const samples = fc.sample(officeFilters, { seed: 20_269, numRuns: 250 });
  const { untrue, followed } = await lawOver(
    [...clauses, ...samples].map((document) => [document, office] as const),
  );
  expect(untrue.slice(0, 3)).toEqual([]);
  for (const key of [
    'letter_case replace',
    'other_name replace',
    'other_shape replace',
    'other_value replace',
    'send_trait send',
    'no_company send',
    'leave_out replace',
  ]) {
    expect([key, (followed.get(key) ?? 0) > 2]).toEqual([key, true]);
  }
});

it('whatever is asked of people with odd data, each suggestion that is followed gains what it says', async () => {
  const sample = fc.sample(fc.tuple(filterArbitrary, momentArbitrary), { seed: 20_270, numRuns: 80 });
  const { untrue } = await lawOver(
    sample.map(([document, { now, zone }]) => [
      document,
      { workspaceId: 'dirty', people: dirty, moment: momentOf(now, zone) },
    ]),
  );
  expect(untrue.slice(0, 3)).toEqual([]);
});

it('a field that two clauses ask about is one suggestion, with the gain of both', async () => {
  const { suggestions, matched } = await advise(
    { and: [{ '>=': [v('custom:age'), 18] }, { '<': [v('custom:age'), 65] }] },
    office,
  );
  expect(matched).toBe(0);
  expect(suggestions.filter(({ code }) => code === 'send_trait')).toEqual([
    expect.objectContaining({
      path: '/and/0',
      people: 60,
      gain: 60,
      change: { kind: 'send', field: 'custom:age', value: 18 },
    }),
  ]);
});

it('the nearest time is told on both sides of a window', async () => {
  const { suggestions } = await advise(
    { between: [v('custom:ends'), { at: '2026-03-15' }, { at: '2026-04-15' }] },
    office,
  );
  expect(suggestions.find(({ code }) => code === 'outside_window')?.text).toContain(
    'The nearest is `2026-03-11` before it and `2026-05-11` after it.',
  );
});

it('nobody is told to send what identify stores elsewhere', async () => {
  const { suggestions } = await advise({ exists: v('custom:email') }, office);
  expect(suggestions).toEqual([
    {
      path: '',
      code: 'other_name',
      text: 'Nobody can have `custom:email`: identify stores it as the field `email`, or refuses it. Ask for that field.',
      people: 60,
      gain: 20,
      exact: true,
      change: { kind: 'replace', clause: { exists: { var: 'email' } } },
    },
  ]);
});
