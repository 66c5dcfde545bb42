import { expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { isObject } from '../../src/filter/values.js';
import { startService } from './service.js';

it('the `next` of a page of events is taken as `after`, however long and odd the name it ends with', async () => {
  const { pool } = await testDatabase();
  const service = await startService(pool, 'w');
  const names = ['a', 'b'.repeat(200), '%_\\', '\u{1F389}'.repeat(100), '张'.repeat(200), 'z&after=?#'];
  for (const event of names) await service.call('POST', '/api/sdk/track', { user_id: 'u', event });
  const found: unknown[] = [];
  let after = '';
  do {
    const { status, body } = await service.call('GET', `/api/events?limit=1${after}`);
    expect([status, isObject(body)]).toEqual([200, true]);
    if (!isObject(body) || !('events' in body) || !Array.isArray(body.events) || !('next' in body)) break;
    found.push(...body.events.map((each: { event: string }) => each.event));
    after = typeof body.next === 'string' ? `&after=${encodeURIComponent(body.next)}` : '';
  } while (after !== '');
  expect([found.length, new Set(found)]).toEqual([names.length, new Set(names)]);
});
