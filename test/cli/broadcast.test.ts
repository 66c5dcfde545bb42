import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addPeople, addWorkspace, broadcastOf } from '../automation/broadcasts/support.js';
import { testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';

// Each command is a whole process, which takes long on a machine that is busy.
it('a broadcast is saved, counted, launched and looked at from the command line; what is refused says why and exits with 2', async () => {
  const { pool, url } = await testDatabase();
  await addWorkspace(pool);
  await addPeople(pool, [
    { userId: 'ann', name: 'Ann' },
    { userId: 'bob', name: 'Bob' },
  ]);
  const file = join(ownFolder(), 'news.json');
  writeFileSync(file, JSON.stringify(broadcastOf('news')));
  const run = (...args: string[]) => muster(['broadcast', ...args], { DATABASE_URL: url });

  expect(await run('save', file)).toMatchObject({ code: 0, err: '' });
  const preview = await run('preview', 'news');
  expect(preview.out).toContain('2 people match, 2 of them will be sent to');
  expect(preview.out).toContain('Ann, Bob');
  const draft = await muster(['report', '--broadcast', 'news'], { DATABASE_URL: url });
  expect(draft.out).toMatch(
    /^news is draft, and was not launched yet\n\n {2}Its audience as of .* UTC\n\n {2}2 of 2 people match/,
  );
  const launched = await run('launch', 'news', '--json');
  expect(JSON.parse(launched.out)).toMatchObject({ run: 'once', again: false, breakdown: { to_send: 2 } });
  const again = await run('launch', 'news', '--json');
  expect([again.code, again.out === '' ? again.err : again.out]).toEqual([
    2,
    expect.stringContaining('"broadcast_launched"'),
  ]);
  const report = await run('report', 'news');
  expect(report.out).toContain('2 recipients = 0 sent + 2 pending + 0 skipped + 0 failed + 0 unknown');
  const cancelled = await run('cancel', 'news', '--json');
  expect(JSON.parse(cancelled.out)).toMatchObject({ state: 'cancelled' });
  const told = await run('report', 'news');
  expect(told.out).toContain('2 people matched at the launch, 2 of them were to be sent to\n  2');
  expect(told.out).toContain('skipped: cancelled 2');
  expect(told.out).not.toContain('will be');
  const recipients = await run('recipients', 'news', '--state', 'skipped');
  expect(recipients.out).toMatch(/ann +skipped +message .* cancelled/);
});
