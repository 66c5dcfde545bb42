import { CommanderError } from 'commander';
import { MusterError, problem } from '../errors/index.js';
import { err, plain } from './terminal.js';

/** Turns whatever ended a command into a refusal with a code, a hint and an exit code. */
export async function refusalOf(error: unknown, command: string): Promise<MusterError> {
  if (error instanceof MusterError) return error;
  if (error instanceof CommanderError) {
    const reason = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
    return new MusterError(problem('bad_usage', { reason, command: command === '' ? '' : `${command} ` }));
  }
  // Loaded only here, because help and the version need no driver of a database.
  const { databaseOutage } = await import('../database/unreachable.js');
  const outage = databaseOutage(error);
  if (outage !== null) return outage;
  const reason = error instanceof Error ? error.message : String(error);
  return new MusterError(problem('unexpected', { reason }), { cause: error });
}

/** Prints every problem with its path and hint on stderr; with `json` the error body on one line. */
export function printFailure(failure: MusterError, options: { json: boolean }): void {
  if (options.json) {
    err.line(JSON.stringify(failure.toBody()));
    return;
  }
  const several = failure.problems.length > 1;
  if (several) err.line(`${err.style(['red', 'bold'], 'error')} ${failure.problems.length} problems`);
  for (const { code, message, path, hint } of failure.problems) {
    if (several) err.line();
    err.line(`${err.style(['red', 'bold'], 'error')} ${plain(message)} ${err.style('dim', `[${code}]`)}`);
    if (path !== '') err.line(`  ${err.style('dim', 'at  ')} ${plain(path)}`);
    err.line(`  ${err.style('dim', 'hint')} ${plain(hint)}`);
  }
  if (process.env.MUSTER_DEBUG === '1' && failure.cause instanceof Error)
    err.line(`\n${failure.cause.stack ?? ''}`);
}
