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
    'delete /api/broadcasts/{key}',
    'delete /api/channels/email',
    'delete /api/channels/slack/{key}',
    'delete /api/keys/{key_id}',
    'delete /api/rules/{key}',
    'delete /api/segments/{key}',
    'delete /api/series/{key}',
    'delete /api/suppressions',
    'delete /api/unsubscribes',
    'delete /api/users/{user_id}',
    'delete /api/users/{user_id}/context/{key}',
    'delete /api/webhooks/{key}',
    'get /api/broadcasts',
    'get /api/broadcasts/{key}',
    'get /api/broadcasts/{key}/recipients',
    'get /api/broadcasts/{key}/report',
    'get /api/channels/email',
    'get /api/channels/slack',
    'get /api/deliveries',
    'get /api/frequency-caps',
    'get /api/identity',
    'get /api/identity/report',
    'get /api/keys',
    'get /api/queue',
    'get /api/rules',
    'get /api/rules/{key}',
    'get /api/rules/{key}/versions',
    'get /api/schedules',
    'get /api/segments',
    'get /api/segments/{key}',
    'get /api/segments/{key}/members',
    'get /api/segments/{key}/members.csv',
    'get /api/series',
    'get /api/series/{key}',
    'get /api/series/{key}/enrollments',
    'get /api/series/{key}/enrollments/{user_id}',
    'get /api/series/{key}/explain/{user_id}',
    'get /api/series/{key}/report',
    'get /api/series/{key}/versions',
    'get /api/settings',
    'get /api/suppressions',
    'get /api/traits',
    'get /api/unsubscribes',
    'get /api/users/{user_id}',
    'get /api/users/{user_id}/context',
    'get /api/users/{user_id}/export',
    'get /api/users/{user_id}/preferences',
    'get /api/webhooks',
    'get /api/webhooks/{key}',
    'get /healthz',
    'get /readyz',
    'patch /api/users/{user_id}',
    'post /api/audiences/compile',
    'post /api/audiences/explain',
    'post /api/audiences/export',
    'post /api/audiences/preview',
    'post /api/audiences/report',
    'post /api/broadcasts',
    'post /api/broadcasts/{key}/cancel',
    'post /api/broadcasts/{key}/launch',
    'post /api/broadcasts/{key}/pause',
    'post /api/broadcasts/{key}/preview',
    'post /api/broadcasts/{key}/resume',
    'post /api/broadcasts/{key}/test',
    'post /api/channels/email/bounces',
    'post /api/deliveries/resolve',
    'post /api/deliveries/{id}/resolve',
    'post /api/identity/rotate',
    'post /api/imports',
    'post /api/keys',
    'post /api/keys/{key_id}/rotate',
    'post /api/rules/{key}/evaluate',
    'post /api/sdk/beacon',
    'post /api/sdk/companies/identify',
    'post /api/sdk/track',
    'post /api/sdk/users/identify',
    'post /api/segments',
    'post /api/segments/{key}/diff',
    'post /api/series',
    'post /api/series/{key}/archive',
    'post /api/series/{key}/diff',
    'post /api/series/{key}/enroll',
    'post /api/series/{key}/move',
    'post /api/series/{key}/pause',
    'post /api/series/{key}/remove',
    'post /api/series/{key}/resume',
    'post /api/suppressions',
    'post /api/targeting',
    'post /api/templates/check',
    'post /api/templates/preview',
    'post /api/unsubscribes',
    'post /api/users/batch',
    'post /api/webhooks',
    'post /api/webhooks/{key}/enable',
    'post /api/webhooks/{key}/rotate-secret',
    'post /v1/alias',
    'post /v1/batch',
    'post /v1/group',
    'post /v1/identify',
    'post /v1/page',
    'post /v1/screen',
    'post /v1/track',
    'put /api/broadcasts/{key}',
    'put /api/channels/email',
    'put /api/channels/slack/{key}',
    'put /api/frequency-caps',
    'put /api/identity',
    'put /api/rules/{key}',
    'put /api/segments/{key}',
    'put /api/series/{key}',
    'put /api/settings',
    'put /api/traits/{key}',
    'put /api/users/{user_id}/context/{key}',
    'put /api/users/{user_id}/preferences',
    'put /api/webhooks/{key}',
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
