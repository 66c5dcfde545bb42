import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { testDatabase } from '../../support/database.js';
import { programFile } from '../../support/programs.js';
import { worldIn } from './world.js';
import type { World } from './world.js';

const noon = '2027-03-01T12:00:00.000Z';
const people = 600;
const { pool, url } = await testDatabase();
const name = (n: number): string => `p${String(n).padStart(3, '0')}`;
const all = Array.from({ length: people }, (_, at) => at + 1);

/** Of two halves, one in the team; everybody signed up at a second of their own, seven days ago from noon on. */
async function addPeople({ workspaceId }: World): Promise<void> {
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, signed_up_at, custom_fields)
     SELECT $1, 'p' || to_char(n, 'FM000'), $2::timestamptz - interval '7 days' + n * interval '1 second',
       jsonb_build_object('half', n % 2)
     FROM generate_series(1, $3::integer) AS n`,
    [workspaceId, noon, people],
  );
}

/**
 * Kills a process that keeps segments once it waits for a table that its round comes to late: by then it has written memberships, and
 * ended nothing.
 */
async function killAt(table: 'outbox' | 'segment_edges', now: number): Promise<void> {
  const client = await pool.connect();
  await client.query(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
  const script = programFile('test/audience/segments/keeping-child');
  const child = spawn(process.execPath, [script, url, new Date(now).toISOString()], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  try {
    await vi.waitFor(
      async () => {
        const { rowCount } = await pool.query(
          `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
           WHERE NOT l.granted AND l.relation = $1::regclass AND a.datname = current_database()`,
          [table],
        );
        expect(rowCount).toBe(1);
      },
      { timeout: 30_000, interval: 20 },
    );
  } finally {
    child.kill('SIGKILL');
    await ended;
    await client.query('ROLLBACK');
    client.release();
  }
}

/** Keeps by hand until the killed process's connection is gone as well, which holds the workspace as long as it lives. */
async function goOn(world: World, isDone: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      await world.keep();
      expect(await isDone()).toBe(true);
    },
    { timeout: 30_000, interval: 20 },
  );
}

test('a keeper killed in the middle of a building and of a sweep: another one goes on, and every turn is told once', async () => {
  const world = await worldIn(pool, 'killed', noon, 'UTC', { batch: 100 });
  await addPeople(world);
  await world.save('half', { '==': [{ var: 'custom:half' }, 0] });
  await world.save('fresh', { '>=': [{ var: 'signed_up_at' }, { ago: [7, 'days'] }] });
  await world.keep();
  expect(Object.keys(await world.members('half')).length).toBe(people / 2);
  expect(Object.keys(await world.members('fresh')).length).toBe(people);
  expect(await world.told()).toEqual([]);

  await world.save('half', { '==': [{ var: 'custom:half' }, 1] });
  await killAt('outbox', world.now);
  expect(await world.told()).toEqual([]);
  await goOn(world, async () => 'p001' in (await world.members('half')));
  const odd = all.filter((n) => n % 2 === 1);
  expect(await world.members('half')).toEqual(Object.fromEntries(odd.map((n) => [name(n), noon])));
  expect((await world.told()).toSorted()).toEqual(
    all.map((n) => `${n % 2 === 1 ? 'entered' : 'left'} half ${name(n)} at ${noon}`).toSorted(),
  );

  world.now += 300_500;
  await killAt('segment_edges', world.now);
  expect(await world.told()).toEqual([]);
  await goOn(world, async () => !('p300' in (await world.members('fresh'))));
  const gone = all.filter((n) => n <= 300);
  expect(Object.keys(await world.members('fresh'))).toEqual(all.filter((n) => n > 300).map(name));
  const leftAt = (n: number): string => new Date(Date.parse(noon) + n * 1000 + 1).toISOString();
  expect((await world.told()).toSorted()).toEqual(
    gone.map((n) => `left fresh ${name(n)} at ${leftAt(n)}`).toSorted(),
  );
}, 90_000);
