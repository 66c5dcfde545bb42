import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { identify, importUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import { programFile } from '../support/programs.js';
import { fileOf } from './support.js';

const people = 10_000;

const line = (i: number, traits: object): string => JSON.stringify({ user_id: `u${i}`, traits });

it('an import killed with SIGKILL and run again leaves what one run leaves, and announces nobody twice', async () => {
  const db = await testDatabase();
  // Everybody stands in the file twice, far apart, and the second row removes a trait of the first.
  const ids = Array.from({ length: people }, (_, i) => i);
  const lines = [
    ...ids.map((i) => line(i, { name: `Person ${i}`, plan: 'free', step: i, gone: true })),
    ...ids.map((i) => line(i, { plan: 'pro', gone: null })),
  ];
  const source = fileOf('many.ndjson', `${lines.join('\n')}\n`);

  const script = programFile('test/traits/importing-child');
  const killedAt: number[] = [];
  for (const share of [0.3, 0.6]) {
    const child = spawn(process.execPath, [script, db.url, 'killed', source, String(share)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
    const { rows } = await db.pool.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM end_users WHERE workspace_id = 'killed'`,
    );
    killedAt.push(rows[0]?.count ?? 0);
  }
  // Killed in the middle, not before or after: some were in, not all.
  expect(killedAt[0]).toBeGreaterThan(0);
  expect(killedAt[0]).toBeLessThan(people);

  await importUsers(db.pool, { workspaceId: 'killed', source, fireTriggers: true });
  await importUsers(db.pool, { workspaceId: 'whole', source, fireTriggers: true });
  await identify(db.pool, { workspaceId: 'killed', userId: 'u1' });
  const { rows: differences } = await db.pool.query(
    `SELECT user_id FROM end_users AS a FULL JOIN end_users AS b USING (user_id)
     WHERE a.workspace_id = 'killed' AND b.workspace_id = 'whole'
       AND (a.name, a.custom_fields) IS DISTINCT FROM (b.name, b.custom_fields)`,
  );
  expect(differences).toEqual([]);
  const { rows: announced } = await db.pool.query(
    `SELECT workspace_id, kind, count(*)::integer, count(DISTINCT user_id)::integer AS people
     FROM outbox GROUP BY 1, 2 ORDER BY 1`,
  );
  expect(announced).toEqual([
    { workspace_id: 'killed', kind: 'user_created', count: people, people },
    { workspace_id: 'whole', kind: 'user_created', count: people, people },
  ]);
});
