import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseFilter } from '../../src/filter/parse.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { testDatabase } from '../support/database.js';

/** 200,000 events of 14 months and 40,000 people; three quarters of both in the workspace that is asked about. */
const workspace = 'plans';
const moment = momentOf('2026-06-20T12:00:00Z');

const { pool } = await testDatabase();
let client: pg.PoolClient;
/** The index that a month's own belongs to. */
const parents = new Map<string, string>();

beforeAll(async () => {
  client = await pool.connect();
  await client.query(`
    SET TimeZone = 'UTC'; SET maintenance_work_mem = '256MB';
    SELECT make_event_partition('2026-06-01'::timestamptz - month * interval '1 month') FROM generate_series(0, 14) AS month;
  `);
  // Loaded without indexes, as in plans.test.ts.
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index AS i
     WHERE i.indrelid IN ('end_users'::regclass, 'events'::regclass)
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)`,
  );
  await client.query(`DROP INDEX ${rows.map(({ name }) => name).join(', ')}`);
  await client.query(`
    INSERT INTO workspaces (workspace_id, name) VALUES ('plans', 'plans'), ('other', 'other');
    INSERT INTO end_users (workspace_id, id, user_id, custom_fields)
    SELECT CASE WHEN i % 4 = 0 THEN 'other' ELSE 'plans' END,
      ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 'user-' || i, jsonb_build_object('role', 'role ' || i % 400)
    FROM generate_series(1, 40000) i;
    INSERT INTO events (workspace_id, end_user_id, event, properties, occurred_at, received_at)
    SELECT CASE WHEN person % 4 = 0 THEN 'other' ELSE 'plans' END,
      ('00000000-0000-0000-0000-' || lpad(person::text, 12, '0'))::uuid,
      CASE WHEN i % 200 = 0 THEN 'upgraded' WHEN i % 40 = 0 THEN 'trial_started' WHEN i % 3 = 0 THEN 'signed_in' ELSE 'page_viewed' END,
      jsonb_build_object('plan', 'plan ' || i % 7), occurred, occurred
    FROM generate_series(1, 200000) i,
      LATERAL (SELECT i * 7919 % 40000 + 1 AS person, '2026-06-20T11:00:00Z'::timestamptz - i * 3 * interval '1 minute' AS occurred) e;
  `);
  // An index of a partitioned table is described as one that its months have no part in.
  for (const { definition } of rows) await client.query(definition.replace(' ON ONLY ', ' ON '));
  await client.query('VACUUM ANALYZE end_users, events');
  const { rows: parts } = await client.query<{ part: string; whole: string }>(
    `SELECT inhrelid::regclass::text AS part, inhparent::regclass::text AS whole FROM pg_inherits`,
  );
  for (const { part, whole } of parts) parents.set(part, whole);
});

afterAll(() => client.release());

const did = (event: string, more: object = {}): unknown => ({ did: { event, ...more } });
const month = { within: [30, 'days'] };

/** Conditions, and whether they claim the index: what most people fulfil is no way to find them. */
const conditions: [title: string, filter: unknown, claims: boolean][] = [
  ['did in a window', did('trial_started', month), true],
  ['did something common in a short window', did('page_viewed', { within: [1, 'days'] }), true],
  ['did at any time', did('upgraded'), true],
  ['did three times in a window', did('signed_in', { ...month, count: ['>=', 3] }), true],
  ['did twice exactly in a window', did('signed_in', { ...month, count: ['==', 2] }), true],
  ['did at least twice at any time', did('upgraded', { count: ['>', 1] }), true],
  ['never did in a window', did('trial_started', { ...month, count: ['==', 0] }), false],
  ['not did in a window', { '!': did('trial_started', month) }, false],
  ['never did', did('upgraded', { count: ['==', 0] }), false],
  ['did fewer than three times in a window', did('signed_in', { ...month, count: ['<', 3] }), false],
  [
    'did with a property in a window',
    did('trial_started', { ...month, where: { '==': [{ var: 'property:plan' }, 'plan 3'] } }),
    true,
  ],
  [
    'did, beside an indexed field',
    { and: [{ '==': [{ var: 'custom:role' }, 'role 7'] }, did('signed_in', month)] },
    true,
  ],
];

const isAlone = (filter: unknown): boolean => !JSON.stringify(filter).includes('role');

const modes = ['force_custom_plan', 'force_generic_plan'] as const;

test.each(conditions)(
  '%s, asked of a workspace: finds events by name and time, under custom and generic plans',
  async (_, filter, claims) => {
    const compiled = compileSql(parseFilter(filter), { moment, offset: 1, workspaceParameter: 1 });
    expect(compiled.indexes.some(({ name }) => name === 'events_by_name')).toBe(claims);
    // Beside a condition that few people fulfil, their own events are fewer than those of that name.
    const allowed = isAlone(filter) ? ['events_by_name'] : ['events_by_name', 'events_by_person'];
    for (const mode of modes) {
      const plan = await explain('', [workspace, ...compiled.values], compiled.text, mode);
      expect(plan).toMatchObject({ mode, scanned: [] });
      expect(plan.searched.length).toBeGreaterThan(0);
      expect(allowed).toEqual(expect.arrayContaining([...new Set(plan.searched)]));
    }
  },
);

test.each(conditions)(
  '%s, asked of a few people: finds events by name or person, under custom and generic plans',
  async (_, filter) => {
    const compiled = compileSql(parseFilter(filter), { moment, offset: 2 });
    const few = [1, 2, 3, 5].map((i) => `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`);
    for (const mode of modes) {
      const plan = await explain(
        'u.id = ANY ($2::uuid[]) AND ',
        [workspace, `{${few.join(',')}}`, ...compiled.values],
        compiled.text,
        mode,
      );
      expect(plan).toMatchObject({ mode, scanned: [] });
      expect(plan.searched.length).toBeGreaterThan(0);
    }
  },
);

test('a window reads the months that it lies in, and no other', async () => {
  const compiled = compileSql(parseFilter(did('trial_started', month)), {
    moment,
    offset: 1,
    workspaceParameter: 1,
  });
  for (const mode of modes) {
    const { months } = await explain('', [workspace, ...compiled.values], compiled.text, mode);
    expect([mode, months.toSorted()]).toEqual([mode, ['events_2026_05', 'events_2026_06']]);
  }
});

interface Found {
  readonly mode: string;
  /** Months that are read from end to end. */
  readonly scanned: string[];
  /** Indexes of events that something is looked up in, by the name that the migrations give them. */
  readonly searched: string[];
  /** Months that are read at all. */
  readonly months: string[];
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

async function explain(
  among: string,
  values: readonly unknown[],
  text: string,
  mode: (typeof modes)[number],
): Promise<Found> {
  await client.query(`SET plan_cache_mode = ${mode}`);
  await client.query(
    `PREPARE filter AS SELECT u.id FROM end_users u WHERE u.workspace_id = $1 AND ${among}${text}`,
  );
  try {
    const list = values.map((value) => client.escapeLiteral(String(value))).join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE filter(${list})`,
    );
    const nodes = rows.flatMap((row) => flatten(row['QUERY PLAN'][0].Plan));
    const ofEvents = nodes.filter((node) => node['Relation Name']?.startsWith('events_'));
    return {
      mode,
      months: [...new Set(ofEvents.map((node) => node['Relation Name'] ?? ''))],
      scanned: ofEvents
        .filter((node) => node['Node Type'] === 'Seq Scan')
        .map((node) => node['Relation Name'] ?? ''),
      searched: nodes.flatMap((node) => {
        const whole = parents.get(node['Index Name'] ?? '');
        const condition = node['Index Cond'] ?? '';
        return whole !== undefined && condition.includes('(event = ') ? whole : [];
      }),
    };
  } finally {
    await client.query('DEALLOCATE filter');
  }
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
