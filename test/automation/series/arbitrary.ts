import * as fc from 'fast-check';
import { parseFilter } from '../../../src/filter/parse.js';
import type { Facts, SeriesState } from '../../../src/automation/series/moves.js';
import { filterArbitrary, recordsOf } from '../../meaning/generator.js';
import { at, documentOf, problemsOf } from './facts.js';

/** Series documents that Muster accepts, of every kind of trigger and step, with filters from the language's own generator. */

const filter = filterArbitrary.filter((written) => {
  try {
    parseFilter(written);
    return true;
  } catch {
    return false;
  }
});
const did = fc.record({ event: fc.constantFrom('login', 'paid') }).map((asked) => ({
  did: { ...asked, within: [3, 'days'], count: ['>=', 2] },
}));
const anyFilter = fc.oneof({ weight: 3, arbitrary: filter }, did);
const eventFilter = fc.constantFrom(
  { exists: { var: 'property:plan' } },
  { '>=': [{ var: 'property:due' }, { ago: [2, 'days'] }] },
);
const calendarLength = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom('days', 'weeks', 'months'));
const length = fc.oneof(
  calendarLength,
  fc.tuple(fc.integer({ min: 1, max: 200 }), fc.constantFrom('minutes', 'hours')),
);
const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30, 45))
  .map(([hours, minutes]) => `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`);
const days = fc.subarray(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], { minLength: 1 });
const zone = fc.constantFrom('person', 'workspace');

const trigger = fc.oneof(
  fc.constant({ type: 'user_created' }),
  fc.constant({ type: 'event', event: 'login' }),
  eventFilter.map((where) => ({ type: 'event', event: 'login', where })),
  fc.constantFrom({ type: 'segment_entered', segment: 'power' }, { type: 'segment_left', segment: 'power' }),
  fc.record({
    type: fc.constant('date'),
    field: fc.constantFrom('renewal_date', 'custom:when', 'company.signed_up_at'),
    at: time,
    zone,
  }),
  fc.record({ type: fc.constant('schedule'), cron: fc.constantFrom('0 9 * * 1', '*/15 8-18 * * mon-fri') }),
);

const stepKeys = ['s1', 's2', 's3', 's4', 's5', 's6'];
const target = fc.constantFrom(...stepKeys, 'end');
const two = <T>(arm: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arm, { minLength: 1, maxLength: 3 });

const step = fc.oneof(
  fc.constant({ type: 'send', channel: 'inbox', message: { text: 'Hello {{ name|there }}' } }),
  fc.record({ type: fc.constant('wait'), for: length }),
  fc.record({ type: fc.constant('wait_until_time'), at: time, days, zone }),
  fc.record({ type: fc.constant('wait_for'), filter: anyFilter, timeout: length, on_timeout: target }),
  fc.record({ type: fc.constant('wait_for'), event: fc.constantFrom('login', 'paid'), timeout: length }),
  fc.record({
    type: fc.constant('wait_for'),
    event: fc.constant('paid'),
    where: eventFilter,
    timeout: length,
  }),
  fc.record({ type: fc.constant('branch'), arms: two(fc.record({ when: anyFilter, to: target })) }),
  fc.record({
    type: fc.constant('split'),
    arms: fc.tuple(target, target).map(([one, other]) => [
      { percent: 30, to: one },
      { percent: 70, to: other },
    ]),
  }),
  fc.record({
    type: fc.constant('set_trait'),
    traits: fc.constantFrom({ role: 'admin' }, { plan: null, on_contract: true }),
  }),
  fc.constant({ type: 'webhook', endpoint: 'shop', payload: { to: '{{ email }}' } }),
  fc.constant({ type: 'exit' }),
);

const steps = fc
  .array(fc.tuple(step, fc.option(target, { nil: undefined })), { minLength: 1, maxLength: 6 })
  .map((list) =>
    list.map(([each, next]) =>
      next === undefined || each.type === 'split' || each.type === 'exit' ? each : { ...each, next },
    ),
  );

export const seriesArbitrary = fc
  .tuple(
    steps,
    fc.record(
      {
        trigger,
        audience: anyFilter,
        entry: fc.oneof(
          fc.constantFrom('once', 'every_time'),
          calendarLength.map((after) => ({ again_after: after })),
        ),
        exit: did,
        goal: fc.oneof(did, fc.constant({ '<': [{ var: 'last_seen' }, { ago: [30, 'days'] }] })),
        quiet_hours: fc.record({ from: fc.constant('21:00'), to: fc.constantFrom('08:00', '02:30'), zone }),
        send_window: fc.record({
          days,
          from: fc.constant('06:00'),
          to: fc.constantFrom('23:00', '05:00'),
          zone,
        }),
        frequency_caps: fc.array(fc.record({ messages: fc.integer({ min: 1, max: 3 }), per: length }), {
          minLength: 1,
          maxLength: 2,
        }),
        holdout: fc.constantFrom(0, 10, 50),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([list, more]) => repaired(list, more))
  .filter((document) => problemsOf(document).length === 0);

/** Targets that are not there lead to the end, steps out of reach go, so that most of what is made up is a series. */
function repaired(
  list: readonly Record<string, unknown>[],
  more: Record<string, unknown>,
): Record<string, unknown> {
  let left: readonly Record<string, unknown>[] = list.map((each, index) => ({
    key: `s${index + 1}`,
    ...each,
  }));
  for (;;) {
    const missing = stepKeys.filter((key) => !left.some((each) => each['key'] === key));
    const written = missing.reduce((all, key) => all.replaceAll(`:"${key}"`, ':"end"'), JSON.stringify(left));
    const parsed = stepsIn(written);
    const document = documentOf(parsed, more);
    const unreached = problemsOf(document).flatMap(([code, path]) =>
      code === 'unreachable_step' ? [path] : [],
    );
    if (unreached.length === 0) return document;
    left = parsed.filter((_, index) => !unreached.includes(`/steps/${index}`));
  }
}

function stepsIn(json: string): Record<string, unknown>[] {
  const list: unknown = JSON.parse(json);
  if (!Array.isArray(list)) return [];
  return list.map((each: unknown): Record<string, unknown> => ({
    ...(typeof each === 'object' ? each : {}),
  }));
}

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Asia/Beirut',
  'Nowhere/None',
  '',
];
const people = recordsOf(4, 200);
/** Around changes of clocks and ends of months. */
const instants = [
  '2026-03-29T00:59:59.999Z',
  '2026-10-25T00:30:00Z',
  '2026-01-31T22:15:00Z',
  '2026-04-05T03:10:00Z',
  '2024-02-29T12:00:00Z',
].map(at);
const day = 86_400_000;

export const nowArbitrary = fc
  .tuple(fc.constantFrom(...instants), fc.integer({ min: -3 * day, max: 3 * day }))
  .map(([near, off]) => near + off);

export const factsArbitrary: fc.Arbitrary<Facts> = fc
  .tuple(nowArbitrary, fc.array(fc.integer({ min: -6 * day, max: 2 * day }), { maxLength: 4 }))
  .chain(([now, offs]) =>
    fc.record({
      person: fc.constantFrom(...people).map((person) => ({
        ...person,
        events: offs.map((off, index) => ({
          event: index % 2 === 0 ? 'login' : 'paid',
          occurred_at: new Date(now + off),
          properties: { plan: 'pro', due: new Date(now - off).toISOString() },
        })),
      })),
      zone: fc.constantFrom(...zones),
      workspaceZone: fc.constantFrom(...zones),
      suppressed: fc.boolean().map((one) => one && offs.length === 0),
      happening: fc.constantFrom(
        null,
        { kind: 'by_hand', name: null, properties: {} } as const,
        { kind: 'user_created', name: null, properties: {} } as const,
        { kind: 'event', name: 'login', properties: { plan: 'pro' } } as const,
      ),
      entries: fc.constantFrom(
        { count: 0, inside: false, lastAt: null },
        { count: 1, inside: false, lastAt: now - 20 * day },
        { count: 1, inside: true, lastAt: now },
      ),
      contacts: fc.constant(offs.map((off) => now + off)),
      outcome: fc.option(
        fc.record({
          step: fc.constantFrom(...stepKeys),
          visit: fc.integer({ min: 1, max: 3 }),
          result: fc.constantFrom('delivered', 'failed', 'unreachable', 'suppressed', 'capped'),
        }),
        { nil: null },
      ),
    }),
  );

export const stateArbitrary: fc.Arbitrary<SeriesState> = fc.oneof(
  fc.constant<SeriesState>({ status: 'entering' }),
  fc.record({
    status: fc.constant('active'),
    step: fc.constantFrom(...stepKeys, 'gone'),
    visit: fc.integer({ min: 1, max: 3 }),
    since: nowArbitrary,
  }),
  fc.constant<SeriesState>({ status: 'completed', reason: 'end' }),
  fc.constant<SeriesState>({ status: 'held_out' }),
);
