import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { eraseUser, exportUser, identify, suppress, track, unsubscribe } from '../../src/traits/index.js';
import { mergeUsers } from '../../src/traits/merge.js';
import { readTimeline } from '../../src/traits/timeline.js';
import type { ReadTimeline, TimelineEntry } from '../../src/traits/timeline.js';
import { worldIn } from '../audience/segments/world.js';
import { testDatabase } from '../support/database.js';
import { personWithEverything } from './person.js';

let pool: Pool;
beforeAll(async () => {
  ({ pool } = await testDatabase());
});

/** All pages of a size, as one list. */
async function whole(which: ReadTimeline): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  let after: string | undefined;
  do {
    const page = await readTimeline(pool, { ...which, after });
    entries.push(...page.timeline);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return entries;
}

it('has everything that happened to the person, the newest first, and nothing about anybody else', async () => {
  const workspaceId = 'everything';
  const jane = await personWithEverything(pool, workspaceId, 'jane', 'jane@example.com');
  await personWithEverything(pool, workspaceId, 'john', 'john@example.com');
  await suppress(pool, { workspaceId, userId: 'jane', reason: 'complaint' });
  await unsubscribe(pool, { workspaceId, email: 'jane@example.com', topic: 'news' });
  await pool.query(
    `WITH saved AS (
       INSERT INTO broadcasts (workspace_id, key, name, definition) VALUES ($1, 'spring', 'Spring', '{}')
     ), run AS (
       INSERT INTO broadcast_runs (workspace_id, broadcast_key, run, definition) VALUES ($1, 'spring', 'once', '{}') RETURNING id
     )
     INSERT INTO broadcast_recipients (workspace_id, run_id, number, end_user_id, verdict, variant, state, reason)
     SELECT $1, id, 1, $2, 'capped', 'only', 'skipped', 'capped' FROM run`,
    [workspaceId, jane],
  );
  const entries = await whole({ workspaceId, userId: 'jane' });
  const kinds = entries.map(({ kind }) => kind).toSorted();
  expect(kinds).toEqual([
    'broadcast',
    'created',
    'delivery',
    'email_feedback',
    'event',
    'event',
    'event',
    'refused',
    'refused',
    'segment_entered',
    'segment_left',
    'segment_override',
    'series_entered',
    'series_refused',
    'suppressed',
    'unsubscribed',
  ]);
  const of = (kind: string): unknown => entries.find((entry) => entry.kind === kind)?.data;
  expect(of('broadcast')).toMatchObject({ broadcast: 'spring', run: 'once', verdict: 'capped' });
  expect(of('event')).toMatchObject({ event: 'seen', properties: { by: 'jane' } });
  expect(of('delivery')).toMatchObject({ series: 'welcome', step: 'hello', state: 'delivered' });
  const times = entries.map(({ at }) => at);
  expect(times).toEqual(times.toSorted().toReversed());
  expect(JSON.stringify(entries)).not.toContain('john');
});

it('pages hold each entry once, whatever their size and however many share an instant', async () => {
  const workspaceId = 'pages';
  await identify(pool, { workspaceId, userId: 'u' });
  for (let index = 0; index < 8; index += 1) {
    const occurredAt = `2026-01-0${1 + (index >> 2)}T00:00:00.000Z`;
    await track(pool, {
      workspaceId,
      userId: 'u',
      event: `e${index % 3}`,
      occurredAt,
      properties: { index },
    });
  }
  const all = await whole({ workspaceId, userId: 'u', limit: 1000 });
  expect(all).toHaveLength(9);
  expect(new Set(all.map((entry) => JSON.stringify(entry))).size).toBe(9);
  for (const limit of [1, 2, 3]) expect(await whole({ workspaceId, userId: 'u', limit })).toEqual(all);
});

it('who entered and left a segment is known, goes over with a merge, is exported and goes with the person', async () => {
  const world = await worldIn(pool, 'turns', '2027-03-01T12:00:00.000Z');
  const { workspaceId } = world;
  await world.save('admins', { '==': [{ var: 'custom:role' }, 'admin'] });
  await world.keep();
  for (const role of ['admin', 'owner', 'admin']) {
    await identify(pool, { workspaceId, userId: 'ada', traits: { role } });
    world.now += 60_000;
    await world.keep();
  }
  const turns = async (userId: string): Promise<string[]> =>
    (await whole({ workspaceId, userId }))
      .map(({ kind }) => kind)
      .filter((kind) => kind.startsWith('segment'));
  const expected = ['segment_entered', 'segment_left', 'segment_entered'];
  expect(await turns('ada')).toEqual(expected);
  await identify(pool, { workspaceId, userId: 'eve' });
  await mergeUsers(pool, { workspaceId, userId: 'eve', from: 'ada' });
  expect(await turns('eve')).toEqual(expected);
  const types: string[] = [];
  for await (const line of exportUser(pool, { workspaceId, userId: 'eve' })) types.push(line.slice(0, 22));
  expect(types.filter((type) => type.includes('segment_turn'))).toHaveLength(3);
  await eraseUser(pool, { workspaceId, userId: 'eve' });
  const { rows } = await pool.query('SELECT FROM segment_turns WHERE workspace_id = $1', [workspaceId]);
  expect(rows).toEqual([]);
});

it('a person with many events is read by the index, name by name', async () => {
  const workspaceId = 'many';
  const { user } = await identify(pool, { workspaceId, userId: 'busy' });
  await pool.query(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at)
     SELECT $1, $2, 'e' || n % 20, now() - n * interval '1 second' FROM generate_series(1, 20000) AS n`,
    [workspaceId, user.id],
  );
  await pool.query('ANALYZE events');
  const { timeline, next } = await readTimeline(pool, { workspaceId, userId: 'busy', limit: 50 });
  const times = timeline.map(({ at }) => at);
  expect([times.length, times]).toEqual([50, times.toSorted().toReversed()]);
  expect(timeline.slice(1, 21).map(({ data }) => data['event'])).toEqual(
    Array.from({ length: 20 }, (_, index) => `e${(index + 1) % 20}`),
  );
  expect(next).not.toBeNull();
});

it('nobody has no timeline, and a page that never was is refused', async () => {
  const which = { workspaceId: 'pages', userId: 'u' };
  await expect(readTimeline(pool, { ...which, userId: 'x' })).rejects.toMatchObject({ code: 'no_such_user' });
  for (const after of ['x', '2026-99-99T00:00:00.000000Z/event:x', '2026-01-01T00:00:00.000000Z/event:\0'])
    await expect(readTimeline(pool, { ...which, after })).rejects.toMatchObject({ code: 'bad_page' });
});
