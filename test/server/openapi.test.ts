import { beforeAll, expect, it } from 'vitest';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let service: Service;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
});

it('/openapi.json needs no key and describes every call by the schema that checks it', async () => {
  const { status, body } = await service.call('GET', '/openapi.json', undefined, '');
  expect([status, body['openapi']]).toEqual([200, '3.1.0']);
  const calls = Object.entries(body['paths'] ?? {}).flatMap(([path, methods]) =>
    Object.keys(isObject(methods) ? methods : {}).map((method) => `${method} ${path}`),
  );
  expect(calls.toSorted()).toEqual([
    'get /api/series',
    'get /api/series/{key}',
    'get /api/traits',
    'get /api/users/{user_id}',
    'get /healthz',
    'get /readyz',
    'post /api/audiences/compile',
    'post /api/audiences/explain',
    'post /api/audiences/preview',
    'post /api/sdk/users/identify',
    'post /api/series',
    'put /api/series/{key}',
    'put /api/traits/{key}',
  ]);
  const schema = [
    'paths',
    '/api/audiences/preview',
    'post',
    'requestBody',
    'content',
    'application/json',
    'schema',
  ];
  expect(body).toHaveProperty([...schema, 'required'], ['filter']);
  expect(body).toHaveProperty([...schema, 'additionalProperties'], false);
});

it('/readyz says that the database answers', async () => {
  const { status, body } = await service.call('GET', '/readyz', undefined, '');
  expect([status, body]).toEqual([200, { ready: true, checks: { database: 'ok' } }]);
});
