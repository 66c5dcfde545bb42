import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
const now = '2026-03-01T12:00:00Z';
const admins = { '==': [{ var: 'custom:role' }, 'admin'] };

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
  const people = [
    {
      user_id: 'a1',
      traits: { name: 'Ada', role: 'admin', signed_up_at: '2026-02-20', email: 'ada@example.com' },
    },
    { user_id: 'a2', traits: { role: 'admin', signed_up_at: '2025-01-01' } },
    { user_id: 'a3', traits: { role: 'Admin', signed_up_at: '2026-02-25' } },
    { user_id: 'a4', traits: { seats: 3 } },
  ];
  for (const person of people) await service.call('POST', '/api/sdk/users/identify', person);
});

it('compile answers with SQL whose values are bound, the fields, the indexes and the sentence', async () => {
  const { status, body } = await service.call('POST', '/api/audiences/compile', { filter: admins });
  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['text', 'values', 'fields', 'indexes', 'sentence']);
  expect(body['text']).not.toContain('admin');
  expect(body).toMatchObject({
    fields: ['custom:role'],
    indexes: [{ path: '', name: 'end_users_custom_fields', exists: true }],
    sentence: 'role is "admin"',
  });
});

it('report says where everybody is lost, why, and what would let them match', async () => {
  const owners = { and: [{ '==': [{ var: 'custom:role' }, 'ADMIN'] }, { exists: { var: 'email' } }] };
  const { status, body } = await service.call('POST', '/api/audiences/report', { filter: owners, now });
  expect(status).toBe(200);
  const keys = ['total', 'matched', 'emptied_by', 'funnel', 'values', 'suggestions', 'warnings', 'took_ms'];
  expect(Object.keys(body)).toEqual(keys);
  expect(body).toMatchObject({
    total: 4,
    matched: 0,
    emptied_by: '/and/0',
    funnel: [
      { path: '/and/0', passed_alone: 0, passed_so_far: 0, failed: { missing: 1, case_mismatch: 3 } },
      { path: '/and/1', passed_alone: 1, passed_so_far: 0, failed: { missing: 3, case_mismatch: 0 } },
    ],
    suggestions: [{ path: '/and/0', code: 'letter_case', people: 3, gain: 1, exact: true }, {}, {}, {}],
  });
  expect(await service.call('POST', '/api/audiences/report', { filter: {} })).toMatchObject({
    status: 400,
    body: { error: { code: 'empty_filter', path: '/filter' } },
  });
});

it('preview counts the audience and every leaf alone, and shows the first people', async () => {
  const filter = { and: [admins, { '>=': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] }] };
  const { status, body } = await service.call('POST', '/api/audiences/preview', { filter, now });
  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['count', 'exact', 'clauses', 'sample', 'took_ms']);
  expect(body['took_ms']).toBeGreaterThan(0);
  expect(body).toMatchObject({
    count: 1,
    exact: true,
    clauses: [
      { path: '/and/0', sentence: 'role is "admin"', count: 2 },
      { path: '/and/1', sentence: 'signed_up_at is 30 days ago or later', count: 2 },
    ],
    sample: [{ user_id: 'a1', name: 'Ada', email: 'ada@example.com' }],
  });
});

it('explain says for each leaf what was seen, what was wanted and why it failed', async () => {
  const { status, body } = await service.call('POST', '/api/audiences/explain', {
    filter: admins,
    user_id: 'a3',
    now,
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    matched: false,
    sentence: 'role is "admin"',
    clauses: [
      {
        path: '',
        verdict: false,
        negated: false,
        reason: 'case_mismatch',
        seen: 'Admin',
        wanted: 'admin',
        changes_at: null,
      },
    ],
  });
});

it('a mistake in the filter is answered with its place in the body', async () => {
  const filter = {
    and: [{ '==': [{ var: 'roel' }, 'admin'] }, { in: [{ var: 'custom:x' }, []] }, { nope: 1 }],
  };
  for (const call of ['compile', 'preview', 'explain']) {
    const { status, body } = await service.call('POST', `/api/audiences/${call}`, {
      filter,
      ...(call === 'explain' ? { user_id: 'a1' } : {}),
    });
    expect(status).toBe(400);
    expect(body.error?.details.problems.map(({ code, path }) => [code, path])).toEqual([
      ['unknown_field', '/filter/and/0/==/0/var'],
      ['empty_list', '/filter/and/1/in/1'],
      ['unknown_operator', '/filter/and/2/nope'],
    ]);
  }
});

async function refused(extra: object): Promise<unknown> {
  const { status, body } = await service.call('POST', '/api/audiences/preview', { filter: admins, ...extra });
  return [status, body.error?.code, body.error?.path];
}

it('a wrong instant, zone or sample size is refused with its path', async () => {
  expect(await refused({ now: 'yesterday' })).toEqual([400, 'bad_now', '/now']);
  expect(await refused({ zone: 'Mars/Olympus' })).toEqual([400, 'bad_zone', '/zone']);
  expect(await refused({ sample: 1001 })).toEqual([400, 'body_invalid', '/sample']);
  expect(await refused({ sample: 1.5 })).toEqual([400, 'body_invalid', '/sample']);
  expect(await refused({ sample: '5' })).toEqual([400, 'body_invalid', '/sample']);
});

it("calendar units are counted in the workspace's zone unless the call names one", async () => {
  await pool.query(`UPDATE workspaces SET zone = 'Pacific/Kiritimati' WHERE workspace_id = 'acme'`);
  const filter = { '>=': [{ var: 'signed_up_at' }, { start_of: ['day', 0] }] };
  const values = async (extra: object): Promise<unknown> =>
    (await service.call('POST', '/api/audiences/compile', { filter, now, ...extra })).body['values'];
  const own = await values({});
  expect(own).not.toEqual(await values({ zone: 'UTC' }));
  expect(own).toEqual(await values({ zone: 'Pacific/Kiritimati' }));
});

it("a key sees its own workspace's people only", async () => {
  const other = await startService(pool, 'other');
  await other.call('POST', '/api/sdk/users/identify', { user_id: 'o1', traits: { role: 'admin' } });
  const theirs = await other.call('POST', '/api/audiences/preview', { filter: { everyone: true } });
  expect(theirs.body).toMatchObject({ count: 1, sample: [{ user_id: 'o1' }] });
  const ours = await service.call('POST', '/api/audiences/preview', { filter: { everyone: true } });
  expect(ours.body).toMatchObject({ count: 4 });
  expect((await other.call('GET', '/api/users/a1')).status).toBe(404);
  const explained = await other.call('POST', '/api/audiences/explain', { filter: admins, user_id: 'a1' });
  expect([explained.status, explained.body.error?.code]).toEqual([404, 'no_such_user']);
});
