import { beforeAll, expect, it } from 'vitest';
import { explainUser } from '../../src/audience/explain.js';
import { inSnapshot } from '../../src/audience/people.js';
import { preview } from '../../src/audience/preview.js';
import type { Pool } from '../../src/database/pool.js';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter } from '../../src/filter/parse.js';
import type { UserRecord } from '../../src/filter/record.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import type { Filter } from '../../src/filter/tree.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const moment = momentOf('2026-03-01T12:00:00Z');
const workspaceId = 'acme';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, name, email, signed_up_at, renewal_status, custom_fields)
     SELECT w, 'u' || lpad(n::text, 4, '0'), 'N' || n, CASE WHEN n % 3 = 0 THEN 'm' || n || '@example.com' END,
       CASE WHEN n % 4 > 0 THEN timestamptz '2026-03-01 00:00Z' - n * interval '1 hour' END,
       CASE n % 5 WHEN 0 THEN 'at_risk' WHEN 1 THEN 'lost' END,
       jsonb_build_object('role', CASE n % 3 WHEN 0 THEN 'admin' WHEN 1 THEN 'member' END, 'seats', n % 7, 'n', n)
     FROM (VALUES ('acme'), ('other')) AS workspaces (w), generate_series(1, 1500) AS n`,
  );
  await pool.query(
    `INSERT INTO end_users (workspace_id, anonymous_id, custom_fields) VALUES ('acme', 'visitor', '{"role": "admin"}')`,
  );
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id) VALUES ('acme', 'Z'), ('acme', 'a'), ('acme', 'é')`,
  );
});

const role = { '==': [{ var: 'custom:role' }, 'admin'] };
const recent = { between: [{ var: 'signed_up_at' }, { ago: [30, 'days'] }, { ago: [0, 'days'] }] };
const seats = { '>': [{ var: 'custom:seats' }, 3] };
const status = { '!=': [{ var: 'renewal_status' }, 'lost'] };
const noEmail = { '!': { exists: { var: 'email' } } };

const see = (input: unknown, options: { sample?: number; timeoutMs?: number } = {}) =>
  preview(pool, { workspaceId, filter: parseFilter(input), moment, ...options });

it('the count and the count of every leaf are what the predicate says of each person, whichever way they are counted', async () => {
  const { rows } = await pool.query<UserRecord>(
    `SELECT user_id, anonymous_id, email, signed_up_at, renewal_status, custom_fields, created_at
     FROM end_users WHERE workspace_id = 'acme'`,
  );
  const matching = (filter: Filter): number => rows.filter(compilePredicate(filter, moment)).length;
  for (const input of [
    role,
    { and: [role, recent, seats] },
    { or: [role, seats, noEmail] },
    { and: [{ '!': { or: [role, status] } }, status] },
    { and: [{ in: [{ var: 'custom:n' }, [1, 2, 3, 5000]] }, { '!': seats }] },
    { and: [{ everyone: true }, { percent: ['salt', 0, 50] }] },
  ]) {
    const filter = parseFilter(input);
    const leaves = leavesOf(filter).map(({ leaf }) => leaf);
    const found = await see(input);
    expect(found.count).toBe(matching(filter));
    expect(found.clauses.map(({ path, count }) => [path, count])).toEqual(
      leaves.map((leaf) => [leaf.path, matching(leaf)]),
    );
  }
});

it('a leaf is counted before the `!` above it', async () => {
  const found = await see({ and: [role, noEmail] });
  expect(found.clauses).toEqual([
    { path: '/and/0', sentence: 'role is "admin"', count: 501 },
    { path: '/and/1/!', sentence: 'email is set', count: 500 },
  ]);
});

it('the people of another workspace are in no count and no sample', async () => {
  const everyone = parseFilter({ or: [{ everyone: true }, role] });
  const other = await preview(pool, { workspaceId: 'other', filter: everyone, moment, sample: 1000 });
  expect([other.count, other.clauses[1]?.count]).toEqual([1500, 500]);
  const nobody = await preview(pool, { workspaceId: 'nowhere', filter: everyone, moment });
  expect([nobody.count, nobody.clauses[0]?.count, nobody.sample]).toEqual([0, 0, []]);
});

it('the sample is the first people by user id in code point order, those without one last', async () => {
  const all = await see({ '!': { exists: { var: 'custom:n' } } }, { sample: 10 });
  expect(all.sample.map(({ user_id }) => user_id)).toEqual(['Z', 'a', 'é', null]);
  const first = await see(role, { sample: 3 });
  expect(first.sample).toEqual([
    { user_id: 'u0003', name: 'N3', email: 'm3@example.com' },
    { user_id: 'u0006', name: 'N6', email: 'm6@example.com' },
    { user_id: 'u0009', name: 'N9', email: 'm9@example.com' },
  ]);
});

it('a sample has 10 people unless another number from 0 to 1,000 is asked for', async () => {
  expect((await see({ everyone: true })).sample).toHaveLength(10);
  expect((await see({ everyone: true }, { sample: 0 })).sample).toEqual([]);
  expect((await see({ everyone: true }, { sample: 1000 })).sample).toHaveLength(1000);
  for (const sample of [-1, 1001, 1.5, Number.NaN]) {
    await expect(see({ everyone: true }, { sample })).rejects.toMatchObject({
      code: 'bad_sample',
      path: '/sample',
    });
  }
});

it('every number of one preview comes from one snapshot: somebody who joins meanwhile is in none of them', async () => {
  const filter = parseFilter(role);
  const options = { workspaceId, moment, timeoutMs: 10_000 };
  const counts = await inSnapshot(pool, options, async (people) => {
    const before = await people.count(filter);
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields) VALUES ('acme', 'joined', '{"role": "admin"}')`,
    );
    return [
      before,
      await people.count(filter),
      ...(await people.countEach([filter])),
      (await people.sample(filter, 1000)).length,
    ];
  });
  await pool.query(`DELETE FROM end_users WHERE user_id = 'joined'`);
  expect(new Set(counts).size).toBe(1);
});

it('a count that takes too long is given up with a hint, and the connection is as good as before', async () => {
  const heavy = {
    or: Array.from({ length: 400 }, (_, index) => ({ contains: [{ var: 'custom:role' }, `x${index}`] })),
  };
  const failure = await see(heavy, { timeoutMs: 1 }).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(MusterError);
  // It is no invitation to ask again at once: without `retry_after` in its details no answer has the header `Retry-After`.
  expect(failure).toMatchObject({ code: 'audience_timeout', status: 422, details: {} });
  expect(failure).toHaveProperty('hint', expect.stringContaining('do not repeat it as it is'));
  expect((await pool.query(`SELECT current_setting('statement_timeout') AS t`)).rows).toEqual([{ t: '0' }]);
  expect((await see(role)).count).toBe(501);
});

it('a filter of 490 leaves is one preview like any other', async () => {
  const leaves = Array.from({ length: 490 }, (_, index) => ({ '>': [{ var: 'custom:n' }, index] }));
  const found = await see({ and: leaves });
  expect(found.count).toBe(1500 - 489);
  expect(found.clauses.at(0)?.count).toBe(1500);
  expect(found.clauses.at(-1)?.count).toBe(1011);
});

it('explaining somebody agrees with the preview, and somebody unknown is refused', async () => {
  const filter = parseFilter({ and: [role, noEmail] });
  const explained = await explainUser(pool, { workspaceId, filter, userId: 'u0003', moment });
  expect(explained.matched).toBe(false);
  expect(explained.clauses.map(({ verdict, negated }) => [verdict, negated])).toEqual([
    [true, false],
    [true, true],
  ]);
  await expect(explainUser(pool, { workspaceId, filter, userId: 'nobody', moment })).rejects.toMatchObject({
    code: 'no_such_user',
  });
});
