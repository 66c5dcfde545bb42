import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { silentLogger } from '../../src/automation/logger.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { explainSeries } from '../../src/automation/series/decision.js';
import { reportSeries } from '../../src/automation/series/report.js';
import { archiveSeries, pauseSeries, resumeSeries, saveSeries } from '../../src/automation/series/store.js';
import { backfillUser } from '../../src/traits/backfill.js';
import { identify } from '../../src/traits/identify.js';
import { suppress } from '../../src/traits/suppression.js';
import { track } from '../../src/traits/track.js';
import { testDatabase } from '../support/database.js';

const workspaceId = 'acme';
const owners = {
  key: 'welcome',
  name: 'Welcome',
  trigger: { type: 'user_created' },
  audience: {
    and: [{ '==': [{ var: 'custom:role' }, 'owner'] }, { '!': { exists: { var: 'custom:churned' } } }],
  },
  steps: [
    { type: 'wait', key: 'a-while', for: [1, 'days'] },
    { type: 'send', key: 'hello', channel: 'log', message: { text: 'hello' } },
  ],
};

let pool: Pool;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, 'Acme')`, [workspaceId]);
  const known = (userId: string, traits: Record<string, unknown>) =>
    identify(pool, { workspaceId, userId, traits });
  await known('before', { role: 'owner' });
  await saveSeries(pool, workspaceId, owners);
  await pool.query(
    `UPDATE end_users SET created_at = created_at - interval '1 day', first_seen = first_seen - interval '1 day'`,
  );
  await pool.query(`UPDATE outbox SET created_at = created_at - interval '1 day'`);
  await known('inside', { role: 'owner' });
  await known('member', { role: 'Owner' });
  await known('nobody', {});
  await backfillUser(pool, { workspaceId, userId: 'imported', traits: { role: 'owner' } });
  await known('told', { role: 'owner' });
  await suppress(pool, { workspaceId, userId: 'told', reason: 'asked' });
  await take();
  await pauseSeries(pool, workspaceId, 'welcome');
  await known('paused', { role: 'owner' });
  await take();
  await resumeSeries(pool, workspaceId, 'welcome');
});

const take = () => takeIn(pool, { limit: 100, maxAttempts: 3, wait: () => 0, logger: silentLogger });

it('a report on a series says of everybody in its audience why they entered or did not, and of the others why they are not in it', async () => {
  const report = await reportSeries(pool, { workspaceId, key: 'welcome' });
  expect(Object.fromEntries(report.people.map(({ why, people }) => [why, people]))).toEqual({
    before_the_series: 1,
    imported: 1,
    inside: 1,
    refused_paused: 1,
    suppressed: 1,
  });
  expect(report.people.find(({ why }) => why === 'imported')?.text).toBe(
    '1 were made by import or backfill, which fire no `user_created` unless asked (`muster import --fire-triggers`); let them in by hand with `muster series enroll`.',
  );
  expect(report.audience).toMatchObject({ total: 7, matched: 5 });
  expect(report.turned_away.map(({ reason, people }) => [reason, people])).toEqual([
    ['audience', 2],
    ['paused', 1],
    ['suppressed', 1],
  ]);
  expect(report.steps).toMatchObject([
    { step: 'a-while', type: 'wait', here: 1, happened: { arrived: 1 } },
    { step: 'hello', type: 'send', here: 0, happened: {} },
  ]);
});

it('what was decided at a trigger is kept with the clauses that failed and what they saw, beside what would be decided now', async () => {
  const before = await explainSeries(pool, { workspaceId, key: 'welcome', userId: 'member' });
  expect(before.decided).toMatchObject({
    decision: 'refused',
    reason: 'audience',
    version: 1,
    happening: { kind: 'user_created', name: null },
    clauses: [
      { path: '/audience/and/0', sentence: 'role is "owner"', reason: 'case_mismatch', seen: 'Owner' },
    ],
  });
  await identify(pool, { workspaceId, userId: 'member', traits: { role: 'owner' } });
  const after = await explainSeries(pool, { workspaceId, key: 'welcome', userId: 'member' });
  expect(after.decided).toEqual(before.decided);
  // `user_created` comes once, and did.
  expect(after.now).toMatchObject({
    decision: 'refused',
    reason: 'trigger',
    trigger: { state: 'over' },
    audience: { matched: true },
  });
  expect(after.story).toMatchObject({ entries: [], refusals: [{ reason: 'audience' }] });
});

it('asked about an instant, it tells the last decision up to then and none after', async () => {
  const asked = { workspaceId, key: 'welcome', userId: 'inside' };
  const { decided, now, story } = await explainSeries(pool, asked);
  expect(decided).toMatchObject({ decision: 'entered', reason: null, clauses: [] });
  expect(now).toMatchObject({ decision: 'refused', reason: 'inside' });
  expect(story.entries).toHaveLength(1);
  const at = (decided?.decided_at.getTime() ?? 0) - 1;
  expect((await explainSeries(pool, { ...asked, at })).decided).toBeNull();
  await expect(explainSeries(pool, { ...asked, userId: 'stranger' })).rejects.toMatchObject({
    code: 'no_such_user',
  });
  await expect(explainSeries(pool, { ...asked, key: 'other' })).rejects.toMatchObject({
    code: 'series_not_found',
  });
});

it('a series on an event says who never did it, and what the condition on its properties saw', async () => {
  const { audience: _, ...everybody } = owners;
  await saveSeries(pool, workspaceId, {
    ...everybody,
    key: 'trial',
    trigger: { type: 'event', event: 'trial', where: { '==': [{ var: 'property:plan' }, 'pro'] } },
  });
  await track(pool, { workspaceId, userId: 'nobody', event: 'trial', properties: { plan: 'team' } });
  await take();
  const { people, audience } = await reportSeries(pool, { workspaceId, key: 'trial' });
  expect(audience).toBeNull();
  expect(people.map(({ why, people: count }) => [why, count])).toEqual([
    ['never_did', 5],
    ['refused_trigger', 1],
    ['suppressed', 1],
  ]);
  const { decided } = await explainSeries(pool, { workspaceId, key: 'trial', userId: 'nobody' });
  expect(decided).toMatchObject({
    reason: 'trigger',
    happening: { kind: 'event', name: 'trial' },
    clauses: [{ path: '/trigger/where', sentence: 'plan is "pro"', reason: 'different', seen: 'team' }],
  });
});

it('the report of an archived series says of nobody that they are inside or still to enter, and names no way in', async () => {
  const { audience: _, ...everybody } = owners;
  const trigger = { type: 'date', field: 'custom:ends', at: '10:00' };
  await saveSeries(pool, workspaceId, { ...everybody, key: 'ending', trigger });
  await identify(pool, { workspaceId, userId: 'inside', traits: { ends: '2999-01-01' } });
  const said = async (key: string) =>
    Object.fromEntries(
      (await reportSeries(pool, { workspaceId, key })).people.map(({ why, text }) => [why, text]),
    );
  expect(await said('ending')).toMatchObject({
    date_to_come: '1 are still to enter, by their `custom:ends`.',
  });
  await pauseSeries(pool, workspaceId, 'welcome');
  expect((await said('welcome'))['imported']).not.toContain('series enroll');
  await archiveSeries(pool, workspaceId, 'ending');
  await archiveSeries(pool, workspaceId, 'welcome');
  const ending = await said('ending');
  expect(ending['date_to_come']).toBe('1 have a `custom:ends` that is still to come, and enter no more.');
  expect(ending['date_missing']).toMatch(/have no `custom:ends`, so no date lets them in\.$/);
  expect((await reportSeries(pool, { workspaceId, key: 'ending' })).dates).toBeNull();
  expect(await said('welcome')).toMatchObject({
    inside: '1 were inside when it was archived: nothing more is sent to them.',
    before_the_series: '1 were created before the series was saved.',
  });
});

it('erasing a person takes what was seen of them with it', async () => {
  await pool.query(`DELETE FROM end_users WHERE user_id = 'nobody'`);
  const { rows } = await pool.query(`SELECT FROM series_decisions WHERE seen::text LIKE '%team%'`);
  expect(rows).toEqual([]);
});
