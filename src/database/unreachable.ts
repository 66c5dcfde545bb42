import { DatabaseError } from 'pg';
import { MusterError, problem } from '../errors/index.js';
import type { ErrorCode } from '../errors/index.js';

/** `user@host:port/name` of a connection URL, for messages: never the password, never the query string. */
export function databaseAddress(url: string): string {
  let parsed: URL;
  try {
    // Without a host, as for a socket, it is no URL to anybody but Postgres.
    parsed = new URL(url.replace('@/', '@localhost/'));
  } catch {
    return 'DATABASE_URL';
  }
  const user = parsed.username === '' ? '' : `${readable(parsed.username)}@`;
  const host = parsed.searchParams.get('host') ?? (parsed.host || 'localhost');
  return `${user}${host}${readable(parsed.pathname)}`;
}

function readable(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing answers there'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'the host name cannot be looked up'],
  ['ENOENT', 'no such socket'],
  ['EACCES', 'the socket may not be opened'],
  ['ECONNRESET', 'the connection was cut'],
  ['EPIPE', 'the connection was cut'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'no route to the network'],
  ['ETIMEDOUT', 'no answer in time'],
  ['28P01', 'it refuses the password'],
  ['28000', 'it refuses this user'],
  ['3D000', 'there is no database of that name'],
  ['53300', 'it has too many connections already'],
  ['57P01', 'it is shutting down'],
  ['57P02', 'it crashed'],
  ['57P03', 'it is starting up or shutting down'],
]);

/** What a server says that has not enough of something, class 53 of the SQLSTATEs. */
const SHORT: ReadonlyMap<string, ErrorCode> = new Map([
  ['53100', 'database_disk_full'],
  ['53200', 'database_out_of_memory'],
  ['53300', 'database_full_up'],
]);

/** Says the pool where all of its connections stay in use; to make a new one fails with other words. */
const NONE_FREE = /^timeout exceeded when trying to connect$/;
/** How `pg` says it itself, where the server said nothing. */
const LOST = /^(Connection terminated|Client has encountered a connection error|Client was closed)/;

/**
 * Whether an error of `pg` means that the server was not reached, went away or had no room, not that it refused a statement.
 */
export function isConnectionError(error: unknown): boolean {
  if (REASONS.has(codeOf(error) ?? '')) return true;
  if (error instanceof DatabaseError) return /^(08|53)/.test(error.code ?? '');
  return error instanceof Error && (NONE_FREE.test(error.message) || LOST.test(error.message));
}

/** The refusal of a call that a database cannot serve just now; null for every other error. */
export function databaseOutage(error: unknown): MusterError | null {
  if (!isConnectionError(error)) return null;
  const isNoneFree = error instanceof Error && NONE_FREE.test(error.message);
  const code = isNoneFree ? 'database_no_connection' : (SHORT.get(codeOf(error) ?? '') ?? 'database_lost');
  return new MusterError(problem(code), { cause: error, details: { retry_after: retryAfter } });
}

/** Seconds after which a call that the database could not serve is worth repeating. */
const retryAfter = 5;

/** The `database_unreachable` error for whatever `pg` threw while connecting. */
export function unreachable(error: unknown, url: string): MusterError {
  return new MusterError(
    problem('database_unreachable', { address: databaseAddress(url), reason: reasonOf(error) }),
    {
      cause: error,
    },
  );
}

function reasonOf(error: unknown): string {
  const known = REASONS.get(codeOf(error) ?? '');
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : String(error);
  if (/timeout/i.test(message)) return 'no answer in time';
  if (LOST.test(message)) return 'the connection was cut';
  if (/password must be a string/i.test(message)) return 'it asks for a password and the address has none';
  return message === '' ? 'unknown cause' : message;
}

function codeOf(error: unknown): string | undefined {
  // A host name with several addresses fails with one error that holds one for each.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return undefined;
}
