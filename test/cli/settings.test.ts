import { beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../support/database.js';
import { muster } from './muster.js';

let database: { DATABASE_URL: string };

beforeAll(async () => {
  const { url, pool } = await testDatabase();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
});

it('settings are shown and set from the command line', async () => {
  const set = await muster(
    ['settings', 'set', '--zone', 'GMT+2', '--zone-trait', 'tz', '--name', 'Acme'],
    database,
  );
  expect([set.code, set.err]).toEqual([0, '']);
  const shown = await muster(['settings', '--json'], database);
  expect(JSON.parse(shown.out)).toMatchObject({ name: 'Acme', zone: 'UTC+2', zone_trait: 'tz' });
  expect((await muster(['settings'], database)).out).toMatch(/zone +UTC\+2\n/);
});

it('a setting that is wrong, and none at all, are bad input', async () => {
  expect(await muster(['settings', 'set', '--zone', 'Mars/Base', '--json'], database)).toMatchObject({
    code: 2,
    err: expect.stringContaining('"code":"bad_zone"') as unknown,
  });
  expect(await muster(['settings', 'set'], database)).toMatchObject({
    code: 2,
    err: expect.stringContaining('name a setting to change') as unknown,
  });
});
