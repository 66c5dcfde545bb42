import { beforeAll, expect, it } from 'vitest';
import { exampleSeries, loadSeries } from '../../src/automation/series/file.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let service: Service;
let welcome: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
  welcome = (await loadSeries(exampleSeries.welcome)).source;
});

it('a series that was saved is listed, and saving a changed one makes a new version', async () => {
  const made = await service.call('POST', '/api/series', welcome);
  expect([made.status, made.body['version']]).toEqual([201, 1]);
  const same = await service.call('PUT', '/api/series/welcome', welcome);
  expect([same.status, same.body['version']]).toEqual([200, 1]);
  const changed = await service.call('PUT', '/api/series/welcome', { ...welcome, name: 'Hello' });
  expect(changed.body).toMatchObject({ key: 'welcome', name: 'Hello', version: 2, state: 'active' });
  expect((await service.call('GET', '/api/series/welcome')).body['version']).toBe(2);
  expect((await service.call('GET', '/api/series')).body).toMatchObject({ series: [{ key: 'welcome' }] });
});

it('a series with mistakes is refused with all of them, and nothing is saved', async () => {
  const { status, body } = await service.call('POST', '/api/series', { key: 'No!', trigger: {}, steps: [] });
  expect(status).toBe(400);
  expect(body.error?.details.problems.length).toBeGreaterThanOrEqual(4);
  expect((await service.call('GET', '/api/series/No!')).body.error?.code).toBe('series_not_found');
});

it('a series cannot be renamed by its address', async () => {
  const { status, body } = await service.call('PUT', '/api/series/other', welcome);
  expect([status, body.error?.code, body.error?.path]).toEqual([400, 'key_differs', '/key']);
});

it('the key in the address need not be written again, and what else is wrong is told', async () => {
  const { key: _, ...keyless } = welcome;
  expect((await service.call('PUT', '/api/series/keyless', keyless)).body).toMatchObject({ key: 'keyless' });
  const { body } = await service.call('PUT', '/api/series/keyless', { trigger: null, steps: {} });
  expect(body.error?.details.problems.map(({ path }) => path)).toEqual(['/name', '/trigger', '/steps']);
});
