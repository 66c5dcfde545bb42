import { expect, test } from 'vitest';
import { enrollByHand, saveSeries } from '../../src/automation/index.js';
import { mergeUsers } from '../../src/traits/merge.js';
import { days, pass, send, standing, stepsOf } from './inside.js';
import { identifyNew, recorder, useAutomation, workspace } from './support.js';

const fixture = useAutomation();
const pause = { type: 'wait', key: 'pause', for: days(5) };

test('of two people inside one series the entry that has sent more goes on, and no step is sent again', async () => {
  const { pool, start } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('tips', [
      send('one'),
      { ...pause, key: 'p1' },
      send('two'),
      { ...pause, key: 'p2' },
      send('three'),
    ]),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyNew(pool, 'ada');
  await automation.idle();
  await pass(pool, '6 days');
  await automation.idle();
  await identifyNew(pool, 'ada-2');
  await automation.idle();
  expect(lines.map(({ user, step }) => `${user} ${step}`)).toEqual(['ada one', 'ada two', 'ada-2 one']);
  // The survivor has sent less: the other's entry goes on for them.
  await mergeUsers(pool, { workspaceId: workspace, userId: 'ada-2', from: 'ada' });
  await automation.idle();
  await pass(pool, '30 days');
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['one', 'two', 'one', 'three']);
  const { rows } = await pool.query<{ line: string }>(
    `SELECT concat_ws(' ', entry, state, reason) AS line FROM enrollments WHERE series_key = 'tips' ORDER BY entry`,
  );
  expect(rows.map(({ line }) => line)).toEqual(['1 completed end', '2 exited joined']);
});

test('who completed a series once goes through it no second time because of the other', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('once', [send('one'), pause, send('two')]));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyNew(pool, 'ann');
  await automation.idle();
  await pass(pool, '6 days');
  await automation.idle();
  await identifyNew(pool, 'ann-2');
  await automation.idle();
  await mergeUsers(pool, { workspaceId: workspace, userId: 'ann-2', from: 'ann' });
  await pass(pool, '6 days');
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['one', 'two', 'one']);
  expect(await enrollByHand(pool, workspace, 'once', 'ann-2')).toMatchObject({ entered: false });
});

test('a series that only one of them is in goes on for the survivor, from where it stands', async () => {
  const { pool, start } = fixture();
  await identifyNew(pool, 'bob-2');
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  await saveSeries(pool, workspace, stepsOf('alone', [pause, send('later')]));
  await identifyNew(pool, 'bob');
  await automation.idle();
  await mergeUsers(pool, { workspaceId: workspace, userId: 'bob-2', from: 'bob' });
  await automation.idle();
  expect(await standing(pool)).toEqual(['bob-2 alone active pause']);
  await pass(pool, '6 days');
  await automation.idle();
  expect(lines.map(({ user, step }) => `${user} ${step}`)).toEqual(['bob-2 later']);
});
