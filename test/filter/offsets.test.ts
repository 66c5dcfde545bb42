import * as fc from 'fast-check';
import { DateTime, IANAZone } from 'luxon';
import { expect, test } from 'vitest';
import { offsetAt } from '../../src/filter/offsets.js';
import { firstInstant, instantOf, lastInstant, units } from '../../src/filter/time.js';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Africa/Casablanca',
];
const zone = fc.constantFrom(...zones);
/** Around changes of clocks and a skipped date, and anywhere since zones are whole minutes from UTC. */
const instant = fc.oneof(
  fc
    .tuple(
      fc
        .constantFrom('2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-09-06T04:00Z', '2011-12-30T10:00Z')
        .map(Date.parse),
      fc.integer({ min: -4 * 86_400_000, max: 4 * 86_400_000 }),
    )
    .map(([near, off]) => near + off),
  fc.integer({ min: Date.UTC(1975, 0), max: Date.UTC(2100, 0) }),
);

test('a relative time is what luxon makes of it, at a change of the clock and far from one', () => {
  fc.assert(
    fc.property(
      instant,
      zone,
      fc.constantFrom(...units),
      fc.integer({ min: 0, max: 400 }),
      fc.boolean(),
      (now, name, unit, amount, isAgo) => {
        const here = DateTime.fromMillis(now, { zone: name });
        const expected = isAgo ? here.minus({ [unit]: amount }) : here.plus({ [unit]: amount });
        const kind = isAgo ? 'ago' : 'from_now';
        expect(instantOf({ kind, amount, unit }, { now, zone: name })).toBe(expected.toMillis());
      },
    ),
    { seed: 20_260_801, numRuns: 20_000 },
  );
});

test('the longest of relative times end within the years 0001 to 9999', () => {
  for (const unit of units) {
    for (const kind of ['ago', 'from_now'] as const) {
      const found = instantOf(
        { kind, amount: 100_000, unit },
        { now: Date.UTC(2026, 0), zone: 'Europe/Berlin' },
      );
      expect(found).toBeGreaterThanOrEqual(firstInstant);
      expect(found).toBeLessThanOrEqual(lastInstant);
    }
  }
});

test('an offset is what luxon says, whichever was asked for before', () => {
  fc.assert(
    fc.property(instant, zone, (at, name) => {
      expect(offsetAt(at, name)).toBe(IANAZone.create(name).offset(at) * 60_000);
    }),
    { seed: 20_260_801, numRuns: 20_000 },
  );
  expect(offsetAt(0, 'Nowhere/None')).toBe(0);
});
