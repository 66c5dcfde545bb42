import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compilePredicate } from '../../../src/filter/predicate.js';
import { verdictHorizon } from '../../../src/filter/horizon/verdict.js';
import { parseFilter } from '../../../src/filter/parse.js';
import type { Filter } from '../../../src/filter/tree.js';
import { getUser, readUserRecord } from '../../../src/traits/read.js';
import { movingFilter, movingParts } from '../../filter/moving.js';
import { testDatabase } from '../../support/database.js';
import { insertRecords, matchingIds } from '../../meaning/support.js';
import { movingPersonFrom } from '../../filter/moving.js';
import { worldIn } from './world.js';
import type { World } from './world.js';

const { pool } = await testDatabase();
// In the future of the clock that the database writes `updated_at` with, around the end of summer time.
const start = '2027-10-20T00:00:00.000Z';
const parts = movingParts(start);
const hour = 3_600_000;
const people = 14;

/** One thing that happens: somebody's data change, or time passes and then the keeper comes. */
type Step =
  | { readonly what: 'column'; readonly who: number; readonly column: string; readonly value: string | null }
  | { readonly what: 'fields'; readonly who: number; readonly value: unknown }
  | { readonly what: 'company'; readonly value: string | null }
  | {
      readonly what: 'event';
      readonly who: number;
      readonly event: { event: string; occurred_at: string | Date; properties?: unknown };
    }
  | { readonly what: 'edit'; readonly which: number; readonly filter: unknown }
  | { readonly what: 'time'; readonly by: number };

const who = fc.integer({ min: 0, max: people - 1 });
const instantOrNot = parts.last_seen.map((value) => value ?? null);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('column' as const),
      who,
      column: fc.constantFrom('signed_up_at', 'last_seen', 'renewal_date'),
      value: instantOrNot,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('fields' as const), who, value: parts.custom_fields }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('company' as const), value: instantOrNot }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('event' as const), who, event: parts.event }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('edit' as const),
      which: fc.integer({ min: 0, max: 13 }),
      filter: movingFilter,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('time' as const),
      by: fc.oneof(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 3 * hour }),
        fc.integer({ min: hour, max: 90 * hour }),
      ),
    }),
  },
);

async function happen(world: World, each: Step, ids: readonly string[]): Promise<void> {
  const { workspaceId } = world;
  const set = async (text: string, values: unknown[]): Promise<void> => {
    await pool.query(text, [workspaceId, ...values]);
  };
  if (each.what === 'column')
    await set(`UPDATE end_users SET ${each.column} = $3 WHERE workspace_id = $1 AND id = $2`, [
      ids[each.who],
      each.value,
    ]);
  if (each.what === 'fields')
    await set('UPDATE end_users SET custom_fields = $3 WHERE workspace_id = $1 AND id = $2', [
      ids[each.who],
      JSON.stringify(each.value),
    ]);
  if (each.what === 'company')
    await set(`UPDATE companies SET renewal_date = $2 WHERE workspace_id = $1 AND company_id = 'c1'`, [
      each.value,
    ]);
  if (each.what === 'event') {
    await set(
      `INSERT INTO events (workspace_id, end_user_id, event, occurred_at, properties) VALUES ($1, $2, $3, $4, $5)`,
      [ids[each.who], each.event.event, each.event.occurred_at, JSON.stringify(each.event.properties ?? {})],
    );
  }
  if (each.what === 'edit') await world.save(`s${each.which}`, each.filter);
  if (each.what === 'time') world.now += each.by;
}

const zones = ['Africa/Cairo', 'America/Havana'];

it.each(zones)(
  'after whatever happened, memberships are what recomputing from scratch gives, and every turn was told at its instant: %s',
  async (zone) => {
    const seed = zones.indexOf(zone) + 1;
    const workspaceId = `laws-${seed}`;
    const world = await worldIn(pool, workspaceId, start, zone);
    const records = fc.sample(movingPersonFrom(start), { seed, numRuns: people });
    const ids = await insertRecords(pool, workspaceId, records);
    const keys: string[] = [];
    for (const [at, filter] of fc.sample(movingFilter, { seed, numRuns: 12 }).entries()) {
      keys.push(`s${at}`);
      await world.save(`s${at}`, filter);
    }
    for (const [at, filter] of [
      { '!': { segment: 's0' } },
      { and: [{ segment: 's1' }, { '!': { segment: 's2' } }] },
    ].entries()) {
      keys.push(`s${12 + at}`);
      await world.save(`s${12 + at}`, filter);
    }
    await world.keep();
    await world.told();
    const disagreements: unknown[] = [];
    for (const [place, each] of fc.sample(step, { seed, numRuns: 22 }).entries()) {
      const before = world.now;
      const filters = await filtersOf(world, keys);
      const expected =
        each.what === 'time' ? await turnsBetween(world, filters, before, before + each.by, zone) : null;
      await happen(world, each, ids);
      await world.keep();
      const told = await world.told();
      if (expected !== null && told.toSorted().join('\n') !== expected.toSorted().join('\n'))
        disagreements.push({ place, each, told, expected });
      const now = await filtersOf(world, keys);
      for (const [key, filter] of now) {
        const right = await matchingIds(pool, workspaceId, filter, { now: world.now, zone });
        const kept = Object.keys(await membersById(world, key));
        if (kept.toSorted().join() !== [...right].toSorted().join())
          disagreements.push({ place, each, key, kept: kept.length, right: right.size });
      }
    }
    expect(disagreements).toEqual([]);
    await pool.query('DELETE FROM segments WHERE workspace_id = $1', [workspaceId]);
  },
);

async function filtersOf({ workspaceId }: World, keys: readonly string[]): Promise<Map<string, Filter>> {
  const { rows } = await pool.query<{ key: string; filter: unknown }>(
    'SELECT key, filter FROM segments WHERE workspace_id = $1',
    [workspaceId],
  );
  const segments = new Map(rows.map(({ key, filter }) => [key, filter]));
  return new Map(keys.map((key) => [key, parseFilter(segments.get(key), { segments })]));
}

async function membersById({ workspaceId }: World, key: string): Promise<Record<string, Date>> {
  const { rows } = await pool.query<{ id: string; entered_at: Date }>(
    'SELECT end_user_id AS id, entered_at FROM segment_members WHERE workspace_id = $1 AND segment_key = $2',
    [workspaceId, key],
  );
  return Object.fromEntries(rows.map((row) => [row.id, row.entered_at]));
}

/** Every turn of every membership while the data stay, one after another, as the outbox should tell it. */
async function turnsBetween(
  { workspaceId }: World,
  filters: ReadonlyMap<string, Filter>,
  from: number,
  to: number,
  zone: string,
): Promise<string[]> {
  const all: Filter = { kind: 'or', path: '', operands: [...filters.values()] };
  const found: string[] = [];
  for (let person = 0; person < people; person += 1) {
    const userId = `user-${person}`;
    if ((await getUser(pool, { workspaceId, userId })) === null) continue;
    const record = await readUserRecord(pool, { workspaceId, userId, filter: all });
    if (record === null) continue;
    for (const [key, filter] of filters) {
      for (let at: number | null = from; at !== null;) {
        at = verdictHorizon(filter, record, { now: at, zone });
        if (at === null || at > to) break;
        const verdict = compilePredicate(filter, { now: at, zone })(record);
        found.push(`${verdict ? 'entered' : 'left'} ${key} ${userId} at ${new Date(at).toISOString()}`);
      }
    }
  }
  return found;
}
