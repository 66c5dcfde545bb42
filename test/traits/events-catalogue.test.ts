import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { listEvents } from '../../src/traits/catalogue/events.js';
import type { CataloguedEvent, EventsPage } from '../../src/traits/catalogue/events.js';
import { identify, track } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const workspaceId = 'acme';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const done = [
    ['order placed', '2026-01-01T00:00:00Z', { amount: 1 }],
    ['order placed', '2026-03-01T00:00:00Z', { amount: 2, coupon: 'x' }],
    ['order paid', '2026-02-01T00:00:00Z', {}],
    ['Order placed', '2026-02-01T00:00:00Z', {}],
    ['émis', '2026-02-01T00:00:00Z', {}],
  ] as const;
  for (const [event, occurredAt, properties] of done)
    await track(pool, { workspaceId, userId: 'u', event, occurredAt, properties });
  await track(pool, { workspaceId: 'other', userId: 'u', event: 'order of others' });
});

async function names(limit: number, prefix?: string): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page: EventsPage = await listEvents(pool, { workspaceId, prefix, limit, after });
    found.push(...page.events.map(({ event }) => event));
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

it('names come once each with what is kept of them, those of other workspaces do not', async () => {
  expect(await names(100)).toEqual(['Order placed', 'order paid', 'order placed', 'émis']);
  const { events } = await listEvents(pool, { workspaceId, prefix: 'ORDER pl' });
  expect(events.slice(1)).toEqual<CataloguedEvent[]>([
    {
      event: 'order placed',
      count: 2,
      count_exact: true,
      first_seen: new Date('2026-01-01T00:00:00Z'),
      last_seen: new Date('2026-03-01T00:00:00Z'),
      properties: ['amount', 'coupon'],
    },
  ]);
});

it('pages and a prefix leave nobody out and nobody twice; nothing in them is a pattern', async () => {
  for (const limit of [1, 2, 3]) {
    expect(await names(limit)).toEqual(['Order placed', 'order paid', 'order placed', 'émis']);
    expect(await names(limit, 'order')).toEqual(['Order placed', 'order paid', 'order placed']);
  }
  expect([await names(10, '%'), await names(10, 'order_'), await names(10, '\0')]).toEqual([
    [],
    [],
    ['Order placed', 'order paid', 'order placed', 'émis'],
  ]);
});

it('a name with more events than are counted says so', async () => {
  const { user } = await identify(pool, { workspaceId: 'many', userId: 'u' });
  await pool.query(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at)
     SELECT 'many', $1, 'tick', now() FROM generate_series(1, 10001)`,
    [user.id],
  );
  const { events } = await listEvents(pool, { workspaceId: 'many' });
  expect(events).toMatchObject([{ event: 'tick', count: 10_000, count_exact: false }]);
});
