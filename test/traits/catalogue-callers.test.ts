import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { identify } from '../../src/traits/index.js';
import { muster } from '../cli/muster.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { testDatabase } from '../support/database.js';

// The command line runs in whole processes, which take long on a machine that is busy.
let pool: Pool;
let url: string;
let service: Service;
beforeAll(async () => {
  const made = await testDatabase();
  ({ pool, url } = made);
  service = await startService(pool, 'acme');
  await identify(pool, { workspaceId: 'acme', userId: 'a', traits: { role: 'admin', seats: 5 } });
  await identify(pool, {
    workspaceId: 'acme',
    userId: 'b',
    traits: { role: 'admin', seats: '5', email: 'b@x.y' },
  });
});

it('GET /api/traits gives every trait with types, people, values and times', async () => {
  const { status, body } = await service.call('GET', '/api/traits');
  const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
  const common = { entity: 'user', values_exact: true, mismatches: 0, first_seen: time, last_seen: time };
  expect([status, body]).toEqual([
    200,
    {
      next: null,
      traits: [
        {
          ...common,
          key: 'role',
          types: [{ type: 'text', count: 2 }],
          users: 2,
          common_values: [{ value: 'admin', count: 2 }],
          declared_type: null,
        },
        {
          ...common,
          key: 'seats',
          types: [
            { type: 'number', count: 1 },
            { type: 'text', count: 1 },
          ],
          users: 2,
          common_values: [
            { value: '5', count: 1 },
            { value: 5, count: 1 },
          ],
          declared_type: null,
        },
        {
          ...common,
          key: 'email',
          types: [{ type: 'text', count: 1 }],
          users: 1,
          common_values: [],
          declared_type: 'text',
        },
      ],
    },
  ]);
});

it('PUT /api/traits/:key declares a type, and answers with what does not keep to it', async () => {
  const { status, body } = await service.call('PUT', '/api/traits/seats', { declared_type: 'number' });
  expect([status, body['declared_type'], body['mismatches']]).toEqual([200, 'number', 1]);
  const slash = await service.call('PUT', `/api/traits/${encodeURIComponent('a/b %')}`, {
    declared_type: 'list',
    entity: 'company',
  });
  expect(slash.body).toMatchObject({ key: 'a/b %', entity: 'company', declared_type: 'list', users: 0 });
  await service.call('PUT', '/api/traits/seats', { declared_type: null });
});

it('a type that does not exist, a dedicated column and the write key are refused', async () => {
  const unknown = await service.call('PUT', '/api/traits/seats', { declared_type: 'integer' });
  expect(unknown.status).toBe(400);
  const column = await service.call('PUT', '/api/traits/email', { declared_type: 'number' });
  expect([column.status, column.body.error?.code, column.body.error?.path]).toEqual([
    400,
    'trait_type_fixed',
    '/declared_type',
  ]);
  for (const [method, path, body] of [
    ['GET', '/api/traits', undefined],
    ['PUT', '/api/traits/seats', { declared_type: 'text' }],
  ] as const) {
    expect((await service.call(method, path, body, service.writeKey)).status).toBe(403);
    expect((await service.call(method, path, body, '')).status).toBe(401);
  }
});

it('`muster traits` prints a table, and with --json what the API answers', async () => {
  const run = await muster(['traits', '--workspace', 'acme'], { DATABASE_URL: url });
  expect([run.code, run.err]).toEqual([0, '']);
  const lines = run.out
    .split('\n')
    .map((line) => line.replace(/\d{4}-\d\d-\d\d/, 'DATE').replace(/ +/g, ' '));
  expect(lines.slice(0, 5)).toEqual([
    'Traits of people',
    ' trait people types last seen common values',
    ' role 2 text DATE admin 2',
    ' seats 2 number 1, text 1 DATE "5" 1, 5 1',
    ' email 1 text DATE -',
  ]);
  const json = await muster(['traits', '--workspace', 'acme', '--json', '--rebuild'], { DATABASE_URL: url });
  const { body } = await service.call('GET', '/api/traits');
  expect(JSON.parse(json.out)).toEqual({ traits: body['traits'], corrected: 0 });
});
