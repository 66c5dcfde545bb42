import type { Random } from '../../chaos/random.js';

/** JSON that `JSON.stringify` cannot write: numbers as they were typed, a key twice, nesting without end. */
const rawMark = '@raw@';
export const raw = (text: string): string => `${rawMark}${Buffer.from(text).toString('base64url')}@`;

/** A value as JSON, with every `raw` text put in as it is. */
export function jsonOf(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(/"@raw@([\w-]*)@"/g, (_whole, text: string) =>
    Buffer.from(text, 'base64url').toString(),
  );
}

const nested = (open: string, inner: string, close: string, depth: number): string =>
  open.repeat(depth) + inner + close.repeat(depth);

/** What may stand where another value is expected. */
const odd: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => 1e308,
  () => raw('-0'),
  () => raw('1e999'),
  () => raw('-1e999'),
  () => raw('1e-400'),
  () => raw('123456789012345678901234567890'),
  () => raw(`0.${'1'.repeat(400)}`),
  () => raw(nested('[', '', ']', 3_000)),
  () => raw(nested('{"a":', '1', '}', 3_000)),
  () => raw(nested('[', '1', ']', 40)),
  () => raw('{"a": 1, "a": 2}'),
  () => raw('{"__proto__": {"a": 1}, "constructor": null, "toString": 1}'),
  () => '',
  () => ' ',
  () => '0',
  () => 'null',
  () => 'undefined',
  () => '[object Object]',
  () => 'x\u0000y',
  () => '\ud800',
  () => 'a\udfffb',
  () => '\u202etxt\u200b',
  () => 'é\u0301👩‍👩‍👧',
  () => '<script>alert(1)</script>',
  () => "'; DROP TABLE end_users; --",
  () => '{{ name }}{% raw',
  () => '../../etc/passwd',
  () => '__proto__',
  () => '2026-02-30T25:61:00Z',
  () => '-271821-04-20T00:00:00Z',
  () => '275760-09-13T00:00:00.001Z',
  () => 'javascript:alert(1)',
  () => 'http://[::1',
  () => 'Europe/Nowhere',
  (random) => 'x'.repeat(random.pick([63, 64, 65, 100, 101, 200, 255, 256, 257, 1_024, 1_025, 9_000])),
  (random) => '😀'.repeat(random.pick([50, 128, 257, 1_025])),
  () => [],
  () => {},
  () => ({}),
  () => [null],
  () => [[[]]],
  () => ({ '': 1 }),
  () => ({ a: { b: [1, 'x', null] } }),
  () => ['a', 'a'],
  (random) => Array.from({ length: random.pick([2, 101, 1_001]) }, (_each, index) => index),
];

export const oddValue = (random: Random): unknown => random.pick(odd)(random);

/** Parts of an address, already encoded, that no id is. */
export const oddParts = [
  '%00',
  '%ED%A0%80',
  '%F0%9F%98%80',
  '%',
  '%zz',
  '%2e%2e',
  '.',
  '..',
  '%2F',
  '%20',
  '%5C',
  '__proto__',
  'constructor',
  'x'.repeat(300),
  'x'.repeat(4_100),
  '-1',
  '0',
  '9223372036854775808',
  '1e3',
  'null',
  'undefined',
  "'%3B--",
  '%E2%80%AE',
  '00000000-0000-0000-0000-000000000000',
] as const;

/** Values of the query, already encoded. */
export const oddQueries = [
  '',
  '0',
  '-1',
  '1.5',
  '1e999',
  'NaN',
  '99999999999999999999',
  'true',
  'null',
  '%00',
  '%ED%A0%80',
  '%',
  '[]',
  '{}',
  'e30',
  'eyJhIjoxfQ',
  '2026-13-01',
  'x'.repeat(5_000),
  '%F0%9F%98%80',
  "'",
] as const;
