import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

/**
 * The service's log. Lines name calls, workspaces and causes, never a person: of a database error only the code and
 * the names of what it broke are kept, because its message and detail quote stored values.
 */
export function serviceLog(options: { level: string; to: DestinationStream }): Logger {
  return pino({ level: options.level, base: null, serializers: { err: describe } }, options.to);
}

const told = new Set(['code', 'syscall', 'schema', 'table', 'constraint', 'routine']);

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const details: Record<string, unknown> = { type: error.name };
  const isDatabase = 'severity' in error && 'routine' in error;
  for (const [name, value] of Object.entries(error)) {
    if (told.has(name)) details[name] = value;
  }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { ...details, ...(isDatabase ? {} : { message: error.message }), stack: frames.join('\n') };
}
