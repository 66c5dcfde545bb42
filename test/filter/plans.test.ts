import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFilter } from '../../src/filter/parse.js';
import { compileSql } from '../../src/filter/sql.js';
import type { CompiledSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { testDatabase } from '../support/database.js';

/** 200,000 people, 150,000 of them in the workspace that is asked about. */
const workspace = 'plans';
const moment = momentOf('2026-06-01T12:00:00Z');
/** There a midnight lies between every bound of these filters and its wall clock, so that days and instants part. */
const west = momentOf('2026-06-01T05:00:00Z', 'America/Los_Angeles');

const { pool } = await testDatabase();
let client: pg.PoolClient;

beforeAll(async () => {
  client = await pool.connect();
  await client.query(
    `SET TimeZone = 'UTC'; SET maintenance_work_mem = '256MB'; SET default_statistics_target = 30`,
  );
  // Loaded with the indexes dropped, which is what a restore does too: building them at the end takes half the time.
  const { rows } = await client.query<{ indexname: string; indexdef: string }>(
    `SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('end_users', 'companies')
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`,
  );
  await client.query(`DROP INDEX ${rows.map(({ indexname }) => indexname).join(', ')}`);
  await client.query(`
    INSERT INTO workspaces (workspace_id, name) VALUES ('plans', 'plans'), ('other', 'other');
    INSERT INTO companies (workspace_id, company_id, name, renewal_status, custom_fields)
    SELECT CASE WHEN i % 4 = 0 THEN 'other' ELSE 'plans' END, 'company-' || i, 'Company ' || i,
      CASE WHEN i % 200 = 1 THEN 'at_risk' END,
      jsonb_build_object('industry', 'industry ' || i % 700, 'size', i % 1000)
    FROM generate_series(1, 20000) i;
    INSERT INTO end_users (workspace_id, id, user_id, company_id, name, email, signed_up_at, created_at, last_seen,
      last_contacted_at, renewal_date, renewal_status, on_contract, custom_fields)
    SELECT CASE WHEN i % 4 = 0 THEN 'other' ELSE 'plans' END,
      ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 'user-' || i, 'company-' || (i * 7 % 20000 + 1),
      'Person ' || i, 'Person' || i || '@example.com',
      CASE WHEN i % 5 > 0 THEN t - i % 1000 * interval '1 day' - i % 977 * interval '1 minute' END,
      t - i % 900 * interval '1 day',
      t - (i % 400) * interval '1 day',
      CASE WHEN i % 211 > 0 THEN t - i % 500 * interval '1 day' END,
      CASE WHEN i % 3 = 0 THEN t + (i % 1200 - 300) * interval '1 day' END,
      CASE WHEN i % 101 = 0 THEN 'at_risk' WHEN i % 10 = 0 THEN 'renewed' WHEN i % 3 = 0 THEN 'in_progress' END,
      i % 2 = 0,
      jsonb_build_object('role', CASE WHEN i % 301 = 0 THEN 'admin' ELSE 'role ' || i % 400 END, 'seats', i % 2000,
        'plan', jsonb_build_object('tier', 'tier ' || i % 500, 'users', i % 3000), 'verified', i % 401 > 0,
        'trial_ends_at', to_char(t + (i % 800 - 400) * interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'ends', to_char(t + (i % 800 - 400) * interval '1 day', 'YYYY-MM-DD'),
        'tags', CASE WHEN i % 2 = 0 THEN to_jsonb('tag ' || i % 600 || ', tag ' || i % 601)
          ELSE jsonb_build_array('tag ' || i % 600, 'tag ' || i % 601) END,
        'notes', 'Note ' || i % 5000 || ' of person ' || i)
    FROM generate_series(1, 200000) i, (VALUES ('2026-06-01T12:00:00Z'::timestamptz)) now(t);
  `);
  for (const { indexdef } of rows) await client.query(indexdef);
  await client.query('ANALYZE end_users, companies');
});

afterAll(() => client.release());

const custom = (key: string): unknown => ({ var: `custom:${key}` });
const field = (name: string): unknown => ({ var: name });

/** Filters whose every claimed index exists in the migrations. */
const served: [title: string, filter: unknown, indexes: string[]][] = [
  ['equality on a custom field', { '==': [custom('role'), 'admin'] }, ['end_users_custom_fields']],
  ['equality with a number', { '==': [custom('seats'), 12] }, ['end_users_custom_fields']],
  ['the rarer boolean, as equality', { '==': [custom('verified'), false] }, ['end_users_custom_fields']],
  [
    'the rarer boolean, as != of the other',
    { '!=': [custom('verified'), true] },
    ['end_users_custom_fields'],
  ],
  ['equality at a pointer', { '==': [custom('/plan/tier'), 'tier 7'] }, ['end_users_custom_fields']],
  ['a short list', { in: [custom('role'), ['admin', 'role 7']] }, ['end_users_custom_fields']],
  ['user_id', { '==': [field('user_id'), 'user-77'] }, ['end_users_workspace_id_user_id_key']],
  ['email', { '==': [field('email'), 'Person77@example.com'] }, ['end_users_email']],
  ['email, folded', { '==': [{ lower: field('email') }, 'person77@example.com'] }, ['end_users_lower_email']],
  ['a list of emails', { in: [field('email'), ['Person77@example.com', 'x']] }, ['end_users_email']],
  [
    'a folded list',
    { in: [{ lower: field('email') }, ['person77@example.com', 'x']] },
    ['end_users_lower_email'],
  ],
  ['emails that start with a text', { starts_with: [field('email'), 'Person7777'] }, ['end_users_email']],
  [
    'signed up in 30 days',
    { between: [field('signed_up_at'), { ago: [30, 'days'] }, { ago: [0, 'days'] }] },
    ['end_users_signed_up_at'],
  ],
  ['new this week', { '>=': [field('created_at'), { start_of: ['week', 0] }] }, ['end_users_created_at']],
  ['at risk', { '==': [field('renewal_status'), 'at_risk'] }, ['end_users_renewal_status']],
  ['inactive', { '<': [field('last_seen'), { ago: [390, 'days'] }] }, ['end_users_last_seen']],
  ['seen at an instant', { '==': [field('last_seen'), { ago: [14, 'days'] }] }, ['end_users_last_seen']],
  [
    'seen at one of some instants',
    { in: [field('last_seen'), [{ ago: [14, 'days'] }, { ago: [16, 'days'] }]] },
    ['end_users_last_seen'],
  ],
  [
    'renewal due in 60 days',
    { between: [field('renewal_date'), { ago: [0, 'days'] }, { from_now: [60, 'days'] }] },
    ['end_users_renewal_date'],
  ],
  [
    'trial ending',
    { between: [custom('trial_ends_at'), { ago: [0, 'days'] }, { from_now: [7, 'days'] }] },
    ['end_users_trial_ends_at'],
  ],
  ['never contacted', { missing: field('last_contacted_at') }, ['end_users_last_contacted_at']],
  ['not contacted, by !', { '!': { exists: field('last_contacted_at') } }, ['end_users_last_contacted_at']],
  ['days since signup', { '<=': [field('days_since_signup'), 7] }, ['end_users_days_since_signup']],
  ['days since signup, exactly', { '==': [field('days_since_signup'), 30] }, ['end_users_days_since_signup']],
  [
    'some days since signup',
    { in: [field('days_since_signup'), [1, 7, 30]] },
    ['end_users_days_since_signup'],
  ],
  [
    'a custom field of the company',
    { '==': [field('company.custom:industry'), 'industry 7'] },
    ['companies_custom_fields', 'end_users_company_id'],
  ],
  [
    'the company by its id',
    { '==': [field('company.company_id'), 'company-77'] },
    ['companies_workspace_id_company_id_key', 'end_users_company_id'],
  ],
  [
    'or, every arm indexed',
    { or: [{ '==': [custom('role'), 'admin'] }, { '==': [field('email'), 'Person77@example.com'] }] },
    ['end_users_custom_fields', 'end_users_email'],
  ],
  [
    'and, one operand indexed',
    { and: [{ contains: [field('name'), '7'] }, { '==': [custom('role'), 'admin'] }] },
    ['end_users_custom_fields'],
  ],
  [
    'and, beside a negated leaf',
    { and: [{ '!': { '==': [custom('seats'), 12] } }, { '==': [custom('role'), 'admin'] }] },
    ['end_users_custom_fields'],
  ],
  [
    '! of an or of negations',
    { '!': { or: [{ '!': { '==': [custom('role'), 'admin'] } }, { contains: [field('name'), 'x'] }] } },
    ['end_users_custom_fields'],
  ],
];

/** Filters on hot custom fields, whose suggested index is created first. */
const suggested: [title: string, filter: unknown][] = [
  ['a number range', { '>': [custom('seats'), 1990] }],
  ['a number range below', { '<=': [custom('seats'), 10] }],
  ['numbers between', { between: [custom('seats'), 10, 15] }],
  ['a number at a pointer', { '>=': [custom('/plan/users'), 2990] }],
  ['a time', { between: [custom('ends'), { ago: [0, 'days'] }, { from_now: [7, 'days'] }] }],
  ['a time after', { '>': [custom('ends'), { from_now: [390, 'days'] }] }],
  ['text folded', { '==': [{ lower: custom('notes') }, 'note 77 of person 77'] }],
  ['text between', { between: [custom('notes'), 'Note 77', 'Note 771'] }],
  ['an item of a list or text', { has: [custom('tags'), 'tag 7'] }],
  ['one of some items', { has_any: [custom('tags'), ['tag 7', 'tag 8']] }],
  ['all of some items', { has_all: [custom('tags'), ['tag 7', 'tag 7']] }],
  ['texts that start with a text', { starts_with: [custom('notes'), 'Note 77 '] }],
  [
    'a long list of texts',
    { in: [custom('notes'), Array.from({ length: 100 }, (_, index) => `Note ${index}`)] },
  ],
  ['equality of a column without an index', { '==': [field('name'), 'Person 77'] }],
];

const modes = ['force_custom_plan', 'force_generic_plan'] as const;

test.each(served)(
  '%s uses the index that it claims, under custom and generic plans',
  async (_, filter, indexes) => {
    for (const compiled of inBothZones(filter)) {
      expect(compiled.indexes.map(({ name }) => name)).toEqual(indexes);
      for (const mode of modes) {
        const plan = await explain(compiled, mode);
        expect(plan).toMatchObject({
          mode,
          seqScans: [],
          indexes: expect.arrayContaining(indexes) as unknown,
        });
      }
    }
  },
);

test.each([
  { '<': [field('last_seen'), { ago: [390, 'days'] }] },
  { '>': [field('created_at'), { ago: [2, 'days'] }] },
  { '<': [field('days_since_signup'), 3] },
  { '>': [custom('seats'), 1990] },
  { '<': [custom('ends'), { ago: [390, 'days'] }] },
])('%j has one end, and a generic plan still expects few rows, not a third of the table', async (filter) => {
  for (const compiled of inBothZones(filter))
    expect((await explain(compiled, 'force_generic_plan')).rows).toBeLessThan(150_000 / 50);
});

describe('with the suggested indexes made', () => {
  const made = new Map<string, string>();

  beforeAll(async () => {
    for (const [, filter] of suggested) {
      for (const { definition, exists } of compile(filter).indexes) {
        if (exists || made.has(definition)) continue;
        const before = await indexNames();
        await client.query(definition);
        made.set(definition, (await indexNames()).find((name) => !before.includes(name)) ?? '');
      }
    }
    await client.query('ANALYZE end_users');
  });

  test.each(suggested)(
    '%s uses the index that it suggests, under custom and generic plans',
    async (_, filter) => {
      for (const compiled of inBothZones(filter)) {
        const names = compiled.indexes.map(({ name, definition }) => name ?? made.get(definition));
        expect(names).not.toEqual([]);
        for (const mode of modes) {
          const plan = await explain(compiled, mode);
          expect(plan).toMatchObject({
            mode,
            seqScans: [],
            indexes: expect.arrayContaining(names) as unknown,
          });
        }
      }
    },
  );
});

function compile(filter: unknown, at = moment): CompiledSql {
  return compileSql(parseFilter(filter), { moment: at, offset: 1 });
}

/** The second one only where the zone makes another statement of it. */
function inBothZones(filter: unknown): CompiledSql[] {
  const [here, there] = [compile(filter), compile(filter, west)];
  return there.text === here.text ? [here] : [here, there];
}

async function indexNames(): Promise<string[]> {
  const { rows } = await client.query<{ indexname: string }>(
    `SELECT indexname FROM pg_indexes WHERE tablename = 'end_users'`,
  );
  return rows.map(({ indexname }) => indexname);
}

interface Found {
  readonly mode: string;
  /** How many rows the plan expects. */
  readonly rows: number;
  readonly seqScans: string[];
  readonly indexes: string[];
}

interface PlanNode {
  readonly 'Plan Rows': number;
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

async function explain({ text, values }: CompiledSql, mode: (typeof modes)[number]): Promise<Found> {
  await client.query(`SET plan_cache_mode = ${mode}`);
  await client.query(`PREPARE filter AS SELECT u.* FROM end_users u WHERE u.workspace_id = $1 AND ${text}`);
  try {
    const list = [workspace, ...values].map((value) => client.escapeLiteral(written(value))).join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE filter(${list})`,
    );
    const nodes = rows.flatMap((row) => flatten(row['QUERY PLAN'][0].Plan));
    return {
      mode,
      rows: nodes[0]?.['Plan Rows'] ?? Infinity,
      seqScans: nodes
        .filter((node) => node['Node Type'] === 'Seq Scan')
        .map((node) => node['Relation Name'] ?? ''),
      indexes: nodes.flatMap((node) => (isSearched(node) ? (node['Index Name'] ?? []) : [])),
    };
  } finally {
    await client.query('DEALLOCATE filter');
  }
}

/** Every index begins with workspace_id, so that one is used for the filter only where something else is looked up in it. */
function isSearched(node: PlanNode): boolean {
  const condition = node['Index Cond'] ?? '';
  return /^\(\(workspace_id = .*\) AND \(/.test(condition) || /^\(.*\) AND \(workspace_id = /.test(condition);
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

/** A parameter as the text that a driver sends. */
function written(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return `{${value.map((item) => `"${String(item).replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
