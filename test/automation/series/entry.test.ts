import { expect, test } from 'vitest';
import type { Facts, Happening } from '../../../src/automation/series/moves.js';
import { at, enter, factsOf, hello, seriesOf } from './facts.js';

const now = at('2026-06-01T12:00:00Z');
const day = 86_400_000;

/** `in`, or why not. */
function entered(more: Record<string, unknown>, facts: Partial<Facts> = {}, instant = now): string {
  const { state, effects } = enter(seriesOf([hello], more), factsOf(facts), instant);
  expect(effects).toHaveLength(state.status === 'active' ? 1 : 0);
  return state.status === 'refused' ? state.reason : state.status === 'active' ? 'in' : state.status;
}

const happened = (kind: Happening['kind'], name: string | null = null, properties = {}): Partial<Facts> => ({
  happening: { kind, name, properties },
});

test.each<[string, Record<string, unknown>, Partial<Facts>, string]>([
  ['somebody new', { type: 'user_created' }, happened('user_created'), 'in'],
  ['somebody new, by an event', { type: 'user_created' }, happened('event', 'user_created'), 'trigger'],
  ['the event', { type: 'event', event: 'paid' }, happened('event', 'paid'), 'in'],
  ['another event', { type: 'event', event: 'paid' }, happened('event', 'Paid'), 'trigger'],
  ['the segment', { type: 'segment_entered', segment: 'power' }, happened('segment_entered', 'power'), 'in'],
  [
    'another segment',
    { type: 'segment_entered', segment: 'power' },
    happened('segment_entered', 'idle'),
    'trigger',
  ],
  [
    'the segment, left',
    { type: 'segment_entered', segment: 'power' },
    happened('segment_left', 'power'),
    'trigger',
  ],
  ['the day', { type: 'date', field: 'renewal_date', at: '09:00' }, happened('date'), 'in'],
  ['the schedule', { type: 'schedule', cron: '0 9 * * 1' }, happened('schedule'), 'in'],
  ['by hand', { type: 'event', event: 'paid' }, happened('by_hand'), 'in'],
  ['nothing at all', { type: 'user_created' }, { happening: null }, 'trigger'],
])('%s at the entrance', (_, trigger, facts, expected) => {
  expect(entered({ trigger }, facts)).toBe(expected);
});

test('the properties of an event are asked at the entrance, a missing one matches no comparison', () => {
  const trigger = { type: 'event', event: 'paid', where: { '!=': [{ var: 'property:plan' }, 'free'] } };
  expect(entered({ trigger }, happened('event', 'paid', { plan: 'pro' }))).toBe('in');
  expect(entered({ trigger }, happened('event', 'paid', { plan: 'free' }))).toBe('trigger');
  expect(entered({ trigger }, happened('event', 'paid'))).toBe('trigger');
});

test('by hand skips the trigger and nothing else', () => {
  const by = happened('by_hand');
  const nobody = { '==': [{ var: 'name' }, 'Nobody'] };
  expect(entered({ audience: nobody }, by)).toBe('audience');
  expect(entered({}, { ...by, suppressed: true })).toBe('suppressed');
  expect(entered({}, { ...by, entries: { count: 1, inside: false, lastAt: now } })).toBe('entered_before');
});

const never = { count: 0, inside: false, lastAt: null };
const inside = { count: 1, inside: true, lastAt: now - day };
const before = (days: number): Facts['entries'] => ({ count: 2, inside: false, lastAt: now - days * day });

test.each<[string, unknown, Facts['entries'], string]>([
  ['once, the first time', 'once', never, 'in'],
  ['once, inside', 'once', inside, 'inside'],
  ['once, years later', 'once', before(1000), 'entered_before'],
  ['every time, the first time', 'every_time', never, 'in'],
  ['every time, inside', 'every_time', inside, 'in'],
  ['every time, again', 'every_time', before(0), 'in'],
  ['again after 30 days, the first time', { again_after: [30, 'days'] }, never, 'in'],
  [
    'again after 30 days, inside, however long ago',
    { again_after: [30, 'days'] },
    { ...before(90), inside: true },
    'inside',
  ],
  ['again after 30 days, the day before', { again_after: [30, 'days'] }, before(29), 'too_soon'],
  ['again after 30 days, on the day', { again_after: [30, 'days'] }, before(30), 'in'],
])('%s', (_, entry, entries, expected) => {
  expect(entered({ entry }, { entries })).toBe(expected);
});

test('once is what is meant where nothing is written', () => {
  expect(entered({}, { entries: before(1000) })).toBe('entered_before');
});

test('again after a day counts on the calendar of the person', () => {
  const entry = { again_after: [1, 'days'] };
  // 23 hours, over the night in which the clock goes forward in Berlin.
  const entries = { count: 1, inside: false, lastAt: at('2026-03-28T12:00:00Z') };
  const instant = at('2026-03-29T11:00:00Z');
  expect(entered({ entry }, { entries, zone: 'Europe/Berlin' }, instant)).toBe('in');
  expect(entered({ entry }, { entries, zone: 'UTC' }, instant)).toBe('too_soon');
});

test('of several reasons the first is named: trigger, suppression, policy, audience', () => {
  const more = { audience: { '==': [{ var: 'name' }, 'Nobody'] } };
  const entries = before(1);
  expect(entered(more, { entries, suppressed: true, happening: null })).toBe('trigger');
  expect(entered(more, { entries, suppressed: true })).toBe('suppressed');
  expect(entered(more, { entries })).toBe('entered_before');
  expect(entered(more)).toBe('audience');
});

const login = (ago: number): { event: string; occurred_at: Date } => ({
  event: 'login',
  occurred_at: new Date(now - ago * day),
});

test('the audience is asked with events and relative times as anywhere', () => {
  const audience = { did: { event: 'login', count: ['>=', 2], within: [7, 'days'] } };
  expect(entered({ audience }, { person: { user_id: 'a', events: [login(1), login(7)] } })).toBe('in');
  expect(entered({ audience }, { person: { user_id: 'a', events: [login(1), login(8)] } })).toBe('audience');
});

function heldOut(key: string, holdout: number): boolean[] {
  const series = seriesOf([hello], { key, holdout });
  return Array.from({ length: 10_000 }, (_, index) => {
    const { state, effects, wakeAt } = enter(series, factsOf({ person: { user_id: `user-${index}` } }), now);
    if (state.status === 'held_out' && (effects.length > 0 || wakeAt !== null))
      throw new Error('held out and sent to');
    return state.status === 'held_out';
  });
}

test('a holdout keeps its share of people out, the same ones every time, other ones in each series', () => {
  const one = heldOut('one', 10);
  expect(Math.abs(one.filter(Boolean).length - 1000)).toBeLessThan(100);
  expect(heldOut('one', 10)).toEqual(one);
  const other = heldOut('other', 10);
  const both = one.filter((held, index) => held && other[index] === true).length;
  expect(Math.abs(both - 100)).toBeLessThan(40);
  // A larger one holds out the same people and more.
  const more = heldOut('one', 30);
  expect(one.every((held, index) => !held || more[index] === true)).toBe(true);
  expect(heldOut('one', 0).some(Boolean)).toBe(false);
});

test('who may not come in is not held out, and who has no id is let in', () => {
  const more = { holdout: 50, audience: { '==': [{ var: 'name' }, 'Nobody'] } };
  expect(entered(more)).toBe('audience');
  expect(entered({ holdout: 50 }, { person: {} })).toBe('in');
});
