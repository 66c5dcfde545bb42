import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import type { Problem } from '../../src/errors/index.js';
import { textOf } from '../../src/sdk/values.js';
import { collectId, collectKnownId } from '../../src/traits/ids.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { testDatabase } from '../support/database.js';

/** What scripts and templates of pages write. */
const missingInPages = [
  'undefined',
  'Undefined',
  'null',
  'NULL',
  ' null ',
  'NaN',
  'nan',
  '[object Object]',
  '[object Undefined]',
  '{{user.id}}',
  '{{ user.id }}',
  'user-{{ id }}',
  '${id}',
  'urn:${user.id}:x',
  '<%= id %>',
];
const missing = [...missingInPages, 'None', 'nil', 'N/A', '#N/A', '#{id}', '{% if id %}x{% endif %}'];
const blank = ['', ' ', '\u00a0', '\t\n', '\ufeff'];
const taken = [
  '0',
  'true',
  'false',
  'anonymous',
  'nullable',
  'n/a-7',
  '-',
  '...',
  '1.23457E+12',
  '{3F2504E0-4F89-41D3-9A0C-0305E82C3301}',
  'a<b>c',
  '$5',
  'Ünïcode id',
];

function codesOf(value: unknown): string[] {
  const problems: Problem[] = [];
  const id = collectId('user_id', value, problems);
  expect(id === '').toBe(problems.length > 0);
  return problems.map(({ code }) => code);
}

describe('an id', () => {
  it.each(missing)('%j is the text of a missing value and refused', (id) => {
    expect(codesOf(id)).toEqual(['id_missing_value']);
  });

  it.each(missingInPages)('%j is no id to the browser script', (id) => {
    expect(textOf(id)).toBeUndefined();
  });

  it.each(blank)('%j is blank and refused, by the browser script too', (id) => {
    expect(codesOf(id)).toEqual(['bad_user_id']);
    expect(textOf(id)).toBeUndefined();
  });

  it.each(taken)('%j is taken as it is, by the browser script too', (id) => {
    expect(collectId('user_id', id, [])).toBe(id);
    expect(textOf(id)).toBe(id);
  });

  it.each(['.', '..', ' .. '])('%j cannot stand in an address and is refused', (id) => {
    const problems: Problem[] = [];
    collectId('company_id', id, problems);
    expect(problems.map(({ code, hint }) => [code, hint])).toEqual([
      ['bad_user_id', expect.stringContaining('send another one')],
    ]);
  });

  it('is stored without the blanks around it, and its length counts without them', () => {
    const id = 'x'.repeat(512);
    expect(collectId('user_id', ` \u00a0${id}\n`, [])).toBe(id);
    expect(textOf('\u00a0 u1 ')).toBe('u1');
    expect(codesOf(`${id}x`)).toEqual(['bad_user_id']);
  });

  it('that was stored under an older rule can still be looked up', () => {
    const problems: Problem[] = [];
    for (const id of ['undefined', ' u1 ', '..', '{{id}}']) collectKnownId('user_id', id, problems);
    expect(problems).toEqual([]);
  });
});

describe('wherever ids come in', () => {
  let pool: Pool;
  let service: Service;

  beforeAll(async () => {
    ({ pool } = await testDatabase());
    service = await startService(pool, 'acme');
  });

  /** For each way in, the calls with one id in each place that takes one. */
  const ways: Record<string, (id: string) => readonly object[]> = {
    '/api/sdk/users/identify': (id) => [
      { user_id: id },
      { user_id: 'u', anonymous_id: id },
      { user_id: 'u', company_id: id },
      { anonymous_id: id },
    ],
    '/api/sdk/companies/identify': (id) => [{ company_id: id }],
    '/api/sdk/track': (id) => [
      { user_id: id, event: 'e' },
      { anonymous_id: id, event: 'e' },
      { user_id: 'u', anonymous_id: id, event: 'e' },
    ],
    '/v1/identify': (id) => [{ userId: id }, { anonymousId: id }, { userId: 'u', anonymousId: id }],
    '/v1/track': (id) => [
      { userId: id, event: 'e' },
      { anonymousId: id, event: 'e' },
    ],
    '/v1/page': (id) => [{ userId: id }],
    '/v1/screen': (id) => [{ userId: id }],
    '/v1/group': (id) => [
      { userId: id, groupId: 'c' },
      { userId: 'u', groupId: id },
      { anonymousId: 'a', groupId: id },
    ],
    '/v1/alias': (id) => [
      { userId: id, previousId: 'a' },
      { userId: 'u', previousId: id },
    ],
  };

  it('all ingest calls are tried here', () => {
    const ingest = service.routes.filter(
      ({ url, method }) => method === 'POST' && /^\/(api\/sdk|v1)\//.test(url),
    );
    // The beacon and the batch hand on to the others; the short forms of Segment's calls are the same handlers.
    const long = ingest.map(({ url }) => url).filter((url) => !/^\/v1\/.$/.test(url));
    expect([...Object.keys(ways), '/api/sdk/beacon', '/v1/batch'].toSorted()).toEqual(long.toSorted());
  });

  it.each(Object.entries(ways))(
    '%s refuses the text of a missing value and stores nothing',
    async (path, calls) => {
      for (const id of ['undefined', '[object Object]', '{{user.id}}', 'NULL\u00a0']) {
        for (const body of calls(id)) {
          const { status, body: answer } = await service.call('POST', path, body, service.writeKey);
          expect([body, status, answer.error?.code]).toEqual([body, 400, 'id_missing_value']);
        }
      }
      expect((await pool.query('SELECT FROM end_users')).rowCount).toBe(0);
      expect((await pool.query('SELECT FROM companies')).rowCount).toBe(0);
    },
  );

  it('a batch of Segment leaves such items out and keeps the others', async () => {
    const batch = [
      { type: 'identify', userId: 'undefined', traits: { a: 1 } },
      { type: 'track', userId: 'undefined', event: 'e' },
      { type: 'alias', userId: 'u1', previousId: 'null' },
      { type: 'identify', userId: ' b1\u00a0', traits: { a: 1 } },
      { type: 'track', userId: 'b1 ', event: 'e' },
    ];
    expect((await service.call('POST', '/v1/batch', { batch })).status).toBe(200);
    const { rows } = await pool.query(`SELECT user_id, custom_fields FROM end_users`);
    expect(rows).toEqual([{ user_id: 'b1', custom_fields: { a: 1 } }]);
  });

  it('backfill, its batch and files refuse such a person and trim the ids of the others', async () => {
    const patched = await service.call('PATCH', '/api/users/%20p1', { traits: { a: 1 } });
    expect(patched.body).toMatchObject({ user: { user_id: 'p1' } });
    const refused = await service.call('PATCH', '/api/users/undefined', { traits: { a: 1 } });
    expect([refused.status, refused.body.error?.code]).toEqual([400, 'id_missing_value']);
    const users = [{ user_id: 'null' }, { user_id: ' p1 ', traits: { b: 2 } }];
    const { body } = await service.call('POST', '/api/users/batch', { users });
    expect(body['results']).toMatchObject([
      { user_id: 'null', status: 'rejected', error: { code: 'id_missing_value', path: '/users/0/user_id' } },
      { user_id: 'p1', status: 'updated' },
    ]);
    const csv = 'user_id,c\nundefined,1\n"p1 ",3\n{{id}},1\n\u00a0p2,4\n';
    const file = await service.raw('/api/imports', csv, { 'content-type': 'text/csv' });
    expect(file.body).toMatchObject({
      created: 1,
      updated: 1,
      rejected: 2,
      rejects: [{ line: 2 }, { line: 4 }],
    });
    const ndjson = '{"user_id":"[object Object]","traits":{}}\n{"user_id":" p3","traits":{"c":5}}\n';
    const lines = await service.raw('/api/imports', ndjson, { 'content-type': 'application/x-ndjson' });
    expect(lines.body).toMatchObject({ created: 1, rejected: 1, rejects: [{ code: 'id_missing_value' }] });
    const { rows } = await pool.query(
      `SELECT user_id, custom_fields FROM end_users WHERE user_id ~ 'p' ORDER BY user_id`,
    );
    expect(rows).toEqual([
      { user_id: 'p1', custom_fields: { a: 1, b: 2, c: 3 } },
      { user_id: 'p2', custom_fields: { c: 4 } },
      { user_id: 'p3', custom_fields: { c: 5 } },
    ]);
  });

  it('who was stored under such an id before can be read and erased', async () => {
    await pool.query(`INSERT INTO end_users (workspace_id, user_id) VALUES ('acme', 'undefined')`);
    expect((await service.call('GET', '/api/users/undefined')).status).toBe(200);
    expect((await service.call('DELETE', '/api/users/undefined')).body).toEqual({ erased: true });
  });

  const identify = (traits: object): ReturnType<Service['call']> =>
    service.call('POST', '/api/sdk/users/identify', { user_id: 'named', traits });

  it('a trait without a name is refused, and one that is stored can be removed', async () => {
    for (const key of ['', ' ']) {
      const { status, body } = await identify({ [key]: 1, a: 1 });
      expect([status, body.error]).toMatchObject([400, { code: 'trait_no_name', path: `/traits/${key}` }]);
    }
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields) VALUES ('acme', 'named', '{"": 1, "b": 2}')`,
    );
    expect((await identify({ '': null })).body).toMatchObject({ user: { custom_fields: { b: 2 } } });
  });
});
