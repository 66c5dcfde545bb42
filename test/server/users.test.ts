import { beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { matching } from '../support/matchers.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let service: Service;
beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'w');
});

it("a user's answer has the profile as text and the context entries beside it, an empty list where there are none", async () => {
  const get = async (): Promise<unknown> => (await service.call('GET', '/api/users/jane')).body;
  await service.call('POST', '/api/sdk/users/identify', { user_id: 'jane', traits: { plan: 'pro' } });
  await service.call('POST', '/api/sdk/users/identify', { user_id: 'john' });
  expect(await get()).toMatchObject({
    profile: '[User Profile]\nplan: pro\ncustomer_for: less than a day',
    context: [],
  });
  const set = (userId: string, key: string, value: unknown) =>
    service.call('PUT', `/api/users/${userId}/context/${key}`, { value });
  await set('jane', 'tickets', [{ open: true }]);
  await set('jane', 'cart', JSON.parse('{"__proto__": {"items": 2}}'));
  await set('john', 'cart', 'of somebody else');
  const time = matching(/^\d{4}-\d\d-\d\dT.*Z$/);
  const { context } = (await service.call('GET', '/api/users/jane')).body;
  expect(context).toMatchObject([
    { key: 'cart', updated_at: time },
    { key: 'tickets', value: [{ open: true }], updated_at: time },
  ]);
  // Compared as text, because `__proto__` in an expectation would be its prototype.
  expect(JSON.stringify(context)).toContain('"value":{"__proto__":{"items":2}}');
});

it('customer_for counts from a signup that is a day in the zone of the workspace, and JSON keeps its midnight UTC', async () => {
  const { pool } = await testDatabase();
  // The date there is up to a day behind that of UTC, so that the day began less than a day ago where UTC says more.
  const west = await startService(pool, 'west');
  await pool.query(`UPDATE workspaces SET zone = 'Pacific/Pago_Pago' WHERE workspace_id = 'west'`);
  const hours = 3_600_000;
  const day = new Date(Math.floor(Date.now() / (24 * hours)) * 24 * hours - 24 * hours);
  const sinceFirstMoment = Date.now() - day.getTime() - 11 * hours;
  const { body } = await west.call('PATCH', '/api/users/jane', {
    traits: { signed_up_at: day.toISOString() },
  });
  const expected = Math.floor(sinceFirstMoment / (24 * hours));
  expect(body).toMatchObject({ user: { signed_up_at: day.toISOString(), days_since_signup: expected } });
  expect((await west.call('GET', '/api/users/jane')).body).toMatchObject({ days_since_signup: expected });
});
