import Rudder from '@rudderstack/rudder-sdk-node';
import { expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';

it("RudderStack's client for Node sends unchanged, compressed as it does by default, and everything it sent is there", async () => {
  const { pool } = await testDatabase();
  const service = await startService(pool, 'acme');
  const client = new Rudder(service.writeKey, { dataPlaneUrl: service.url });
  const failed: unknown[] = [];
  const done = (error?: unknown): void => void (error === undefined || failed.push(error));
  const traits = {
    name: 'Ruth',
    email: 'ruth@example.com',
    createdAt: '2025-05-01',
    address: { city: 'Oslo' },
  };
  client.identify({ userId: 'rud-1', traits }, done);
  client.track({ userId: 'rud-1', event: 'Order Completed', properties: { total: 12.5 } }, done);
  client.group({ userId: 'rud-1', groupId: 'rud-co', traits: { name: 'Globex' } }, done);
  client.page({ userId: 'rud-1', name: 'Pricing' }, done);
  client.screen({ userId: 'rud-1', name: 'Home' }, done);
  client.alias({ userId: 'rud-2', previousId: 'rud-visitor' }, done);
  await client.flush();
  // The first call goes by itself, and the others may still be on their way.
  await expect
    .poll(async () => (await service.call('GET', '/api/users/rud-2')).status, { interval: 20 })
    .toBe(200);
  expect(failed).toEqual([]);
  expect((await service.call('GET', '/api/users/rud-1')).body).toMatchObject({
    name: 'Ruth',
    email: 'ruth@example.com',
    signed_up_at: '2025-05-01T00:00:00.000Z',
    company_id: 'rud-co',
    custom_fields: { address: { city: 'Oslo' } },
  });
  const { rows } = await pool.query<{ event: string }>(
    `SELECT event FROM events WHERE workspace_id = 'acme' ORDER BY event COLLATE "C"`,
  );
  expect(rows.map(({ event }) => event)).toEqual(['Order Completed', 'page', 'screen']);
  expect((await service.call('GET', '/api/users/rud-2')).body).toMatchObject({ anonymous_id: 'rud-visitor' });
});
