import { beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let service: Service;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
});

it('the zone of a workspace is set by one call, and previews count their days by it from then on', async () => {
  const put = await service.call('PUT', '/api/settings', { zone: 'America/New_York' });
  expect([put.status, put.body]).toMatchObject([200, { zone: 'America/New_York', zone_trait: 'timezone' }]);
  const compiled = await service.call('POST', '/api/audiences/compile', {
    filter: { '>=': [{ var: 'last_seen' }, { start_of: ['day'] }] },
    now: '2026-01-31T12:00:00Z',
  });
  expect(compiled.body['values']).toContain('2026-01-31T05:00:00.000+00:00');
  expect((await service.call('GET', '/api/settings')).body).toEqual(put.body);
});

it('an unknown setting is refused, so that a misspelt one is not silently without effect', async () => {
  const { status, body } = await service.call('PUT', '/api/settings', { timezone: 'UTC' });
  expect([status, body.error?.code]).toEqual([400, 'body_unknown_key']);
});
