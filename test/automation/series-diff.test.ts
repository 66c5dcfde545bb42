import { beforeAll, expect, it } from 'vitest';
import { zoneOf } from '../../src/audience/workspace.js';
import {
  archiveSeries,
  diffSeries,
  enrollByHand,
  listVersions,
  moveToVersion,
  pauseSeries,
  saveSeries,
} from '../../src/automation/index.js';
import type { SeriesDiff } from '../../src/automation/index.js';
import { seriesByKey } from '../../src/automation/outbox/active-series.js';
import { enter } from '../../src/automation/outbox/enter.js';
import { definitionCache } from '../../src/automation/series/definitions.js';
import type { Pool } from '../../src/database/pool.js';
import { inWorkspace } from '../../src/database/workspace.js';
import { momentOf } from '../../src/filter/time.js';
import { identify } from '../../src/traits/identify.js';
import { suppress } from '../../src/traits/suppression.js';
import { testDatabase } from '../support/database.js';

const workspaceId = 'acme';
const has = (trait: string): object => ({ exists: { var: `custom:${trait}` } });
const hello = { type: 'send', key: 'hello', channel: 'log', message: { text: 'hello' } };
const daily = (more: object = {}): Record<string, unknown> => ({
  key: 'daily',
  name: 'Daily',
  trigger: { type: 'schedule', cron: '0 9 * * *' },
  audience: has('owner'),
  steps: [{ type: 'wait', key: 'rest', for: [1, 'days'] }, hello],
  ...more,
});

let pool: Pool;

const known = (userId: string, traits: Record<string, unknown>): Promise<unknown> =>
  identify(pool, { workspaceId, userId, traits });
const ids = (moved: { sample: readonly { user_id: string | null }[] } | null): (string | null)[] =>
  (moved?.sample ?? []).map(({ user_id: id }) => id);

async function diff(input: unknown, at: number | string = Date.now()): Promise<SeriesDiff> {
  const moment = momentOf(at, await zoneOf(pool, workspaceId));
  return diffSeries(pool, { workspaceId, input, moment, sample: 100 });
}

const zones = ['America/New_York', 'Pacific/Kiritimati', 'nowhere'];

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, 'Acme')`, [workspaceId]);
  await saveSeries(pool, workspaceId, daily({ entry: 'every_time' }));
  for (let n = 10; n < 40; n += 1) {
    const traits = {
      ...(n % 5 === 0 ? {} : { owner: true }),
      ...(n % 4 === 0 ? {} : { admin: true }),
      ...(n % 7 === 0 ? { done: true } : {}),
      timezone: zones[n % 3],
    };
    await known(`p${n}`, traits);
    if (n % 11 === 0) await suppress(pool, { workspaceId, userId: `p${n}`, reason: 'asked' });
    if (n < 30) await enrollByHand(pool, workspaceId, 'daily', `p${n}`);
  }
  // Their last entries lie hour by hour around a month ago, where the zone of each decides.
  await pool.query(
    `UPDATE enrollments e SET entered_at = now() - interval '1 month' + (substr(u.user_id, 2)::integer - 20) * interval '1 hour',
       state = CASE WHEN u.custom_fields ? 'done' THEN 'active' ELSE 'completed' END
     FROM end_users u WHERE u.id = e.end_user_id`,
  );
});

/** What the entrance makes of everybody at a run of the schedule; then it is taken back. */
async function entrance(key: string): Promise<unknown> {
  let made: unknown;
  const rolledBack = inWorkspace(pool, workspaceId, async (client) => {
    const series = await seriesByKey(client, workspaceId, key);
    if (series === null) throw new Error('no series');
    const definition = await definitionCache()(client)(workspaceId, key, series.version);
    const { rows } = await client.query<{ id: string; user_id: string }>(
      `SELECT id, user_id FROM end_users WHERE workspace_id = $1 ORDER BY user_id`,
      [workspaceId],
    );
    const happening = { kind: 'schedule', name: null, properties: {} } as const;
    const at = new Date(series.now);
    const people = rows.map(({ id }) => ({ endUser: id, happening, at }));
    const decisions = await enter(client, series, definition, people);
    const entered = decisions.flatMap((each, place) =>
      each.kind === 'entered' || each.kind === 'held_out' ? [{ ...each, place }] : [],
    );
    const over = entered.filter(({ kind, active }) => kind === 'entered' && !active).length;
    const held = entered.filter(({ kind }) => kind === 'held_out').length;
    made = {
      would_enter: entered.map(({ place }) => rows[place]?.user_id),
      held_out: held,
      over_at_once: over,
      would_message: entered.length - held - over,
    };
    throw new Error('taken back');
  });
  await expect(rolledBack).rejects.toThrow('taken back');
  return made;
}

it('those whom a run would let in are those whom the entrance lets in once it is saved, under each entry policy and for each zone', async () => {
  const more = {
    audience: has('admin'),
    holdout: 40,
    goal: has('done'),
    exit: { missing: { var: 'custom:owner' } },
  };
  const counts: (number | undefined)[] = [];
  for (const entry of [
    'once',
    'every_time',
    { again_after: [1, 'months'] },
    { again_after: [31 * 24, 'hours'] },
  ]) {
    const input = daily({ ...more, entry });
    const told = await diff(input);
    await saveSeries(pool, workspaceId, input);
    expect({
      would_enter: ids(told.would_enter),
      held_out: told.would_enter?.held_out,
      over_at_once: told.would_enter?.over_at_once,
      would_message: told.would_message,
    }).toEqual(await entrance('daily'));
    expect(told.would_enter?.count).toBe(told.would_enter?.sample.length);
    counts.push(told.would_enter?.count);
  }
  // Each policy lets others in, so that the agreement above is about something.
  expect(new Set(counts).size).toBeGreaterThan(2);
  expect(counts.every((count) => (count ?? 0) > 0)).toBe(true);
});

it('a calendar day that is an hour longer in one zone keeps its person out an hour longer', async () => {
  const input = daily({
    key: 'zoned',
    audience: { in: [{ var: 'user_id' }, ['ann', 'bob']] },
    entry: { again_after: [7, 'days'] },
  });
  await saveSeries(pool, workspaceId, input);
  for (const [userId, timezone] of [
    ['ann', 'America/New_York'],
    ['bob', 'Africa/Accra'],
  ] as const) {
    await known(userId, { timezone });
    await enrollByHand(pool, workspaceId, 'zoned', userId);
  }
  await pool.query(
    `UPDATE enrollments SET state = 'completed', entered_at = '2026-10-26T16:00:00Z' WHERE series_key = 'zoned'`,
  );
  const at = async (now: string): Promise<unknown> => ids((await diff(input, now)).would_enter);
  expect(await at('2026-11-02T15:59:59Z')).toEqual([]);
  expect(await at('2026-11-02T16:00:00Z')).toEqual(['bob']);
  expect(await at('2026-11-02T16:59:59Z')).toEqual(['bob']);
  expect(await at('2026-11-02T17:00:00Z')).toEqual(['ann', 'bob']);
});

it('of those inside it tells whom the goal and the exit would take if they were moved, and at which steps nobody could be; the audience takes nobody out', async () => {
  const first = { key: 'moves', trigger: { type: 'event', event: 'asked' }, audience: has('mover') };
  const before = daily(first);
  await saveSeries(pool, workspaceId, before);
  const kinds = {
    plain: {},
    paid: { paid: true },
    gone: { gone: true },
    both: { paid: true, gone: true },
    told: { paid: true },
  };
  for (const [userId, traits] of Object.entries(kinds)) {
    await known(userId, { mover: true, ...traits });
    await enrollByHand(pool, workspaceId, 'moves', userId);
  }
  await known('late', { paid: true, lately: true });
  await suppress(pool, { workspaceId, userId: 'told', reason: 'asked' });
  const after = { ...before, audience: has('lately'), goal: has('paid'), exit: has('gone') };
  const told = await diff(after);
  expect(told).toMatchObject({
    version: 2,
    state: 'active',
    trigger: 'event',
    would_enter: { count: 0 },
    would_message: 0,
    next_run: null,
    audience: { before: 5, after: 1 },
    inside: 5,
    if_moved: { steps_gone: [] },
  });
  expect([ids(told.joins), ids(told.leaves)]).toEqual([['late'], ['both', 'gone', 'paid', 'plain', 'told']]);
  expect([ids(told.if_moved.goal), ids(told.if_moved.exit)]).toEqual([['both', 'paid'], ['gone']]);
  expect((await diff({ ...after, steps: [hello] })).if_moved.steps_gone).toEqual([
    { step: 'rest', count: 5 },
  ]);
  // Nothing was saved; saved and moved, nobody is left on another version.
  expect(await listVersions(pool, workspaceId, 'moves')).toHaveLength(1);
  await saveSeries(pool, workspaceId, after);
  await moveToVersion(pool, workspaceId, 'moves');
  expect(await diff(after)).toMatchObject({
    version: 2,
    joins: { count: 0 },
    leaves: { count: 0 },
    if_moved: { goal: { count: 0 }, exit: { count: 0 } },
  });
});

it('a new series begins with its whole audience; nobody is counted for a date or while it is paused; what a save refuses is refused', async () => {
  const input = daily({
    key: 'new',
    audience: { '==': [{ var: 'user_id' }, 'p11'] },
    steps: [{ type: 'wait', key: 'rest', for: [1, 'days'] }],
  });
  const told = await diff(input, '2026-03-01T09:00:00Z');
  expect(told).toMatchObject({
    state: null,
    version: 1,
    audience: { before: 0, after: 1 },
    joins: { count: 1 },
  });
  // Suppressed; and where no step sends, nobody is messaged.
  expect(told.would_enter?.count).toBe(0);
  const everybody = await diff({ ...input, audience: { everyone: true } });
  expect(everybody.would_enter?.count).toBeGreaterThan(20);
  expect(everybody.would_message).toBe(0);
  expect(told.next_run?.toISOString()).toBe('2026-03-02T09:00:00.000Z');
  const dated = { type: 'date', field: 'renewal_date', offset: [-7, 'days'], at: '09:00' };
  expect(await diff({ ...input, trigger: dated })).toMatchObject({ would_enter: null, would_message: null });
  await saveSeries(pool, workspaceId, input);
  await pauseSeries(pool, workspaceId, 'new');
  expect(await diff({ ...input, audience: { everyone: true } })).toMatchObject({
    state: 'paused',
    would_enter: { count: 0 },
    next_run: null,
  });
  await archiveSeries(pool, workspaceId, 'new');
  await expect(diff(input)).rejects.toMatchObject({ code: 'series_archived' });
  await expect(diff({ ...input, audience: { nope: 1 }, steps: [] })).rejects.toMatchObject({
    problems: [{ path: '/audience/nope' }, { path: '/steps' }],
  });
});
