import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { startAutomation } from '../../src/automation/index.js';
import type { Automation } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { isObject } from '../../src/filter/values.js';
import { identify } from '../../src/traits/identify.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { muster, ownFolder } from './muster.js';
import type { Ran } from './muster.js';

// Each command is a whole process, which takes long on a machine that is busy.
let pool: Pool;
let automation: Automation;
let database: { DATABASE_URL: string };
let file: string;

const tourSteps = [
  { type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello {{ name|there }}' } },
  { type: 'wait', key: 'pause', for: [3, 'days'] },
  { type: 'send', key: 'bye', channel: 'log', message: { text: 'Bye' } },
];

const write = (more: object = {}): void =>
  writeFileSync(
    file,
    JSON.stringify({
      key: 'tour',
      name: 'A tour',
      trigger: { type: 'event', event: 'asked_for_tour' },
      entry: 'once',
      steps: tourSteps,
      ...more,
    }),
  );

beforeAll(async () => {
  const { url, ...rest } = await testDatabase();
  ({ pool } = rest);
  const redis = await testRedis();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
  automation = await startAutomation({ pool, redisUrl: redis.url });
  afterFile(() => automation.stop());
  for (const userId of ['ann', 'bob']) {
    await identify(pool, { workspaceId: 'sample', userId, now: Date.now() });
  }
  await automation.idle();
  file = join(ownFolder(), 'tour.json');
  write();
});

const series = (...args: string[]): Promise<Ran> => muster(['series', ...args], database);
const deliveries = (...args: string[]): Promise<Ran> => muster(['deliveries', ...args], database);
const parked = (...args: string[]): Promise<Ran> => deliveries('list', ...args);

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const ran = await series(...args, '--json');
  expect([args, ran.code, ran.err]).toEqual([args, 0, '']);
  const document: unknown = JSON.parse(ran.out);
  if (!isObject(document)) throw new Error(`no document: ${ran.out}`);
  return document;
}

it('a series is saved from a file, shown, and let go through its states', async () => {
  expect(await json('save', file)).toMatchObject({ key: 'tour', state: 'active', version: 1 });
  write({ name: 'A longer tour', goal: { '==': [{ var: 'custom:rank' }, 1] } });
  const saved = await series('save', file);
  expect([saved.code, saved.out]).toEqual([0, '✓ tour is active in version 2\n']);
  expect(saved.err).toMatch(/^\/goal: warning nobody has `rank` \[trait_never_sent\]\n {2}hint send `rank`/);
  expect(await json('show', 'tour')).toMatchObject({
    name: 'A longer tour',
    versions: [{ version: 2 }, { version: 1, inside: 0 }],
  });
  expect((await series('list')).out).toMatch(/tour +active +2 +event .*A longer tour/);
  expect(await json('pause', 'tour')).toMatchObject({ state: 'paused' });
  expect((await series('resume', 'tour')).out).toBe('✓ tour is active\n');
});

it('whom an edit would concern is told, and nothing is saved', async () => {
  const daily = { trigger: { type: 'schedule', cron: '0 9 * * *' }, audience: { everyone: true } };
  const source = JSON.stringify({ key: 'daily', name: 'Daily', ...daily, steps: tourSteps });
  const { code, out } = await series('diff', source, '--sample', '1');
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(
      /^daily would be version 1, with 2 in its audience\n {2}2 would be messaged\n {2}2 would enter: ann and 1 more; next run .* 09:00 UTC\n {2}\+ 2 would join: ann and 1 more\n {2}- 0 would leave\n {2}0 inside keep their version\n$/,
    ),
  ]);
  expect((await series('show', 'daily')).code).toBe(2);
});

it('a person is let in, their story is told, and they are taken out', async () => {
  expect(await json('save', file)).toMatchObject({
    warnings: [
      { code: 'trait_never_sent', path: '/goal', severity: 'warning' },
      { code: 'event_never_sent', path: '/trigger/event', severity: 'warning' },
    ],
  });
  expect(await json('enroll', 'tour', '--user', 'ann')).toMatchObject({ entered: true, state: 'inside' });
  const again = await series('enroll', 'tour', '--user', 'ann');
  expect([again.code, again.out, again.err]).toEqual([
    1,
    '✗ ann did not enter tour: inside: they are in it already\n',
    '',
  ]);
  await automation.idle();
  const { out } = await series('story', 'tour', '--user', 'ann');
  expect(out).toMatch(/^ann in tour\n\n {2}active \(version \d\)/);
  expect(out).toMatch(
    /by_hand\n[^]*entered\n[^]*hello send by log: delivered, attempt 1\n[^]*next: pause \(pending/,
  );
  expect(out).toMatch(/turned away\n.*by_hand: inside/);
  expect(await json('story', 'tour', '--user', 'ann')).toMatchObject({
    entries: [{ next: { step: 'pause' } }],
  });
  expect(await json('move', 'tour', '--to', '1')).toMatchObject({ version: 1, moved: 1, left: 0 });
  expect((await series('enrollments', 'tour', '--state', 'active')).out).toMatch(/ann +active +1 +pause/);
  expect((await series('remove', 'tour', '--user', 'ann')).out).toBe('✓ ann is out of tour\n');
  expect(await json('enrollments', 'tour', '--limit', '1')).toMatchObject({
    enrollments: [{ user_id: 'ann', state: 'exited', reason: 'removed' }],
    next: null,
  });
});

it('what was given up or is unknown is listed and decided about', async () => {
  await json('enroll', 'tour', '--user', 'bob');
  await automation.idle();
  const { rows } = await pool.query<{ id: string }>(
    `UPDATE work SET state = 'unknown', last_error = 'cut off'
     WHERE id = (SELECT max(id) FROM work WHERE step = 'hello') RETURNING delivery_id AS id`,
  );
  const id = rows[0]?.id ?? '';
  const listed: unknown = JSON.parse((await parked('--json')).out);
  expect(listed).toMatchObject({
    deliveries: [{ id, user_id: 'bob', state: 'unknown' }],
  });
  expect((await parked('--state', 'unknown', '--series', 'tour')).out).toContain('cut off');
  expect((await parked('--broadcast', 'tour')).out).toBe('nothing was given up or is unknown\n');
  expect(await deliveries('resolve', id, '--as', 'skip')).toEqual({
    code: 0,
    err: '',
    out: '✓ resolved as skip\n',
  });
  expect((await parked()).out).toBe('nothing was given up or is unknown\n');
  expect((await deliveries('resolve', id, 'other', '--as', 'skip')).out).toBe(
    `✓ 0 resolved as skip\n✗ ${id}: delivery_not_parked\n✗ other: delivery_not_parked\n`,
  );
  for (const [args, code] of [
    [['x', '--as', 'forget'], 'bad_usage'],
    [['x', '--as', 'skip'], 'delivery_not_parked'],
    [['--as', 'skip'], 'nothing_named'],
    [['--broadcast', 'toor', '--as', 'skip'], 'broadcast_not_found'],
  ] as const) {
    const refused = await deliveries('resolve', ...args, '--json');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining(`"${code}"`)]);
  }
});

it('bad input is exit code 2, with the code of the refusal', async () => {
  writeFileSync(file, '{"key": "No!", "steps": []}');
  const refused: [string[], string][] = [
    [['save', file], 'series_bad_key'],
    [['save', './no-such-file.json'], 'series_unreadable'],
    [['show', 'nowhere'], 'series_not_found'],
    [['enroll', 'tour', '--user', 'nobody'], 'no_such_user'],
    [['story', 'tour'], 'bad_usage'],
    [['list', '--workspace', 'nowhere'], 'unknown_workspace'],
    [['enrollments', 'tour', '--limit', '0'], 'bad_usage'],
  ];
  for (const [args, code] of refused) {
    const ran = await series(...args, '--json');
    expect([args, ran.code, ran.out]).toEqual([args, 2, '']);
    expect(ran.err).toContain(`"${code}"`);
  }
  write();
  const help = await series('--help');
  expect([help.code, help.out]).toMatchObject([0, expect.stringContaining('muster series story welcome')]);
});
