import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { checkCompany } from '../../src/traits/company.js';
import { checkIdentify } from '../../src/traits/identify.js';
import type { CheckedIdentify } from '../../src/traits/identify.js';
import { identify, track } from '../../src/traits/index.js';
import { identifyCompanies, identifyMany, trackMany } from '../../src/traits/many.js';
import { checkTrack } from '../../src/traits/track.js';
import type { Track } from '../../src/traits/track.js';
import { testDatabase } from '../support/database.js';
import { outboxOf, peopleOf } from './support.js';

let pool: Pool;
beforeAll(async () => {
  ({ pool } = await testDatabase());
});

it('twelve sets at once about the same new people make each once and lose no key', async () => {
  const workspaceId = 'sets';
  const ids = Array.from({ length: 40 }, (_, each) => `u${each}`);
  await Promise.all(
    Array.from({ length: 12 }, async (_, set) => {
      const calls = ids.map((userId) =>
        checkIdentify({ workspaceId, userId, companyId: `c${set % 3}`, traits: { [`k${set}`]: set } }),
      );
      // Each in an order of its own.
      await identifyMany(pool, workspaceId, [...calls.slice(set), ...calls.slice(0, set)]);
    }),
  );
  const people = await peopleOf(pool, workspaceId);
  expect(people.map(({ user_id }) => user_id)).toEqual(ids.toSorted());
  for (const { custom_fields } of people) expect(Object.keys(custom_fields)).toHaveLength(12);
  const created = (await outboxOf(pool, workspaceId)).filter(({ kind }) => kind === 'user_created');
  expect(created.map(({ user_id }) => user_id).toSorted()).toEqual(ids.toSorted());
});

it('sets and single calls about the same people lose no key of each other', async () => {
  const workspaceId = 'mixed';
  const ids = Array.from({ length: 10 }, (_, each) => `u${each}`);
  await Promise.all([
    ...Array.from({ length: 4 }, (_, set) =>
      identifyMany(
        pool,
        workspaceId,
        ids.map((userId) => checkIdentify({ workspaceId, userId, traits: { [`set${set}`]: set } })),
      ),
    ),
    ...ids.flatMap((userId) =>
      Array.from({ length: 4 }, (_, each) =>
        identify(pool, { workspaceId, userId, traits: { [`one${each}`]: each } }),
      ),
    ),
  ]);
  for (const { custom_fields } of await peopleOf(pool, workspaceId))
    expect(Object.keys(custom_fields)).toHaveLength(8);
});

it('eight sets at once with the same message ids store each event once', async () => {
  const workspaceId = 'events';
  const calls = Array.from({ length: 30 }, (_, each) =>
    checkTrack({
      workspaceId,
      userId: `u${each % 5}`,
      event: 'e',
      properties: { each },
      messageId: `m${each}`,
    }),
  );
  await Promise.all(
    Array.from({ length: 8 }, (_, set) =>
      trackMany(pool, workspaceId, 'user_id', [...calls.slice(set), ...calls.slice(0, set)]),
    ),
  );
  const { rows } = await pool.query<{ stored: string; told: string }>(
    `SELECT (SELECT count(*) FROM events WHERE workspace_id = $1) AS stored,
       (SELECT count(*) FROM outbox WHERE workspace_id = $1 AND kind = 'event') AS told`,
    [workspaceId],
  );
  expect(rows).toEqual([{ stored: '30', told: '30' }]);
});

it('what a set cannot take is thrown back before anything is written', async () => {
  const workspaceId = 'refused';
  const many = async (...calls: CheckedIdentify[]): Promise<unknown> =>
    identifyMany(pool, workspaceId, calls);
  const fine = checkIdentify({ workspaceId, userId: 'fine' });
  await expect(many(fine, checkIdentify({ workspaceId, userId: 'v', anonymousId: 'x' }))).rejects.toThrow(
    /visitor/,
  );
  const group = (userId: string, plan: string): CheckedIdentify =>
    checkIdentify({ workspaceId, userId, companyId: 'c', companyTraits: { plan } });
  await expect(many(fine, group('a', 'pro'), group('b', 'team'))).rejects.toThrow(/two sorts of traits/);
  await expect(many(fine, fine)).rejects.toThrow(/a second time/);
  const visit = checkTrack({ workspaceId, anonymousId: 'x', event: 'e' });
  await expect(trackMany(pool, workspaceId, 'user_id', [visit])).rejects.toThrow(/anonymous_id/);
  expect(await peopleOf(pool, workspaceId)).toEqual([]);
});

it('companies alone are made and merged, a company said twice in one set from the earliest to the latest', async () => {
  const workspaceId = 'companies';
  const company = (companyId: string, now: string, traits: object): ReturnType<typeof checkCompany> =>
    checkCompany({ workspaceId, companyId, now: Date.parse(now), traits });
  await identifyCompanies(pool, workspaceId, [
    company('a', '2026-02-01', { name: 'A', seats: 1, gone: true }),
    company('b', '2026-02-01', { name: 'B' }),
  ]);
  await identifyCompanies(pool, workspaceId, [
    company('a', '2026-01-01', { name: null, seats: 2, gone: null }),
    company('c', '2026-01-01', {}),
  ]);
  const together = (userId: string, now: string): CheckedIdentify =>
    checkIdentify({
      workspaceId,
      userId,
      companyId: 'b',
      companyTraits: { plan: 'pro' },
      now: Date.parse(now),
    });
  await identifyMany(pool, workspaceId, [
    together('u1', '2026-02-05'),
    together('u2', '2026-01-05'),
    together('u3', '2026-02-04'),
  ]);
  const { rows } = await pool.query(
    `SELECT company_id, name, custom_fields, first_seen, last_seen FROM companies WHERE workspace_id = $1 ORDER BY 1`,
    [workspaceId],
  );
  expect(rows).toEqual([
    {
      company_id: 'a',
      name: null,
      custom_fields: { seats: 2 },
      first_seen: new Date('2026-01-01'),
      last_seen: new Date('2026-02-01'),
    },
    {
      company_id: 'b',
      name: 'B',
      custom_fields: { plan: 'pro' },
      first_seen: new Date('2026-01-05'),
      last_seen: new Date('2026-02-05'),
    },
    {
      company_id: 'c',
      name: null,
      custom_fields: {},
      first_seen: new Date('2026-01-01'),
      last_seen: new Date('2026-01-01'),
    },
  ]);
});

it('somebody whom several events of one set make has the times of one made by the first and moved by the others', async () => {
  const [one, many] = ['events-one', 'events-many'];
  const now = Date.now() - 86_400_000;
  const calls = (workspaceId: string): Track[] =>
    [3, 1, 2].map((hours) => ({
      workspaceId,
      userId: 'u',
      event: 'e',
      occurredAt: now - hours * 3_600_000,
      now,
    }));
  for (const call of calls(one)) await track(pool, call);
  await trackMany(pool, many, 'user_id', calls(many).map(checkTrack));
  await trackMany(pool, many, 'user_id', [
    checkTrack({ workspaceId: many, userId: 'single', event: 'e', now }),
  ]);
  const { rows } = await pool.query<{ who: string; moved: boolean }>(
    `SELECT workspace_id || ' ' || user_id AS who, created_at, first_seen, last_seen, updated_at > created_at AS moved
     FROM end_users WHERE workspace_id = ANY ($1) ORDER BY workspace_id DESC, user_id DESC`,
    [[one, many]],
  );
  const times = {
    created_at: new Date(now),
    first_seen: new Date(now - 10_800_000),
    last_seen: new Date(now - 3_600_000),
  };
  expect(rows).toEqual([
    { who: 'events-one u', ...times, moved: true },
    { who: 'events-many u', ...times, moved: true },
    {
      who: 'events-many single',
      created_at: new Date(now),
      first_seen: new Date(now),
      last_seen: new Date(now),
      moved: false,
    },
  ]);
});
