import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { MIGRATIONS, migrate } from '../../src/database/migrate.js';
import type { Pool } from '../../src/database/pool.js';
import { backfillUser, backfillUsers } from '../../src/traits/backfill.js';
import { foldTraits, startFolding } from '../../src/traits/catalogue/fold.js';
import { loadTraitCatalogue } from '../../src/traits/catalogue/load.js';
import { rebuildTraits } from '../../src/traits/catalogue/rebuild.js';
import { identifyCompany } from '../../src/traits/company.js';
import { eraseUser } from '../../src/traits/erase.js';
import { identify, importUsers } from '../../src/traits/index.js';
import { knownTrait, knownTraitNames } from '../../src/traits/known-traits.js';
import { emptyDatabase, testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, pathOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

/** What the rows say, counted in plain JavaScript: `entity key type` and how many have it. */
async function countedFromRows(pool: Pool, workspaceId: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const add = (entity: string, key: string, type: string): void => {
    const name = `${entity} ${key} ${type}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const [table, entity] of [
    ['end_users', 'user'],
    ['companies', 'company'],
  ] as const) {
    const { rows } = await pool.query<Record<string, unknown>>(
      `SELECT * FROM ${table} WHERE workspace_id = $1`,
      [workspaceId],
    );
    for (const row of rows) {
      for (const key of knownTraitNames) {
        const known = knownTrait(key, entity);
        if (known === null || row[key] === null) continue;
        add(entity, key, known.kind === 'choice' ? 'text' : known.kind);
      }
      for (const [key, value] of Object.entries(row['custom_fields'] ?? {})) add(entity, key, typeOf(value));
    }
  }
  return counts;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : typeof value;
}

/** The catalogue's counts in the same form; types that nobody has are left out. */
async function catalogued(pool: Pool, workspaceId: string): Promise<Map<string, number>> {
  const traits = await loadTraitCatalogue(pool, workspaceId);
  const counts = traits.flatMap(({ entity, key, types }) =>
    types.map(({ type, count }): [string, number] => [`${entity} ${key} ${type}`, count]),
  );
  return new Map(counts.filter(([, count]) => count !== 0));
}

/** A repeatable stream of whole numbers below `limit`. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const keys = [
  'role',
  'seats',
  'plan',
  '__proto__',
  'constructor',
  'tags',
  'a.b',
  'name',
  'on_contract',
  'signed_up_at',
];

function randomTraits(random: (limit: number) => number): Record<string, unknown> {
  const values = ['admin', 5, true, [1, 'x'], { x: null }, '', 'viewer', null, null];
  const entries = Array.from({ length: 1 + random(5) }, (): [string, unknown] => {
    const key = keys[random(keys.length)] ?? '';
    if (key === 'name') return [key, random(3) === 0 ? null : 'Ann'];
    if (key === 'on_contract') return [key, random(3) === 0 ? null : random(2) === 0];
    if (key === 'signed_up_at') return [key, random(3) === 0 ? null : '2026-01-01'];
    return [key, values[random(values.length)]];
  });
  return Object.fromEntries(entries);
}

it.each([1, 2, 3])(
  'after any history the counts are those of the rows, and counting anew finds nothing to correct (seed %i)',
  async (seed) => {
    const { pool } = db;
    const workspaceId = `seed-${seed}`;
    const random = randomFrom(seed);
    const user = (): string => `u${random(30)}`;
    const steps: readonly (() => Promise<unknown>)[] = [
      () => identify(pool, { workspaceId, userId: user(), traits: randomTraits(random) }),
      () =>
        identify(pool, {
          workspaceId,
          userId: user(),
          traits: randomTraits(random),
          anonymousId: `v${random(9)}`,
        }),
      () =>
        identify(pool, {
          workspaceId,
          userId: user(),
          companyId: `c${random(4)}`,
          companyTraits: randomTraits(random),
        }),
      () => identifyCompany(pool, { workspaceId, companyId: `c${random(4)}`, traits: randomTraits(random) }),
      () => backfillUser(pool, { workspaceId, userId: user(), traits: randomTraits(random) }),
      () =>
        backfillUsers(pool, {
          workspaceId,
          users: Array.from({ length: 8 }, () => ({ user_id: user(), traits: randomTraits(random) })),
        }),
      () => {
        const lines = Array.from({ length: 10 }, () =>
          JSON.stringify({ user_id: user(), traits: randomTraits(random) }),
        );
        return importUsers(pool, { workspaceId, source: fileOf('history.ndjson', lines.join('\n')) });
      },
      () => {
        const lines = Array.from({ length: 10 }, () => `${user()},${random(2) === 0 ? random(9) : ''},x`);
        const source = fileOf('history.csv', `user_id,seats,plan\n${lines.join('\n')}\n`);
        return importUsers(pool, { workspaceId, source });
      },
      () => eraseUser(pool, { workspaceId, userId: user() }),
      () =>
        pool.query(
          `INSERT INTO end_users (workspace_id, anonymous_id, custom_fields) VALUES ($1, $2, '{"role": 1, "visits": 3}')
           ON CONFLICT DO NOTHING`,
          [workspaceId, `v${random(9)}`],
        ),
      () => foldTraits(pool, workspaceId),
    ];
    for (let step = 0; step < 150; step += 1) await steps[random(steps.length)]?.();
    const expected = await countedFromRows(pool, workspaceId);
    expect(expected.size).toBeGreaterThan(20);
    expect(await catalogued(pool, workspaceId)).toEqual(expected);
    const before = await loadTraitCatalogue(pool, workspaceId);
    expect(await rebuildTraits(pool, workspaceId)).toBe(0);
    expect(await loadTraitCatalogue(pool, workspaceId)).toEqual(before);
  },
);

it('counting anew mends counts that are wrong or lost, and keeps what was declared and when it was first seen', async () => {
  const { pool } = db;
  const workspaceId = 'broken';
  for (let i = 0; i < 5; i += 1)
    await identify(pool, { workspaceId, userId: `u${i}`, traits: { role: 'x', plan: i, name: 'Ann' } });
  await foldTraits(pool, workspaceId);
  const expected = await loadTraitCatalogue(pool, workspaceId);
  await pool.query(`UPDATE trait_types SET count = 99 WHERE workspace_id = $1 AND key = 'role'`, [
    workspaceId,
  ]);
  await pool.query(`DELETE FROM trait_types WHERE workspace_id = $1 AND key = 'plan'`, [workspaceId]);
  await pool.query(
    `INSERT INTO trait_changes (workspace_id, entity, key, type, delta) VALUES ($1, 'user', 'name', 'text', -7)`,
    [workspaceId],
  );
  expect(await rebuildTraits(pool, workspaceId)).toBe(3);
  expect(await loadTraitCatalogue(pool, workspaceId)).toEqual(expected);
  for (const table of ['traits', 'trait_types', 'trait_changes'])
    await pool.query(`DELETE FROM ${table} WHERE workspace_id = $1`, [workspaceId]);
  await rebuildTraits(pool, workspaceId);
  expect(await catalogued(pool, workspaceId)).toEqual(await countedFromRows(pool, workspaceId));
  expect((await loadTraitCatalogue(pool, workspaceId)).every((trait) => trait.first_seen !== null)).toBe(
    true,
  );
});

it('what comes in between the two steps of counting anew is counted once', async () => {
  const { pool } = db;
  const workspaceId = 'between';
  await identify(pool, { workspaceId, userId: 'a', traits: { role: 'x' } });
  const blocker = await pool.connect();
  try {
    // The second step needs this table, and a person written by hand does not.
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE companies');
    const rebuilding = rebuildTraits(pool, workspaceId);
    const waiting = async (): Promise<number | null> =>
      (await pool.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'companies'::regclass`))
        .rowCount;
    await expect.poll(waiting).toBe(1);
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields) VALUES ($1, 'b', '{"role": "x"}')`,
      [workspaceId],
    );
    await blocker.query('COMMIT');
    expect(await rebuilding).toBe(0);
  } finally {
    blocker.release(true);
  }
  expect(await catalogued(pool, workspaceId)).toEqual(new Map([['user role text', 2]]));
});

it('foldings and countings anew in the middle of many calls at once neither lose nor double anything', async () => {
  const { pool } = db;
  const workspaceId = 'crowd';
  const random = randomFrom(7);
  const calls = Array.from({ length: 200 }, (_, i) => async (): Promise<unknown> => {
    if (i % 20 === 7) return rebuildTraits(pool, workspaceId);
    if (i % 10 === 3) return foldTraits(pool, workspaceId);
    if (i % 25 === 11) return eraseUser(pool, { workspaceId, userId: `u${random(20)}` });
    return identify(pool, { workspaceId, userId: `u${random(20)}`, traits: randomTraits(random) });
  });
  await Promise.all(calls.map((call) => call()));
  expect(await catalogued(pool, workspaceId)).toEqual(await countedFromRows(pool, workspaceId));
  await foldTraits(pool, workspaceId);
  expect(await catalogued(pool, workspaceId)).toEqual(await countedFromRows(pool, workspaceId));
});

it('a folding by the clock leaves nothing to fold, and stops when it is told', async () => {
  const { pool } = db;
  const workspaceId = 'timer';
  const errors: unknown[] = [];
  await identify(pool, { workspaceId, userId: 'a', traits: { role: 'x' } });
  const folding = startFolding(pool, 5, (error) => errors.push(error));
  const left = async (): Promise<number | null> =>
    (await pool.query('SELECT FROM trait_changes WHERE workspace_id = $1', [workspaceId])).rowCount;
  await expect.poll(left).toBe(0);
  await folding.stop();
  await identify(pool, { workspaceId, userId: 'b', traits: { role: 'x' } });
  expect(await left()).toBeGreaterThan(0);
  expect(errors).toEqual([]);
});

it('people and companies who were there before the catalogue are counted by its migration', async () => {
  const { pool } = await emptyDatabase();
  const folder = pathOf('migrations');
  mkdirSync(folder);
  const files = readdirSync(MIGRATIONS);
  for (const file of files.filter((name) => name < '006')) cpSync(join(MIGRATIONS, file), join(folder, file));
  await migrate(pool, { folder });
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, name, custom_fields)
     VALUES ('a', 'u1', 'Ann', '{"role": "x", "n": 5}'), ('a', 'u2', NULL, '{"role": 5}'), ('b', 'u1', NULL, '{}')`,
  );
  await pool.query(
    `INSERT INTO companies (workspace_id, company_id, custom_fields) VALUES ('a', 'c', '{"plan": []}')`,
  );
  await migrate(pool);
  expect(await catalogued(pool, 'a')).toEqual(await countedFromRows(pool, 'a'));
  expect((await catalogued(pool, 'a')).size).toBe(5);
  expect(await loadTraitCatalogue(pool, 'b')).toEqual([]);
});

it.each([
  [
    'identify',
    (workspaceId: string) =>
      identify(db.pool, { workspaceId, userId: 'a', traits: { role: 'x', gone: null } }),
  ],
  [
    'backfill',
    (workspaceId: string) => backfillUser(db.pool, { workspaceId, userId: 'a', traits: { role: 'x' } }),
  ],
  [
    'a batch',
    (workspaceId: string) =>
      backfillUsers(db.pool, { workspaceId, users: [{ user_id: 'a', traits: { role: 'x' } }] }),
  ],
  [
    'CSV',
    (workspaceId: string) =>
      importUsers(db.pool, { workspaceId, source: fileOf('s.csv', 'user_id,role,empty\na,x,\n') }),
  ],
  [
    'NDJSON',
    (workspaceId: string) =>
      importUsers(db.pool, {
        workspaceId,
        source: fileOf('s.ndjson', '{"user_id":"a","traits":{"role":"x","gone":null}}'),
      }),
  ],
])(
  'a value that %s sends again as it was moves last seen, and what has no value makes no trait',
  async (name, send) => {
    const { pool } = db;
    const workspaceId = `sent-${name.toLowerCase().replace(' ', '-')}`;
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields) VALUES ($1, 'a', '{"role": "x"}')`,
      [workspaceId],
    );
    await foldTraits(pool, workspaceId);
    await pool.query(
      `UPDATE traits SET first_seen = '2026-01-01Z', last_seen = '2026-01-01Z' WHERE workspace_id = $1`,
      [workspaceId],
    );
    await send(workspaceId);
    const traits = await loadTraitCatalogue(pool, workspaceId);
    expect(traits.map(({ key, users }) => [key, users])).toEqual([['role', 1]]);
    expect(traits[0]?.first_seen).toBe('2026-01-01T00:00:00.000Z');
    expect(Date.parse(traits[0]?.last_seen ?? '')).toBeGreaterThan(Date.UTC(2026, 0, 1));
  },
);
