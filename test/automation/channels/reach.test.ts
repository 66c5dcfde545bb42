import { beforeAll, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { reachability, unreachableSql } from '../../../src/automation/channels/properties.js';
import { addressOf } from '../../../src/automation/channels/reach.js';
import type { Pool } from '../../../src/database/pool.js';
import { testDatabase } from '../../support/database.js';

let pool: Pool;
beforeAll(async () => {
  ({ pool } = await testDatabase());
});

const emailOf = (email: string | null): ReturnType<typeof reachability> => reachability('email', { email });

test.each([
  'ada@example.com',
  ' ada@example.com ',
  "o'neil+tag@mail.example.co.uk",
  'a@b.c',
  '用户@例子.公司',
  `${'x'.repeat(60)}@example.com`,
])('%j is an address', (email) => {
  expect(emailOf(email)).toBe(null);
  expect(addressOf({ email })).toBe(email.trim());
});

test.each([
  'ada',
  'ada@localhost',
  'ada@@example.com',
  'ada@example.com, eve@example.com',
  'Ada <ada@example.com>',
  'ada@example.com\r\nBcc: eve@example.com',
  'ada@example.com\n',
  'ada@exa mple.com',
  '"a b"@example.com',
  'ada@[192.0.2.1]',
  '.ada@example.com',
  'ada@-example.com',
  'ada@example.com\u200b',
  `${'x'.repeat(250)}@example.com`,
])('%j is no address, and no header of ours will hold it', (email) => {
  expect(emailOf(email)).toBe('bad_email');
  expect(addressOf({ email })).toBe(null);
});

test('nobody is reached by an address that is missing, and visitors by no inbox', () => {
  expect([null, '', '  '].map(emailOf)).toEqual(['no_email', 'no_email', 'no_email']);
  expect(reachability('inbox', { user_id: null })).toBe('anonymous');
  expect(reachability('log', { user_id: 'u1' })).toBe(null);
  expect(reachability('webhook', { user_id: null })).toBe(null);
  expect(reachability('a channel of your own', { user_id: null })).toBe(null);
});

const awkward = [
  'a',
  'b',
  '.',
  '@',
  ' ',
  '-',
  "'",
  '"',
  '_',
  '<',
  '\u00e4',
  '\u4f8b',
  '\u00a0',
  '\u200b',
  '\n',
  '\t',
];

test('memory and SQL agree about everybody', async () => {
  const part = fc.string({
    unit: fc.constantFrom(...awkward),
    maxLength: 9,
  });
  const emails = fc.sample(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.emailAddress(),
      part,
      fc.tuple(part, part).map((two) => two.join('@')),
    ),
    { seed: 7, numRuns: 3000 },
  );
  const storable = emails.filter((email) => email.isWellFormed() && !email.includes('\0'));
  const people = [null, ...storable].map((email, index) => ({
    email,
    user_id: index % 3 === 0 ? null : 'u',
  }));
  for (const channel of ['email', 'inbox', 'log', 'webhook', 'another']) {
    const { rows } = await pool.query<{ found: string | null }>(
      `SELECT ${unreachableSql(channel, 'u')} AS found
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u (user_id, email, place) ORDER BY place`,
      [people.map((person) => person.user_id), people.map((person) => person.email)],
    );
    expect(rows.map(({ found }) => found)).toEqual(people.map((person) => reachability(channel, person)));
  }
  expect(new Set(people.map(({ email }) => emailOf(email)))).toEqual(
    new Set([null, 'no_email', 'bad_email']),
  );
});
