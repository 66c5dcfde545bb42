import { beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { inTransaction } from '../../src/database/transaction.js';
import { compileSql } from '../../src/filter/sql.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { preview } from '../../src/audience/preview.js';
import { explainUser } from '../../src/audience/explain.js';
import * as traits from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';

/** 200,000 people, half of them in the workspace that is asked about. Scans of the whole table are never forbidden. */
const { pool, url } = await testDatabase();
const moment = momentOf('2026-06-01T12:00:00Z');
const modes = ['force_custom_plan', 'force_generic_plan'] as const;

beforeAll(async () => {
  // Loaded without the indexes and triggers, as a restore does.
  const { rows } = await pool.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = 'end_users'
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`,
  );
  await pool.query(`
    DROP INDEX ${rows.map(({ name }) => name).join(', ')};
    ALTER TABLE end_users DISABLE TRIGGER USER;
    INSERT INTO workspaces (workspace_id, name) VALUES ('ours', 'ours'), ('theirs', 'theirs');
    INSERT INTO end_users (workspace_id, user_id, email, company_id, anonymous_id, custom_fields)
    SELECT CASE WHEN i % 2 = 0 THEN 'theirs' ELSE 'ours' END, 'user-' || i, 'p' || i || '@example.com', 'company-' || i % 5000,
      'visitor-' || i, jsonb_build_object('role', CASE WHEN i % 301 = 0 THEN 'admin' ELSE 'role ' || i % 400 END, 'seats', i % 2000)
    FROM generate_series(1, 200000) AS i;
    ALTER TABLE end_users ENABLE TRIGGER USER;
    INSERT INTO companies (workspace_id, company_id)
    SELECT CASE WHEN i % 2 = 0 THEN 'theirs' ELSE 'ours' END, 'company-' || i FROM generate_series(1, 20000) AS i;
    INSERT INTO events (workspace_id, end_user_id, event, occurred_at, message_id)
    SELECT u.workspace_id, u.id, 'event ' || n, now() - n * interval '1 day', u.user_id || ' ' || n
    FROM end_users AS u, generate_series(0, 2) AS n WHERE u.user_id LIKE '%7';
    INSERT INTO event_messages (workspace_id, message_id) SELECT workspace_id, message_id FROM events;
    INSERT INTO suppressions (workspace_id, kind, hash, reason, source)
    SELECT CASE WHEN i % 2 = 0 THEN 'theirs' ELSE 'ours' END, 'email', sha256(i::text::bytea), 'x', 'x'
    FROM generate_series(1, 20000) AS i;
  `);
  for (const { definition } of rows) await pool.query(definition);
  await pool.query('ANALYZE');
});

/** Indexes in which a statement is looked up, under a role and a kind of plan. */
async function indexesFor(role: string, mode: string): Promise<string> {
  const compiled = compileSql(parseFilter({ '==': [{ var: 'custom:role' }, 'admin'] }), {
    moment,
    offset: 1,
  });
  return inTransaction(pool, async (client) => {
    await client.query(
      `SET LOCAL ROLE ${role}; SET LOCAL muster.workspace = 'ours'; SET LOCAL plan_cache_mode = ${mode}`,
    );
    await client.query(
      `PREPARE looked AS SELECT count(*) FROM end_users AS u WHERE u.workspace_id = $1 AND ${compiled.text}`,
    );
    const list = ['ours', ...compiled.values].map((value) => client.escapeLiteral(String(value))).join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE looked(${list})`);
    await client.query('DEALLOCATE looked');
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
}

describe.each(modes)('%s', (mode) => {
  test('the index on custom fields serves an audience as muster_reader', async () => {
    const plan = await indexesFor('muster_reader', mode);
    expect(plan).toContain('Index Scan on end_users_custom_fields');
    expect(plan).not.toContain('Seq Scan');
  });

  // Why there is a role of its own for audiences. Should Postgres learn better one day, this says so.
  test('the same question as muster_app cannot look up the custom field in its index', async () => {
    expect(await indexesFor('muster_app', mode)).not.toMatch(/Index Cond:.*custom_fields/);
  });

  test('no call about one person, and no preview that has an index, reads a table from end to end', async () => {
    const bound = new URL(url);
    bound.searchParams.set('options', `-c plan_cache_mode=${mode}`);
    const one = await openPool(bound.href, { max: 1 });
    const whom = { workspaceId: 'ours', userId: 'user-77' };
    const filter = parseFilter({ '==': [{ var: 'custom:role' }, 'admin'] });
    const calls: Record<string, () => Promise<unknown>> = {
      identify: () => traits.identify(one, { ...whom, traits: { seats: 1, plan: mode } }),
      'identify somebody new': () => traits.identify(one, { ...whom, userId: `new ${mode}` }),
      'identify with a visitor and a company': () =>
        traits.identify(one, {
          ...whom,
          anonymousId: `fresh ${mode}`,
          companyId: 'company-7',
          companyTraits: { size: mode },
        }),
      'identify a company': () =>
        traits.identifyCompany(one, { workspaceId: 'ours', companyId: 'company-9', traits: { size: mode } }),
      track: () => traits.track(one, { ...whom, event: 'event 1', messageId: `again ${mode}` }),
      'track a visitor': () =>
        traits.track(one, { workspaceId: 'ours', anonymousId: 'visitor-77', event: 'event 1' }),
      backfill: () => traits.backfillUser(one, { ...whom, traits: { seats: 3, tier: mode } }),
      'get a user': () => traits.getUser(one, whom),
      'is suppressed': () => traits.isSuppressed(one, { ...whom, email: 'p77@example.com' }),
      suppress: () => traits.suppress(one, { ...whom, email: `${mode}@example.com` }),
      'explain one person': () =>
        explainUser(one, {
          ...whom,
          filter: parseFilter({ did: { event: 'event 1' } }),
          moment,
        }),
      'context entries': () => traits.listContextEntries(one, whom),
      'erase one person': () =>
        traits.eraseUser(one, { ...whom, userId: mode === modes[0] ? 'user-97' : 'user-107' }),
      preview: () => preview(one, { workspaceId: 'ours', filter, moment, sample: 0 }),
      // A watch that sees nothing would be content with everything.
      'a scan, to be seen': () =>
        one.query(`SELECT FROM end_users WHERE custom_fields ->> 'role' = 'nobody'`),
    };
    try {
      const scans: Record<string, string[]> = {};
      let before = await sequentialScans(one);
      for (const [name, call] of Object.entries(calls)) {
        await call();
        const after = await sequentialScans(one);
        const read = [...after].filter(([table, count]) => count > (before.get(table) ?? 0));
        if (read.length > 0) scans[name] = read.map(([table]) => table);
        before = after;
      }
      expect(scans).toEqual({ 'a scan, to be seen': ['end_users'] });
    } finally {
      await one.end();
    }
  });
});

/** How often each large table was read from end to end. */
async function sequentialScans(one: Pool): Promise<Map<string, number>> {
  // What a session counted is told at the end of a statement, and at once only if that is asked for.
  await one.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await one.query<{ name: string; scans: string }>(
    `SELECT relname AS name, seq_scan AS scans FROM pg_stat_user_tables WHERE n_live_tup > 1000`,
  );
  return new Map(rows.map(({ name, scans }) => [name, Number(scans)]));
}
