import { readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { exportUser, identify, suppress, unsubscribe } from '../../src/traits/index.js';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { personWithEverything } from './person.js';
import { codesOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

interface Line {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function lineOf(value: unknown): Line {
  if (!isObject(value) || typeof value['type'] !== 'string' || !isObject(value['data'])) {
    throw new Error('not a line of an export');
  }
  return { type: value['type'], data: value['data'] };
}

async function linesOf(workspaceId: string, userId: string): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of exportUser(db.pool, { workspaceId, userId })) {
    expect(line).toMatch(/^\{.*\}\n$/);
    const parsed: unknown = JSON.parse(line);
    lines.push(lineOf(parsed));
  }
  return lines;
}

it('has everything about the person, a line each, and nothing about anybody else', async () => {
  await personWithEverything(db.pool, 'x1', 'jane', 'jane@example.com', 450);
  await personWithEverything(db.pool, 'x1', 'john', 'john@example.com');
  await personWithEverything(db.pool, 'x2', 'jane', 'other@example.com');
  await suppress(db.pool, { workspaceId: 'x1', userId: 'jane', reason: 'complaint' });
  await suppress(db.pool, { workspaceId: 'x1', userId: 'john' });
  await unsubscribe(db.pool, { workspaceId: 'x1', email: 'JANE@example.com', topic: 'news' });
  const lines = await linesOf('x1', 'jane');
  const counts = new Map<string, number>();
  for (const { type } of lines) counts.set(type, (counts.get(type) ?? 0) + 1);
  expect([...counts]).toEqual([
    ['user', 1],
    ['company', 1],
    ['context_entry', 1],
    ['event', 450],
    ['enrollment', 1],
    ['decision', 1],
    ['delivery', 1],
    ['segment_membership', 1],
    ['segment_turn', 1],
    ['segment_override', 1],
    ['inbox_message', 1],
    ['email_feedback', 1],
    ['refusal', 2],
    ['suppression', 1],
    ['unsubscribe', 1],
  ]);
  const first = (type: string): unknown => lines.find((line) => line.type === type)?.data;
  expect(first('user')).toMatchObject({
    user_id: 'jane',
    email: 'jane@example.com',
    custom_fields: { secret: 'secret of jane' },
  });
  expect(first('company')).toMatchObject({ company_id: 'acme', name: 'Acme' });
  expect(first('event')).toMatchObject({ event: 'seen', properties: { n: 1, by: 'jane' } });
  expect(first('suppression')).toMatchObject({ kind: 'user_id', identifier: 'jane', reason: 'complaint' });
  expect(first('unsubscribe')).toMatchObject({ topic: 'news' });
  expect(JSON.stringify(lines)).not.toMatch(/john|other@|workspace_id/);
});

it('a table about people is exported, or named here with the reason why not', async () => {
  const { rows } = await db.pool.query<{ name: string }>(
    `SELECT c.table_name AS name FROM information_schema.columns c JOIN pg_class t ON t.oid = c.table_name::regclass
     WHERE c.table_schema = 'public' AND c.column_name = 'end_user_id' AND NOT t.relispartition ORDER BY 1`,
  );
  const queues = ['broadcast_parked', 'outbox', 'people_search', 'segment_changes'];
  const source = await readFile(new URL('../../src/traits/export.ts', import.meta.url), 'utf8');
  expect(
    rows.map(({ name }) => name).filter((name) => !queues.includes(name) && !source.includes(`'${name}'`)),
  ).toEqual([]);
});

it('is read through a cursor: one row more than a piece and a reader who stops leave the connection usable', async () => {
  await personWithEverything(db.pool, 'x3', 'jane', 'jane@example.com', 401);
  expect((await linesOf('x3', 'jane')).filter(({ type }) => type === 'event')).toHaveLength(401);
  for await (const line of exportUser(db.pool, { workspaceId: 'x3', userId: 'jane' })) {
    expect(line).toContain('"user"');
    break;
  }
  expect(db.pool.totalCount - db.pool.idleCount).toBe(0);
  expect((await linesOf('x3', 'jane')).length).toBeGreaterThan(401);
});

it('is as of one moment: what comes while it is read is not in it', async () => {
  await identify(db.pool, { workspaceId: 'x4', userId: 'jane', traits: { plan: 'pro' } });
  const lines: string[] = [];
  for await (const line of exportUser(db.pool, { workspaceId: 'x4', userId: 'jane' })) {
    lines.push(line);
    await suppress(db.pool, { workspaceId: 'x4', userId: 'jane' });
  }
  expect(lines).toHaveLength(1);
});

it('nobody of that id is a refusal', async () => {
  for (const userId of ['nobody', '\u0000', '\ud800']) {
    expect(await codesOf(() => linesOf('x1', userId))).toEqual(['no_such_user']);
  }
  expect(db.pool.totalCount - db.pool.idleCount).toBe(0);
});
