import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafHorizon } from '../../src/filter/horizon.js';
import { courseOf, verdictHorizon } from '../../src/filter/horizon/verdict.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { leavesWithin } from '../../src/filter/tree.js';
import type { Filter } from '../../src/filter/tree.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { movingFilter, movingPerson, movingZone } from './moving.js';

const hour = 3_600_000;
const day = 24 * hour;

const iso = (instant: number | null): string | null =>
  instant === null ? null : new Date(instant).toISOString();

describe('the next change of a whole verdict', () => {
  const signup = { var: 'signed_up_at' };
  const older = (days: number): unknown => ({ '<=': [signup, { ago: [days, 'days'] }] });
  const person = { signed_up_at: '2026-03-01T00:00:00Z', custom_fields: { role: 'admin' } };
  const turns = (document: unknown, now = '2026-03-05T00:00:00Z'): string | null =>
    iso(verdictHorizon(parseFilter(document, { segments }), person, { now: Date.parse(now), zone: 'UTC' }));
  const segments = new Map<string, unknown>([['fresh', { '!': older(7) }]]);
  const admin = { '==': [{ var: 'custom:role' }, 'admin'] };
  const owner = { '==': [{ var: 'custom:role' }, 'owner'] };

  it.each<[string, unknown, string | null]>([
    ['and turns true with its last condition', { and: [older(10), older(20)] }, '2026-03-21T00:00:00.000Z'],
    ['or turns true with its first', { or: [older(20), older(10)] }, '2026-03-11T00:00:00.000Z'],
    ['what another condition rules out never turns', { and: [older(10), owner] }, null],
    ['what another condition makes sure never turns', { or: [older(10), admin] }, null],
    [
      'a negation turns where what it wraps does',
      { '!': { and: [older(10), admin] } },
      '2026-03-11T00:00:00.000Z',
    ],
    ['a segment turns as its filter does', { segment: 'fresh' }, '2026-03-08T00:00:00.000Z'],
    ['turns that cancel each other are none', { or: [older(10), { '!': older(10) }] }, null],
    [
      'a window that opens and closes inside another is passed over',
      { and: [{ '!': older(30) }, { or: [older(10), { '!': older(10) }] }] },
      '2026-03-31T00:00:00.000Z',
    ],
  ])('%s', (_, document, expected) => {
    expect(turns(document)).toBe(expected);
  });
});

/** Every instant up to `until` at which some leaf turns: between two of them no verdict can. */
function leafTurns(filter: Filter, user: UserRecord, now: number, zone: string, until: number): number[] {
  const found = new Set<number>();
  for (const leaf of leavesWithin(filter)) {
    for (let at: number | null = now; at !== null && at < until;) {
      at = leafHorizon(leaf, user, { now: at, zone });
      if (at !== null && at <= until) found.add(at);
    }
  }
  return [...found].toSorted((a, b) => a - b);
}

it('is sound and tight: the verdict is constant before it and another one at it', () => {
  let turning = 0;
  fc.assert(
    fc.property(
      movingFilter,
      movingPerson,
      movingZone,
      fc.integer({ min: 0, max: 96 }),
      (document, user, zone, step) => {
        const filter = parseFilter(document);
        const now = Date.parse('2026-10-23T00:00:00Z') + step * hour;
        const verdictAt = (instant: number): boolean =>
          compilePredicate(filter, { now: instant, zone })(user);
        const before = verdictAt(now);
        const horizon = verdictHorizon(filter, user, { now, zone });
        if (horizon !== null) turning += 1;
        const until = horizon ?? now + 60 * day;
        const inside = leafTurns(filter, user, now, zone, until).flatMap((at) => [at - 1, at, at + 1]);
        const steps = Array.from({ length: 12 }, (_, at) => now + Math.floor(((until - now) * at) / 12));
        const changed = [...inside, ...steps].filter(
          (at) => at >= now && at < until && verdictAt(at) !== before,
        );
        expect(changed.map(iso)).toEqual([]);
        expect(horizon === null || verdictAt(horizon) !== before).toBe(true);
      },
    ),
    { seed: 5, numRuns: 300 },
  );
  expect(turning).toBeGreaterThan(50);
});

it('of every filter of the language, dirty people included, a found change is one', () => {
  const users = recordsOf(11, 12);
  fc.assert(
    fc.property(filterArbitrary, momentArbitrary, (document, at) => {
      const filter = parseFilter(document, { segments: savedSegments });
      const now = Date.parse(at.now);
      for (const user of users) {
        const course = courseOf(filter, user, { now, zone: at.zone });
        const verdict = compilePredicate(filter, { now, zone: at.zone })(user);
        expect(course.at(now)).toBe(verdict);
        const turn = course.turns(now);
        if (turn === null) continue;
        expect(compilePredicate(filter, { now: turn, zone: at.zone })(user)).toBe(!verdict);
        expect(compilePredicate(filter, { now: turn - 1, zone: at.zone })(user)).toBe(verdict);
      }
    }),
    { seed: 6, numRuns: 100 },
  );
});
