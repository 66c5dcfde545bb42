import { DatabaseError, escapeLiteral } from 'pg';
import { refuse } from '../errors/index.js';
import type { Client, Pool } from './pool.js';
import { refuseRoles } from './roles.js';
import { holdPath, keptPath } from './search-path.js';
import { activeTraceparent } from './traceparent.js';
import { beginStatement, transact } from './transaction.js';
import type { TransactionOptions } from './transaction.js';

/**
 * Runs `work` in one transaction that sees and writes rows of this workspace only, whatever its statements say: the role
 * `muster_app` is under row-level security. Statements name their workspace all the same; this is the second lock.
 *
 * Errors: `unknown_workspace` for a text that can be no workspace's id, `database_roles_missing`, and as `inTransaction`.
 */
export async function inWorkspace<T>(
  pool: Pool,
  workspaceId: string,
  work: (client: Client) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const text = beginIn(pool, workspaceId, options);
  return transact(pool, (client) => begin(client, text), work);
}

/** The statements that `inWorkspace` begins with, for those who hold a connection longer than a transaction. */
export async function beginInWorkspace(
  pool: Pool,
  client: Client,
  workspaceId: string,
  options: TransactionOptions = {},
): Promise<void> {
  await begin(client, beginIn(pool, workspaceId, options));
}

/** The text that begins a transaction in a workspace. Errors: `unknown_workspace`. */
export function beginIn(pool: Pool, workspaceId: string, options: TransactionOptions = {}): string {
  // The empty text stands for no workspace, and at NUL the statement would end.
  if (workspaceId === '' || workspaceId.includes('\0')) {
    return refuse('unknown_workspace', { workspace: workspaceId.replaceAll('\0', '\u2400') });
  }
  // Rows of the outbox keep it, so that what follows from this call is found in its trace.
  const traceparent = activeTraceparent();
  return [
    ...beginAs(pool, 'muster_app', options),
    `SET LOCAL muster.workspace = ${escapeLiteral(workspaceId)}`,
    ...(traceparent === null ? [] : [`SET LOCAL muster.traceparent = ${escapeLiteral(traceparent)}`]),
  ].join('; ');
}

/**
 * Runs compiled audience SQL in one read-only snapshot. The role `muster_reader` sees every workspace, because under a
 * comparing policy the indexes on custom fields are lost; so only src/audience/people.ts, which binds the workspace in
 * every statement, may call this.
 *
 * @param timeoutMs milliseconds that one statement may take
 */
export async function inAudience<T>(
  pool: Pool,
  timeoutMs: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const text = [
    ...beginAs(pool, 'muster_reader', { isolation: 'repeatable read', readOnly: true }),
    // A filter of many leaves would spend longer in the just-in-time compiler than in the count itself.
    'SET LOCAL jit = off',
    `SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}`,
  ].join('; ');
  return transact(pool, (client) => begin(client, text), work);
}

/**
 * Runs compiled audience SQL inside a transaction of somebody else's, and gives the transaction back as it was, its role
 * included; also where a statement fails. Only for src/audience/people.ts.
 */
export async function amidstAudience<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  await client.query(
    `SAVEPOINT muster_audience; ${holdPath}; SET LOCAL ROLE muster_reader; SET LOCAL jit = off`,
  );
  try {
    return await work(client);
  } finally {
    // It wrote nothing, so that taking everything back takes back the role alone. A lost connection says so by itself.
    await client
      .query('ROLLBACK TO SAVEPOINT muster_audience; RELEASE SAVEPOINT muster_audience')
      .catch(() => undefined);
  }
}

/**
 * A planner takes what it knows nothing of for rare, so that it sorts a million people for merges that hashes would spare, and for
 * various, so that it takes the groups of a count for as many as the people, sorts those and leaves the count to one process.
 * As these statements run once for each broadcast, they may have the memory.
 */
const planning = [
  ['jit', 'off'],
  ['enable_mergejoin', 'off'],
  ['enable_sort', 'off'],
  ['parallel_tuple_cost', '0'],
  ['work_mem', "'64MB'"],
] as const;

/**
 * Runs compiled audience SQL together with what only the engine may read or write (lists of whom nothing may be sent to, the
 * recipients of a broadcast), inside a transaction that `inWorkspace` began and that is a workspace's again afterwards. What
 * fails ends that transaction. Only for src/audience/people.ts, which binds the workspace in every statement.
 *
 * @param timeoutMs milliseconds that one statement may take
 */
export async function amidstEngine<T>(
  client: Client,
  timeoutMs: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  await client.query(`${holdPath}; SET LOCAL ROLE NONE; ${planning.map(([name, value]) => `SET LOCAL ${name} = ${value}`).join('; ')};
     SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}`);
  const result = await work(client);
  await client.query(`SET LOCAL ROLE muster_app; ${planning.map(([name]) => `SET LOCAL ${name} TO DEFAULT`).join('; ')};
     SET LOCAL statement_timeout TO DEFAULT`);
  return result;
}

function beginAs(
  pool: Pool,
  role: 'muster_app' | 'muster_reader',
  options: TransactionOptions,
): readonly string[] {
  const path = keptPath(pool);
  const found = path === undefined ? [] : [`SET LOCAL search_path = ${path}`];
  return [beginStatement(options), ...found, `SET LOCAL ROLE ${role}`];
}

// A role that does not exist is an invalid value of the setting.
const roleRefused: ReadonlySet<unknown> = new Set(['22023', '42501']);

/** All statements at once, so that the whole costs one trip to the server. */
async function begin(client: Client, text: string): Promise<void> {
  try {
    await client.query(text);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    return tellBeginning(client, error);
  }
}

/** Throws the error that a beginning failed with, as one about the roles where it is. The transaction is over. */
export async function tellBeginning(client: Client, error: unknown): Promise<never> {
  if (error instanceof DatabaseError && roleRefused.has(error.code)) await refuseRoles(client);
  throw error;
}
