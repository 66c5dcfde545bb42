import type { Arbitrary } from 'fast-check';
import { constant, constantFrom, integer, oneof, sample, string, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { parseIso } from '../../src/filter/iso8601.js';
import { instantText } from '../../src/filter/sql/range.js';
import { firstInstant, lastInstant } from '../../src/filter/time.js';
import { testDatabase } from '../support/database.js';

const { pool } = await testDatabase();

/** Texts in and near the grammar: each part is usually right, sometimes just past its end, sometimes broken. */
const part = (right: readonly string[], wrong: readonly string[]): Arbitrary<string> =>
  oneof({ weight: 12, arbitrary: constantFrom(...right) }, { weight: 1, arbitrary: constantFrom(...wrong) });

const digits = string({
  unit: constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
  minLength: 1,
  maxLength: 12,
});
const iso = tuple(
  part(
    ['2024', '2023', '1900', '2000', '0001', '9999', '0004', '1582', '0100'],
    ['0000', '10000', '999', '-001', '+2024', '２０２４'],
  ),
  part(['-'], ['/', '', '−']),
  part(['01', '02', '02', '04', '06', '09', '11', '12'], ['00', '13', '1', '2 ']),
  part(['-'], ['/', '']),
  part(['01', '10', '28', '29', '30', '31'], ['00', '32', '1', 'x1']),
  oneof(
    constant(''),
    tuple(
      part(['T'], ['t', ' ', '']),
      part(['00', '09', '12', '23'], ['24', '25', '1']),
      part([':'], ['', '.']),
      part(['00', '30', '59'], ['60', '5']),
      oneof(
        constant(''),
        tuple(
          part([':'], ['']),
          part(['00', '30', '59'], ['60', '61', '5']),
          oneof(
            constant(''),
            digits.map((text) => `.${text}`),
            constantFrom('.', ',5', `.${'9'.repeat(50)}`, `.${'9'.repeat(44)}`),
          ),
        ).map((parts) => parts.join('')),
      ),
      part(
        ['', 'Z', '+00:00', '-00:00', '+05:30', '-15:59', '+15:59', '-08:00'],
        ['z', 'ZZ', '+16:00', '+05:60', '+0530', '+05', ' Z', '+5:30', 'UTC', '−08:00'],
      ),
    ).map((parts) => parts.join('')),
  ),
  part([''], [' ', '\n', 'Z', '\u00a0']),
).map((parts) => parts.join(''));

const known = [
  '', '2024-02-29', '2023-02-29', '1900-02-29', '2000-02-29', '2026-04-31', '2025-02-30', '0001-01-01', '0000-12-31',
  '0001-01-01T00:00:00+00:01', '0001-01-01T00:00:00-00:01', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.9999Z',
  '9999-12-31T23:59:59.999-00:01', '2026-01-01T00:00:59.9999999999Z', '2026-01-01T10:30', '2026-01-01T10:30Z',
  '2026-01-01T10:30+05:30', '2026-01-01T10:30:00.1+05:30', '2026-01-01T10:30:00.12+05:30', '2026-01-01T10:30:00.123+05:30',
  '2026-01-01T10:30:00.1234-05:30', '2026-01-01T10:30:00.1', 'now', 'infinity', '-infinity', 'epoch', 'tomorrow', 'today',
  '2026-01-01 10:30:00', '2026-01-01T10:30:00 UTC', '20260101', '2026-W01-1', '2026-001', 'J2451187', '2026-01-01BC',
  `2026-01-01T00:00:00.${'1'.repeat(43)}Z`, `2026-01-01T00:00:00.${'1'.repeat(44)}Z`, `2026-01-01T00:00:00.${'1'.repeat(45)}Z`,
  `2026-01-01T00:00:00.${'1'.repeat(39)}+05:30`, `2026-01-01T00:00:00.${'1'.repeat(38)}+05:30`,
]; // prettier-ignore

test('muster_time accepts exactly what parseIso accepts, to the same millisecond, under every setting', async () => {
  const texts = [...known, ...sample(iso, { numRuns: 20_000, seed: 20260601 })];
  const expected = texts.map(parseIso);
  expect(expected.filter((instant) => instant !== null).length).toBeGreaterThan(3000);
  const client = await pool.connect();
  try {
    for (const [zone, style, interval] of [
      ['UTC', 'ISO, MDY', 'postgres'],
      ['America/St_Johns', 'SQL, DMY', 'sql_standard'],
      ['<Z>5', 'German, YMD', 'iso_8601'],
    ]) {
      await client.query(
        `SET TimeZone = '${zone}'; SET DateStyle = '${style}'; SET IntervalStyle = '${interval}'`,
      );
      const { rows } = await client.query<{ instants: (string | null)[] }>(
        `SELECT array_agg((extract(epoch FROM muster_time(to_jsonb(written))) * 1000)::text ORDER BY position) AS instants
         FROM unnest($1::text[]) WITH ORDINALITY AS list(written, position)`,
        [texts],
      );
      const found = rows[0]?.instants.map((instant) => (instant === null ? null : Number(instant)));
      const different = texts.flatMap((text, index) =>
        found?.[index] === expected[index] ? [] : [{ text, sql: found?.[index], memory: expected[index] }],
      );
      expect({ zone, different: different.slice(0, 5) }).toEqual({ zone, different: [] });
    }
  } finally {
    await client.query('RESET ALL');
    client.release();
  }
});

test('only a text is a time', async () => {
  const values = [
    'null',
    '20260101',
    '1767225600',
    'true',
    '["2026-01-01"]',
    '{"at": "2026-01-01"}',
    '"2026-01-01"',
  ];
  const { rows } = await pool.query<{ value: string; read: boolean }>(
    `SELECT value, muster_time(value::jsonb) IS NOT NULL AS read FROM unnest($1::text[]) value`,
    [values],
  );
  expect(rows.filter(({ read }) => read).map(({ value }) => value)).toEqual(['"2026-01-01"']);
});

test('an instant is written so that Postgres reads the same one, and outside the calendar its nearest bound', async () => {
  const instants = [
    firstInstant,
    lastInstant,
    0,
    -1,
    ...sample(integer({ min: firstInstant, max: lastInstant }), { numRuns: 500, seed: 1 }),
  ];
  const { rows } = await pool.query<{ ms: string }>(
    `SELECT (extract(epoch FROM written) * 1000)::bigint AS ms FROM unnest($1::timestamptz[]) WITH ORDINALITY list(written, position) ORDER BY position`,
    [instants.map(instantText)],
  );
  expect(rows.map(({ ms }) => Number(ms))).toEqual(instants);
  expect([-Infinity, firstInstant - 1].map(instantText)).toEqual(Array(2).fill(instantText(firstInstant)));
  expect([Infinity, lastInstant + 1].map(instantText)).toEqual(
    Array(2).fill('10000-01-01T00:00:00.000+00:00'),
  );
});

test('muster_items splits at commas and trims spaces, and nothing else', async () => {
  const item = string({ unit: constantFrom('a', 'b', ' ', ',', '\t', 'é'), maxLength: 10 });
  const texts = ['', ' ', ',', ' , ', 'a,,b', ...sample(item, { numRuns: 1000, seed: 3 })];
  const { rows } = await pool.query<{ items: string[] }>(
    `SELECT muster_items(list) AS items FROM unnest($1::text[]) WITH ORDINALITY AS lists(list, position) ORDER BY position`,
    [texts],
  );
  expect(rows.map(({ items }) => items)).toEqual(
    texts.map((text) => text.split(',').map((piece) => piece.replace(/^ +| +$/g, ''))),
  );
});
