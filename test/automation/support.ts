import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { startAutomation } from '../../src/automation/index.js';
import type { Automation, AutomationOptions, LogLine } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import type { TestRedis } from '../support/redis.js';

export const workspace = 'sample';

export interface Person {
  readonly id: string;
  readonly userId: string;
}

/** A person and what identify writes to the outbox for a new one, in one transaction. */
export async function identifyNew(
  pool: Pool,
  userId: string,
  columns: { name?: string; custom?: Record<string, unknown>; workspaceId?: string } = {},
): Promise<Person> {
  const workspaceId = columns.workspaceId ?? workspace;
  const { rows } = await pool.query<{ id: string }>(
    `WITH person AS (
       INSERT INTO end_users (workspace_id, user_id, name, custom_fields) VALUES ($1, $2, $3, $4) RETURNING id
     )
     INSERT INTO outbox (workspace_id, kind, end_user_id, user_id)
     SELECT $1, 'user_created', id, $2 FROM person RETURNING end_user_id AS id`,
    [workspaceId, userId, columns.name ?? null, columns.custom ?? {}],
  );
  return { id: rows[0]?.id ?? '', userId };
}

/** Many people at once, named `<prefix>1` and so on. */
export async function identifyMany(
  pool: Pool,
  prefix: string,
  count: number,
  workspaceId = workspace,
): Promise<void> {
  await pool.query(
    `WITH person AS (
       INSERT INTO end_users (workspace_id, user_id)
       SELECT $1, $2 || n FROM generate_series(1, $3::integer) AS n RETURNING id, user_id
     )
     INSERT INTO outbox (workspace_id, kind, end_user_id, user_id)
     SELECT $1, 'user_created', id, user_id FROM person`,
    [workspaceId, prefix, count],
  );
}

/** A series of send steps on the given channels. */
export function seriesOf(key: string, channels: readonly string[] = ['log'], more: object = {}): object {
  return {
    key,
    name: key,
    trigger: { type: 'user_created' },
    steps: channels.map((channel, index) => ({
      type: 'send',
      key: `step-${index + 1}`,
      channel,
      message: { text: 'Hello {{ name|there }}' },
    })),
    ...more,
  };
}

/** Looks until the condition holds. Throws what it was waiting for after a minute. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeout = 60_000,
): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${timeout} ms in vain for: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

/** A sink for the log channel that remembers its lines. */
export function recorder(): { lines: LogLine[]; sink: (line: LogLine) => void } {
  const lines: LogLine[] = [];
  return { lines, sink: (line) => void lines.push(line) };
}

/** Empties everything that a test left behind. */
export async function clear(pool: Pool): Promise<void> {
  await pool.query(
    `TRUNCATE outbox, series, schedules, schedule_runs, schedule_skips, end_users, work, enrollment_trail, suppressions,
       unsubscribes, redis_incarnations, segments, segment_edges, segment_changes, segment_watches, broadcasts,
       broadcast_recipients CASCADE`,
  );
}

/** How many work rows are in each state. */
export async function workStates(pool: Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ state: string; count: number }>(
    'SELECT state, count(*)::integer AS count FROM work GROUP BY state',
  );
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

/** A queue name of its own, so that tests of one file do not see each other's jobs. */
export function queueName(): string {
  return `test-${randomUUID().slice(0, 8)}`;
}

export interface Fixture {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly redis: TestRedis;
  /** Starts an automation that is stopped after the test. */
  readonly start: (options?: Partial<AutomationOptions>) => Promise<Automation>;
}

/** One database and one Redis for the file, both empty before each test; nothing is left running after it. */
export function useAutomation(): () => Fixture {
  let fixture: Fixture | undefined;
  const running: Automation[] = [];
  beforeAll(async () => {
    const database = await testDatabase();
    const redis = await testRedis();
    fixture = {
      pool: database.pool,
      databaseUrl: database.url,
      redis,
      start: async (options = {}) => {
        const automation = await startAutomation({
          pool: database.pool,
          redisUrl: redis.url,
          queue: queueName(),
          jitter: () => 0,
          drain: 2000,
          ...options,
        });
        running.push(automation);
        return { ...automation, idle: (timeout = 60_000) => automation.idle(timeout) };
      },
    };
  });
  beforeEach(async () => {
    if (fixture !== undefined) await clear(fixture.pool);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((automation) => automation.stop()));
  });
  return () => {
    if (fixture === undefined) throw new Error('the fixture is there only inside tests');
    return fixture;
  };
}
