import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { inSnapshot } from '../../src/audience/people.js';
import { reportAudience } from '../../src/audience/report.js';
import type { Suggestion } from '../../src/audience/report/suggestion.js';
import type { Pool } from '../../src/database/pool.js';
import { instantOfStored } from '../../src/filter/day.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import type { Moment } from '../../src/filter/time.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { completeRecords, insertRecords } from '../meaning/support.js';
import { testDatabase } from '../support/database.js';
import { everyCode, letsAllHold, mostAfter, refusedOf, replaced, sent } from './advice-followed.js';

let pool: Pool;
const moment = momentOf('2026-03-01T12:00:00Z');
const dirty = completeRecords(recordsOf(20_268, 80));
const v = (name: string) => ({ var: name });

/** People whose data and filters whose questions miss each other in the ways that advice is about. */
const roles = ['Admin', 'admin', 'admni', 'Élodie Martin', 'owner ', 'Owner\u200B', 5, null, ['vip', 'beta']];
const mixed = [
  '2026-03-02',
  '2026-03-03',
  '2026-03-04',
  '2026-03-03T02:30:00.000Z',
  '2026-03-03T18:30:00.000Z',
];
const offices = completeRecords(
  Array.from({ length: 60 }, (_, index) => ({
    user_id: `o${index}`,
    ...(index % 3 === 0 ? { email: `p${index}@example.com` } : {}),
    ...(index % 4 === 0 ? { signed_up_at: '2026-02-20T00:00:00Z' } : {}),
    // Days and instants around the one that is asked about, in one column and in one trait.
    ...(index % 5 === 0
      ? {}
      : {
          renewal_date:
            index % 5 < 4 ? `2026-03-0${1 + (index % 4)}` : `2026-03-0${1 + (index % 4)}T01:30:00Z`,
        }),
    ...(index % 2 === 0 ? { last_contacted_at: '2026-02-27T00:00:00Z' } : {}),
    custom_fields: {
      App: index % 2 === 0 ? 'web' : 'ios',
      role: roles[index % roles.length],
      address: { city: index % 5 === 0 ? 'Berlin' : 'Rome' },
      ...(index % 7 === 0 ? { seats: String(index) } : { seats: index }),
      tags: index % 2 === 0 ? ['vip', 'beta'] : 'vip;beta',
      ends: index % 2 === 0 ? `2026-0${1 + (index % 9)}-11` : '11/12/2026',
      mixed: mixed[index % mixed.length],
      due: index % 3 === 0 ? `2026-03-0${1 + (index % 4)}` : `2026-03-0${1 + (index % 4)}T22:00:00Z`,
    },
    events:
      index % 2 === 0
        ? [
            {
              event: 'Order Completed',
              occurred_at: '2026-02-20T00:00:00Z',
              properties: { Plan: index % 4 === 0 ? 'pro' : 'free', cart: { size: index } },
            },
          ]
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
  { did: { event: 'Order Completed', where: { '==': [v('property:plan'), 'pro'] } } },
  { did: { event: 'Order Completed', where: { '>': [v('property:cart.size'), 10] } } },
  ...(['start_of', 'at', 'ago', 'from_now'] as const).flatMap((form) => {
    const time = { start_of: ['day', 0], at: '2026-03-03', ago: [0, 'days'], from_now: [2, 'days'] }[form];
    return [v('renewal_date'), v('custom:due')].flatMap((field) => [
      { '>=': [field, { [form]: time }] },
      { '<': [field, { [form]: time }] },
      { '==': [field, { [form]: time }] },
      { between: [field, { [form]: time }, { from_now: [3, 'days'] }] },
    ]);
  }),
  { '<=': [v('last_contacted_at'), { ago: [3, 'days'] }] },
  { '>': [v('last_contacted_at'), { ago: [1, 'days'] }] },
  { segment: 'power-users' },
  { exists: v('company.custom:plan') },
  { '==': [v('company.custom:plan'), 'pro'] },
  { '==': [v('company.name'), 'Acme'] },
  { '>=': [v('custom:ends'), { ago: [60, 'days'] }] },
  { '<': [v('custom:ends'), { from_now: [60, 'days'] }] },
  // Columns of few allowed values.
  { exists: v('renewal_status') },
  { '!=': [v('renewal_status'), 'lost'] },
  { '!=': [v('renewal_status'), 'at_risk'] },
  { starts_with: [v('contract_term'), 'quart'] },
  { '>': [v('contract_term'), 'annual'] },
  { '!=': [v('company.payment_terms'), 'monthly'] },
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

/** What the time and the zone of the call are: the clocks around midnight UTC, from west to east. */
const zones = ['Pacific/Pago_Pago', 'America/St_Johns', 'UTC', 'Asia/Kathmandu', 'Pacific/Kiritimati'];
const hours = ['2026-03-01T12:00:00Z', '2026-03-02T00:00:00Z', '2026-03-01T23:30:00Z'];
const moments = zones.map((zone, index) => momentOf(hours[index % hours.length] ?? hours[0] ?? '', zone));

interface World {
  readonly workspaceId: string;
  readonly people: readonly UserRecord[];
  readonly moment: Moment;
}

const office: World = { workspaceId: 'office', people: offices, moment };
const officeAt = (index: number): World => ({ ...office, moment: moments[index % moments.length] ?? moment });
const segments = new Map([...savedSegments, ['power-users', { '>': [v('custom:seats'), 1000] }]]);
const parsed = (document: unknown) => parseFilter(document, { segments });

async function advise(document: unknown, { workspaceId, moment: at }: World) {
  return reportAudience(pool, { workspaceId, filter: parsed(document), moment: at });
}

/** What is untrue about a suggestion, when it is followed; null when nothing is. */
async function faultOf(
  document: unknown,
  matched: number,
  suggestion: Suggestion,
  world: World,
): Promise<string | null> {
  const { change, gain, exact } = suggestion;
  if (change?.kind === 'send') {
    const refused = refusedOf(change.values);
    if (refused.length > 0) return `identify refuses it: ${refused.join(', ')}`;
  }
  const now = await matchedAfter(document, suggestion, world);
  if (now === null) return change === null && exact && gain !== 0 ? 'an exact gain by nothing to do' : null;
  const gained = Math.max(0, now - matched);
  if (exact ? gained !== gain : gained > (gain ?? 0)) return `gained ${gained}`;
  // Nothing that is sent could do more than let every clause about it hold.
  const does = change?.kind === 'send' && letsAllHold(parsed(document), change.values, world.moment);
  return does && gained < (gain ?? 0) ? `gained ${gained} by values that let all hold` : null;
}

async function matchedAfter(document: unknown, suggestion: Suggestion, world: World): Promise<number | null> {
  const { path, change } = suggestion;
  const { workspaceId, people, moment: at } = world;
  const filter = parsed(document);
  if (change === null) return mostAfter(filter, suggestion, people, at);
  if (change.kind === 'send')
    return sent(people, change.values, at).filter(compilePredicate(filter, at)).length;
  const other = parsed(replaced(document, path, change.clause));
  return inSnapshot(pool, { workspaceId, moment: at, timeoutMs: 30_000 }, (asked) => asked.count(other));
}

async function lawOver(samples: readonly (readonly [unknown, World])[]) {
  const untrue: unknown[] = [];
  const followed = new Map<string, number>();
  for (const [document, world] of samples) {
    const { matched, suggestions } = await advise(document, world);
    for (const suggestion of suggestions) {
      const { code, change } = suggestion;
      for (const key of [code, `${code} ${change?.kind ?? 'nothing'}`])
        followed.set(key, (followed.get(key) ?? 0) + 1);
      const fault = await faultOf(document, matched, suggestion, world);
      if (fault !== null) untrue.push({ fault, suggestion, document, matched, moment: world.moment });
    }
  }
  return { untrue, followed };
}

it('whatever is asked of an office, identify takes what is to be sent, each suggestion that is followed gains what it says, and every kind of suggestion is', async () => {
  const samples = fc.sample(officeFilters, { seed: 20_269, numRuns: 250 });
  const { untrue, followed } = await lawOver([
    ...[...clauses, ...samples].map((document, index) => [document, officeAt(index)] as const),
    [{ everyone: true }, { ...office, workspaceId: 'empty', people: [] }],
  ]);
  expect(untrue.slice(0, 3)).toEqual([]);
  const changes = ['letter_case', 'other_name', 'other_shape', 'other_value', 'leave_out'].map(
    (code) => `${code} replace`,
  );
  for (const key of [...everyCode, ...changes, 'send_trait send', 'no_company send']) {
    expect([key, (followed.get(key) ?? 0) > (key === 'nobody_here' ? 0 : 2)]).toEqual([key, true]);
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
      change: { kind: 'send', values: { 'custom:age': 18 } },
    }),
  ]);
});

it('of a filter that contradicts itself nothing that is sent gains anything', async () => {
  const { suggestions } = await advise(
    { and: [{ '>': [v('custom:age'), 65] }, { '<': [v('custom:age'), 18] }] },
    office,
  );
  expect(suggestions.map(({ code, gain }) => [code, gain])).toEqual([
    ['send_trait', 0],
    ['several_clauses', 0],
  ]);
});

const changeOf = async (filter: unknown) => (await advise(filter, officeAt(0))).suggestions[0]?.change;

it('a day is sent as a day, of a company all that is asked of one, and no value is made up where none is asked', async () => {
  expect(await changeOf({ '>=': [v('custom:ends_on'), { at: '2026-03-03' }] })).toEqual({
    kind: 'send',
    values: { 'custom:ends_on': '2026-03-03' },
  });
  const company = { and: [{ exists: v('company.custom:plan') }, { '==': [v('company.name'), 'Acme'] }] };
  expect(await changeOf(company)).toEqual({
    kind: 'send',
    values: { 'company.custom:plan': 'yes', 'company.name': 'Acme' },
  });
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

it('in whatever zone, the time that is told is the nearest, a day by its first moment there and shown as a day', async () => {
  for (const [index, { zone }] of moments.entries()) {
    const world = officeAt(index);
    for (const [low, high] of [
      ['2026-03-03T04:00:00Z', '2026-03-03T05:00:00Z'],
      ['2026-03-03T08:00:00Z', '2026-03-03T09:00:00Z'],
      ['2026-03-03T12:00:00Z', '2026-03-03T13:00:00Z'],
    ] as const) {
      const { suggestions } = await advise(
        { between: [v('custom:mixed'), { at: low }, { at: high }] },
        world,
      );
      const distance = (value: string): number => instantOfStored(Date.parse(value), zone) - Date.parse(low);
      const nearest = mixed.toSorted((a, b) => Math.abs(distance(a)) - Math.abs(distance(b)));
      const before = nearest.find((value) => distance(value) < 0);
      const after = nearest.find((value) => distance(value) > 0);
      expect([zone, low, suggestions[0]?.text]).toEqual([
        zone,
        low,
        expect.stringContaining(`The nearest is \`${before}\` before it and \`${after}\` after it.`),
      ]);
    }
  }
});

it('beside one time that is asked for, the nearest is told on both sides', async () => {
  const { suggestions } = await advise({ '==': [v('custom:mixed'), { at: '2026-03-03T12:00:00Z' }] }, office);
  expect(suggestions[0]?.text).toBe(
    '`mixed` of 60 people is another time. The nearest is `2026-03-03T02:30:00.000Z` before it and `2026-03-03T18:30:00.000Z` after it.',
  );
});

it('a property that no event of the name has is named as it is sent', async () => {
  const filter = { did: { event: 'Order Completed', where: { '==': [v('property:plan'), 'pro'] } } };
  const { suggestions } = await advise(filter, office);
  expect(suggestions.find(({ code }) => code === 'other_name')).toMatchObject({
    text: 'None of the latest `Order Completed` has `property:plan`: is `property:Plan` meant?',
    gain: 15,
    change: {
      clause: { did: { event: 'Order Completed', where: { '==': [v('property:Plan'), 'pro'] } } },
    },
  });
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
