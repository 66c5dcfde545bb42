import { expect, test } from 'vitest';
import { saveSegment } from '../../src/audience/segments/store.js';
import { saveSeries } from '../../src/automation/index.js';
import { identify } from '../../src/traits/identify.js';
import { recorder, seriesOf, until, useAutomation, workspace } from './support.js';

const fixture = useAutomation();
const day = 86_400_000;

const put = async (userId: string, traits: Record<string, unknown>): Promise<void> => {
  await identify(fixture().pool, { workspaceId: workspace, userId, traits });
};

test('a window closes while nobody does anything, and who left is told at that instant and sent to', async () => {
  const { pool, start } = fixture();
  const recent = { '>=': [{ var: 'signed_up_at' }, { ago: [720, 'hours'] }] };
  await saveSegment(pool, workspace, { key: 'recent', filter: recent });
  await saveSeries(
    pool,
    workspace,
    seriesOf('goodbye', ['log'], { trigger: { type: 'segment_left', segment: 'recent' } }),
  );
  await saveSeries(
    pool,
    workspace,
    seriesOf('hello', ['log'], { trigger: { type: 'segment_entered', segment: 'recent' } }),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  const leaves = Date.now() - (Date.now() % 1000) + 4000;
  await put('ada', { name: 'Ada', signed_up_at: new Date(leaves - 30 * day).toISOString() });
  automation.nudge();
  await until('Ada enters', () => lines.length === 1);
  expect(lines.map(({ series }) => series)).toEqual(['hello']);
  await until('Ada leaves', () => lines.length === 2);
  expect(lines.map(({ series }) => series)).toEqual(['hello', 'goodbye']);
  expect(Date.now()).toBeGreaterThan(leaves);
  const { rows } = await pool.query<{ at: Date }>(
    `SELECT happened_at AS at FROM enrollments WHERE series_key = 'goodbye'`,
  );
  expect(rows).toEqual([{ at: new Date(leaves + 1) }]);
});

test('a segment in an exit is meant as it is saved now, also by people who are inside already', async () => {
  const { pool, start } = fixture();
  const vip = { '==': [{ var: 'custom:plan' }, 'vip'] };
  await saveSegment(pool, workspace, { key: 'left-over', filter: vip, tracked: false });
  await saveSeries(pool, workspace, {
    key: 'waiting',
    name: 'Waiting',
    trigger: { type: 'user_created' },
    exit: { segment: 'left-over' },
    steps: [
      { type: 'wait', key: 'rest', for: [1, 'hours'] },
      { type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello' } },
    ],
  });
  const automation = await start();
  await put('ada', { plan: 'free' });
  await put('bob', { plan: 'free', seats: 3 });
  automation.nudge();
  await automation.idle();
  await saveSegment(pool, workspace, { key: 'left-over', filter: { '>': [{ var: 'custom:seats' }, 5] } });
  await put('bob', { seats: 6 });
  await put('ada', { plan: 'vip' });
  automation.nudge();
  await automation.idle();
  const { rows } = await pool.query(
    `SELECT u.user_id, e.state FROM enrollments e
     JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id ORDER BY u.user_id`,
  );
  expect(rows).toEqual([
    { user_id: 'ada', state: 'active' },
    { user_id: 'bob', state: 'exited' },
  ]);
});
