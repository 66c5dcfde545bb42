import { expect, test } from 'vitest';
import { exampleSeries, loadSeries, saveSeries } from '../../src/automation/index.js';
import { identifyNew, recorder, useAutomation, workspace } from './support.js';

const fixture = useAutomation();

test('a new person gets each message of the welcome series once, carried by nudges alone', async () => {
  const { pool, start } = fixture();
  const welcome = await loadSeries(exampleSeries.welcome);
  await saveSeries(pool, workspace, welcome.source);
  const { lines, sink } = recorder();
  // Polls an hour apart: what arrives in this test does not wait for one.
  const automation = await start({ logSink: sink, poll: 3_600_000 });
  await automation.idle();
  const person = await identifyNew(pool, 'u1', { name: 'Ada', custom: { role: 'admin' } });
  automation.nudge();
  await automation.idle();
  expect(lines.map((line) => line.text)).toEqual(['Welcome, Ada! You joined recently.']);
  const { rows: inbox } = await pool.query('SELECT title, text FROM inbox_messages WHERE end_user_id = $1', [
    person.id,
  ]);
  expect(inbox).toEqual([
    { title: 'Your first steps', text: 'Hello Ada, as admin you may want to begin with the tour.' },
  ]);
  const { rows } = await pool.query('SELECT channel, state, attempts FROM deliveries ORDER BY created_at');
  expect(rows).toEqual([
    { channel: 'log', state: 'delivered', attempts: 1 },
    { channel: 'inbox', state: 'delivered', attempts: 1 },
  ]);
  const { rows: entered } = await pool.query('SELECT state, step FROM enrollments');
  expect(entered).toEqual([{ state: 'completed', step: null }]);
  const { rows: contacted } = await pool.query(
    'SELECT last_contacted_at IS NOT NULL AS contacted FROM end_users',
  );
  expect(contacted).toEqual([{ contacted: true }]);
});
