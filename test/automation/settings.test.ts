import { beforeEach, describe, expect, test } from 'vitest';
import { listMembers } from '../../src/audience/segments/members.js';
import { saveSegment } from '../../src/audience/segments/store.js';
import {
  diffZone,
  getSettings,
  noEmailSettings as email,
  saveSeries,
  saveSettings,
} from '../../src/automation/index.js';
import type { SettingsChange, SettingsView } from '../../src/automation/index.js';
import { MusterError } from '../../src/errors/index.js';
import { momentOf } from '../../src/filter/time.js';
import { identify } from '../../src/traits/index.js';
import { send, stepsOf } from './inside.js';
import { until, useAutomation, workspace } from './support.js';

const fixture = useAutomation();

beforeEach(async () => {
  await fixture().pool.query(
    `INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)
     ON CONFLICT (workspace_id) DO UPDATE
     SET zone = 'UTC', person_zone_field = 'timezone', person_language_field = 'locale', zone_followed_to = NULL`,
    [workspace],
  );
});

const put = (change: SettingsChange): Promise<SettingsView> =>
  saveSettings(fixture().pool, workspace, { change, email, confirm: true });

test('settings that are left out stay, and a zone is kept under its one name', async () => {
  const { pool } = fixture();
  const view = await put({ zone: ' +02:00 ', zone_trait: 'custom:tz' });
  expect(view).toEqual({
    name: workspace,
    zone: 'UTC+2',
    zone_trait: 'tz',
    language_trait: 'locale',
    sender: { from: null, reply_to: null, missing: ['smtp_url', 'from', 'public_url'] },
  });
  expect(await put({ name: ' Acme ' })).toEqual({ ...view, name: 'Acme' });
  expect(await getSettings(pool, workspace, email)).toEqual({ ...view, name: 'Acme' });
});

test('every setting that is wrong is refused at once, and nothing is changed', async () => {
  const change = { name: ' ', zone: 'Mars/Base', zone_trait: 'email', language_trait: '' };
  const refused = await put(change).catch((error: unknown) => error);
  if (!(refused instanceof MusterError)) throw new Error('it was not refused');
  expect(refused.problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
    'settings_bad_name /name',
    'bad_zone /zone',
    'settings_bad_trait /zone_trait',
    'settings_bad_trait /language_trait',
  ]);
  expect(await getSettings(fixture().pool, workspace, email)).toMatchObject({
    zone: 'UTC',
    zone_trait: 'timezone',
  });
});

/** The hour that clocks in the zone show when the person is due. */
async function dueHour(userId: string, zone: string): Promise<string> {
  const { rows } = await fixture().pool.query<{ due: Date }>(
    `SELECT w.due_at AS due FROM work w
     JOIN enrollments e ON e.workspace_id = w.workspace_id AND e.id = w.enrollment_id
     JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     WHERE u.user_id = $1 AND w.state = 'pending'`,
    [userId],
  );
  return rows[0]?.due.toLocaleTimeString('en-GB', { timeZone: zone, timeStyle: 'short' }) ?? 'not waiting';
}

describe('people who wait', () => {
  const morning = { type: 'wait_until_time', key: 'morning', at: '09:00' };

  beforeEach(async () => {
    const { pool } = fixture();
    await saveSeries(pool, workspace, stepsOf('one', [morning, send('hello')]));
    await identify(pool, { workspaceId: workspace, userId: 'ann' });
    await identify(pool, {
      workspaceId: workspace,
      userId: 'bob',
      traits: { timezone: 'Asia/Kolkata', tz: 'Asia/Kathmandu' },
    });
  });

  test('follow another zone of the workspace, those with a zone of their own do not', async () => {
    const automation = await fixture().start();
    await automation.idle();
    expect(await dueHour('ann', 'UTC')).toBe('09:00');
    expect(await dueHour('bob', 'Asia/Kolkata')).toBe('09:00');
    await put({ zone: 'Asia/Tokyo' });
    await automation.idle();
    await until('ann is due', async () => (await dueHour('ann', 'Asia/Tokyo')) === '09:00');
    expect(await dueHour('bob', 'Asia/Kolkata')).toBe('09:00');
  });

  test('follow another trait for their zone', async () => {
    const automation = await fixture().start();
    await automation.idle();
    await put({ zone_trait: 'tz' });
    await automation.idle();
    await until('bob is due', async () => (await dueHour('bob', 'Asia/Kathmandu')) === '09:00');
    expect(await dueHour('ann', 'UTC')).toBe('09:00');
  });
});

test('another zone says first what it moves, and is not set unless that is confirmed', async () => {
  const { pool } = fixture();
  const daily = { type: 'schedule', cron: '0 9 * * *' };
  await saveSeries(pool, workspace, { ...stepsOf('daily', [send('hello')]), trigger: daily });
  await saveSeries(pool, workspace, {
    ...stepsOf('fixed', [send('hello')]),
    trigger: { ...daily, zone: 'Europe/Paris' },
  });
  await saveSegment(pool, workspace, {
    key: 'today',
    filter: { '>=': [{ var: 'signed_up_at' }, { start_of: ['day'] }] },
  });
  const moves = await diffZone(pool, workspace, 'Asia/Tokyo');
  expect(moves).toMatchObject({ from: 'UTC', to: 'Asia/Tokyo', waiting: 0, segments: ['today'] });
  expect(moves.schedules.map(({ kind, key }) => [kind, key])).toEqual([['series', 'daily']]);
  const hours = moves.schedules.map(({ next_at_then: then }) => then?.toISOString().slice(11, 16));
  expect(hours).toEqual(['00:00']);
  const unsure = saveSettings(pool, workspace, { change: { zone: 'Asia/Tokyo' }, email });
  await expect(unsure).rejects.toMatchObject({ code: 'zone_moves' });
  expect(await getSettings(pool, workspace, email)).toMatchObject({ zone: 'UTC' });
  expect(await put({ zone: 'Asia/Tokyo' })).toMatchObject({ zone: 'Asia/Tokyo' });
  // The same zone moves nothing.
  await saveSettings(pool, workspace, { change: { zone: 'Asia/Tokyo', name: 'Same' }, email });
});

test('a tracked segment that asks by the calendar follows another zone, and series hear of it', async () => {
  const { pool } = fixture();
  await put({ zone: '+14:00' });
  const hour = 3_600_000;
  const startOfDay = (offset: number): number =>
    Math.floor((Date.now() + offset * hour) / (24 * hour)) * 24 * hour - offset * hour;
  const [ahead, behind] = [startOfDay(14), startOfDay(-12)];
  const signedUpAt = new Date(Math.max(ahead, behind) - 1).toISOString();
  await identify(pool, { workspaceId: workspace, userId: 'ann', traits: { signed_up_at: signedUpAt } });
  await saveSegment(pool, workspace, {
    key: 'today',
    filter: { '>=': [{ var: 'signed_up_at' }, { start_of: ['day'] }] },
  });
  await saveSegment(pool, workspace, {
    key: 'others',
    filter: { '==': [{ var: 'custom:plan' }, 'pro'] },
  });
  const automation = await fixture().start();
  await automation.idle();
  const inside = async (): Promise<number> => {
    const moment = momentOf(Date.now());
    return (await listMembers(pool, { workspaceId: workspace, key: 'today', moment, limit: 10 })).count;
  };
  const before = ahead < behind ? 1 : 0;
  expect(await inside()).toBe(before);
  await put({ zone: '-12:00' });
  const { rows } = await pool.query(`SELECT key FROM segments WHERE state = 'building'`);
  expect(rows).toEqual([{ key: 'today' }]);
  await automation.idle();
  expect(await inside()).toBe(1 - before);
});
