import { beforeAll, expect, it } from 'vitest';
import {
  backfillUsers,
  eraseUser,
  identify,
  importUsers,
  isSuppressed,
  listSuppressed,
  listUnsubscribed,
  suppress,
  unsubscribe,
} from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { personWithEverything } from './person.js';
import { codesOf, fileOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `e${(made += 1)}`;

/** Every table of the schema, partitions apart, in which a row of the workspace holds one of the texts. */
async function tablesHolding(workspaceId: string, texts: readonly string[]): Promise<string[]> {
  const { rows: tables } = await db.pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rowCount } = await db.pool.query(
      `SELECT FROM "${name}" AS x WHERE x.workspace_id = $1
       AND EXISTS (SELECT FROM unnest($2::text[]) AS t WHERE strpos(to_jsonb(x)::text, t) > 0)`,
      [workspaceId, texts],
    );
    if (rowCount !== 0) found.push(name);
  }
  return found;
}

it('nothing of the person is left in any table of the workspace, and nobody else loses anything', async () => {
  const workspaceId = workspace();
  const id = await personWithEverything(db.pool, workspaceId, 'jane-id', 'jane@example.com');
  await personWithEverything(db.pool, workspaceId, 'john-id', 'john@example.com');
  await suppress(db.pool, { workspaceId, userId: 'jane-id', email: 'jane@example.com' });
  await unsubscribe(db.pool, { workspaceId, email: 'jane@example.com', topic: 'news' });
  const jane = ['jane-id', 'jane@example.com', id];
  const john = ['john-id', 'john@example.com'];
  // The search finds them everywhere before, or it would prove nothing.
  const everywhere = [
    'context_entries',
    'deliveries',
    'email_feedback',
    'end_users',
    'enrollments',
    'events',
    'inbox_messages',
    'ingest_refusals',
    'outbox',
    'people_search',
    'segment_members',
    'segment_overrides',
    'segment_turns',
    'series_decisions',
  ];
  expect(await tablesHolding(workspaceId, jane)).toEqual([...everywhere, 'suppressions', 'unsubscribes']);
  const before = await tablesHolding(workspaceId, john);
  const { rows: work } = await db.pool.query('SELECT id FROM work WHERE workspace_id = $1', [workspaceId]);
  expect(work).toHaveLength(2);

  expect(await eraseUser(db.pool, { workspaceId, userId: 'jane-id' })).toEqual({ erased: true });

  expect(await tablesHolding(workspaceId, jane)).toEqual([]);
  expect(await tablesHolding(workspaceId, john)).toEqual(before);
  const left = await db.pool.query('SELECT id FROM work WHERE workspace_id = $1', [workspaceId]);
  expect(left.rows).toHaveLength(1);
  expect(await eraseUser(db.pool, { workspaceId, userId: 'jane-id' })).toEqual({ erased: false });
});

async function tombstoneOf(workspaceId: string): Promise<string[]> {
  await identify(db.pool, { workspaceId, userId: 'jane', traits: { email: 'j@example.com' } });
  await eraseUser(db.pool, { workspaceId, userId: 'jane' });
  const { rows } = await db.pool.query<{ kind: string; hash: string }>(
    `SELECT kind, encode(hash, 'hex') AS hash FROM tombstones WHERE workspace_id = $1 ORDER BY kind`,
    [workspaceId],
  );
  expect(rows.map(({ kind }) => kind)).toEqual(['email', 'user_id']);
  return rows.map(({ hash }) => hash);
}

it('the tombstone has the salted hashes of id and address, which no other workspace has for the same', async () => {
  const all = [...(await tombstoneOf(workspace())), ...(await tombstoneOf(workspace()))];
  expect(new Set(all).size).toBe(4);
  expect(all.every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
});

it('a person who comes back by any way finds what forbade sending, under the id and under the address', async () => {
  const workspaceId = workspace();
  await identify(db.pool, { workspaceId, userId: 'jane', traits: { email: 'Jane@example.com' } });
  await identify(db.pool, { workspaceId, userId: 'john', traits: { email: 'john@example.com' } });
  await suppress(db.pool, { workspaceId, userId: 'jane', reason: 'complaint' });
  await unsubscribe(db.pool, { workspaceId, email: 'john@example.com', topic: 'news' });
  for (const userId of ['jane', 'john']) await eraseUser(db.pool, { workspaceId, userId });

  await identify(db.pool, { workspaceId, userId: 'jane' });
  await backfillUsers(db.pool, {
    workspaceId,
    users: [{ user_id: 'jane-2', traits: { email: 'jane@EXAMPLE.com' } }],
  });
  const source = fileOf(
    'again.csv',
    'user_id,email\njohn,\njohn-2,john@example.com\njill,jill@example.com\n',
  );
  await importUsers(db.pool, { workspaceId, source });
  const verdict = async (userId: string, topic?: string): Promise<boolean> =>
    isSuppressed(db.pool, { workspaceId, userId, topic });
  expect(await Promise.all([verdict('jane'), verdict('jane-2'), verdict('jill')])).toEqual([
    true,
    true,
    false,
  ]);
  expect(await Promise.all([verdict('john', 'news'), verdict('john-2', 'news')])).toEqual([true, true]);
  expect(await Promise.all([verdict('john'), verdict('jill', 'news')])).toEqual([false, false]);
  const { entries } = await listSuppressed(db.pool, { workspaceId });
  expect(entries.map(({ identifier, reason }) => [identifier, reason])).toEqual([
    [null, 'complaint'],
    [null, 'complaint'],
  ]);
  expect((await listUnsubscribed(db.pool, { workspaceId })).entries).toHaveLength(2);
});

it('a person whom nothing forbade to send to comes back as anybody, unless the erasure suppresses', async () => {
  const workspaceId = workspace();
  for (const userId of ['jane', 'john']) await identify(db.pool, { workspaceId, userId });
  await eraseUser(db.pool, { workspaceId, userId: 'jane' });
  await eraseUser(db.pool, { workspaceId, userId: 'john', suppress: true });
  // Erased already, or never there: the request to suppress still counts.
  await eraseUser(db.pool, { workspaceId, userId: 'jill', suppress: true });
  const verdicts = [];
  for (const userId of ['jane', 'john', 'jill']) {
    const { created } = await identify(db.pool, { workspaceId, userId });
    verdicts.push([created, await isSuppressed(db.pool, { workspaceId, userId })]);
  }
  expect(verdicts).toEqual([
    [true, false],
    [true, true],
    [true, true],
  ]);
});

it('erasing while the person is identified over and over ends, and leaves one whole row or none', async () => {
  const workspaceId = workspace();
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      i % 4 === 0
        ? eraseUser(db.pool, { workspaceId, userId: 'jane' })
        : identify(db.pool, { workspaceId, userId: 'jane', anonymousId: 'visitor', traits: { i } }),
    ),
  );
  const { rows } = await db.pool.query<{ people: number; orphans: number }>(
    `SELECT (SELECT count(*) FROM end_users WHERE workspace_id = $1)::integer AS people,
       (SELECT count(*) FROM outbox o WHERE o.workspace_id = $1
         AND NOT EXISTS (SELECT FROM end_users u WHERE u.workspace_id = $1 AND u.id = o.end_user_id))::integer AS orphans`,
    [workspaceId],
  );
  expect(rows[0]?.people).toBeLessThanOrEqual(1);
  expect(rows[0]?.orphans).toBe(0);
});

it('an id that cannot be one is refused', async () => {
  const call = { workspaceId: workspace(), userId: '' };
  expect(await codesOf(() => eraseUser(db.pool, call))).toEqual(['bad_user_id']);
});
