import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIso } from '../../src/filter/iso8601.js';

/** The grammar as a pattern, and the platform's calendar, against which the reader by hand is held. */
const pattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?)?$/;

function byPattern(text: string): number | null {
  const match = text.length > 64 ? null : pattern.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').slice(0, 3).padEnd(3, '0')));
  const isReal =
    year > 0 &&
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  const [hours, minutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (!isReal || hours > 15 || minutes > 59) return null;
  const instant = date.getTime() - (hours * 60 + minutes) * 60_000 * (match[8] === '-' ? -1 : 1);
  return instant < Date.parse('0001-01-01T00:00:00Z') || instant > Date.parse('9999-12-31T23:59:59.999Z')
    ? null
    : instant;
}

const two = fc.nat({ max: 61 }).map((number) => String(number).padStart(2, '0'));
const year = fc.oneof(
  fc.constantFrom('0000', '0001', '0099', '0100', '1900', '2000', '2024', '9999'),
  fc.nat({ max: 9999 }).map((number) => String(number).padStart(4, '0')),
);
const zone = fc.oneof(
  fc.constantFrom('', 'Z', 'z', '+15:59', '-15:59', '+16:00', '+0100', '+01'),
  fc.tuple(fc.constantFrom('+', '-'), two, two).map(([sign, hours, minutes]) => `${sign}${hours}:${minutes}`),
);
const second = fc.oneof(
  fc.constantFrom('', ':', ':5', ':60', ':59.', ':59.9', ':59.9999', ':00.12a'),
  fc.tuple(two, fc.nat()).map(([seconds, fraction]) => `:${seconds}.${fraction}`),
);
const dates = fc
  .tuple(year, fc.nat({ max: 13 }), fc.nat({ max: 32 }))
  .map(([y, m, d]) => `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`);
const texts = fc.oneof(
  dates,
  fc.tuple(dates, two, two, second, zone).map(([date, h, m, s, z]) => `${date}T${h}:${m}${s}${z}`),
);
/** One character taken out, put in or exchanged, which is where a reader by hand goes wrong. */
const spoiled = fc
  .tuple(
    texts,
    fc.nat({ max: 40 }),
    fc.constantFrom('', '0', '9', '-', ':', 'T', 'Z', '.', ' ', '\n', '٣', '/'),
    fc.nat({ max: 1 }),
  )
  .map(([text, at, put, taken]) => text.slice(0, at) + put + text.slice(at + taken));

test('a time is read as its grammar has it, a spoiled one too', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(texts, spoiled), (text) => {
      const expected = byPattern(text);
      if (expected !== null) read += 1;
      return parseIso(text) === expected;
    }),
    { seed: 20_261_126, numRuns: 30_000 },
  );
  expect(read).toBeGreaterThan(5000);
});
