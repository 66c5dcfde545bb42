import { expect, test } from 'vitest';
import { saveSeries } from '../../../src/automation/index.js';
import { queueName, recorder, seriesOf, until, useAutomation, workspace } from '../support.js';
import { addPeople, Clock, inZone } from './support.js';

const fixture = useAutomation();

test('series that a schedule and a date start are delivered by workers, once, to whom their filters let in', async () => {
  const { pool, start } = fixture();
  await inZone(pool, 'Europe/Berlin');
  const paying = { audience: { '==': [{ var: 'custom:plan' }, 'paid'] } };
  await saveSeries(pool, workspace, {
    ...seriesOf('weekly', ['log', 'inbox'], {
      trigger: { type: 'schedule', cron: '0 9 * * 1' },
      entry: 'every_time',
    }),
    ...paying,
  });
  await saveSeries(
    pool,
    workspace,
    seriesOf('renewal', ['inbox'], {
      trigger: { type: 'date', field: 'renewal_date', offset: [-60, 'days'], at: '09:30' },
    }),
  );
  await addPeople(pool, {
    ada: { custom: { plan: 'paid' }, renewal_date: '2031-08-09' },
    bob: { custom: { plan: 'free', timezone: 'America/New_York' }, renewal_date: '2031-08-09' },
  });
  const clock = new Clock('2031-06-09T06:59:00Z');
  const { lines, sink } = recorder();
  // Two of them on one queue: each looks at everything.
  const queue = queueName();
  const options = { queue, logSink: sink, scheduleEvery: 20, clock: async () => clock.now };
  await start(options);
  await start(options);
  const inbox = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ text: string }>(
      `SELECT concat_ws(' ', u.user_id, d.series_key) AS text FROM inbox_messages m
       JOIN deliveries d ON d.workspace_id = m.workspace_id AND d.id = m.delivery_id
       JOIN end_users u ON u.workspace_id = m.workspace_id AND u.id = m.end_user_id ORDER BY 1`,
    );
    return rows.map(({ text }) => text);
  };
  const lookedAt = async (): Promise<void> => {
    await until('a look', async () => {
      const { rows } = await pool.query('SELECT FROM schedules WHERE next_at <= $1', [new Date(clock.now)]);
      return rows.length === 0;
    });
  };
  await lookedAt();
  clock.set('2031-06-09T07:00:00Z');
  await until('the weekly message', async () => (await inbox()).length === 1);
  expect(lines.map(({ user, series }) => `${user} ${series}`)).toEqual(['ada weekly']);
  clock.set('2031-06-10T07:30:00Z');
  await until('the first renewal', async () => (await inbox()).length === 2);
  clock.set('2031-06-10T13:30:00Z');
  await until('the second', async () => (await inbox()).length === 3);
  clock.set('2031-06-11T13:30:00Z');
  await lookedAt();
  expect(await inbox()).toEqual(['ada renewal', 'ada weekly', 'bob renewal']);
  expect(lines).toHaveLength(1);
});
