import { DatabaseError } from 'pg';
import { MusterError, refuse } from '../../errors/index.js';
import { isConnectionError } from '../../database/unreachable.js';

/** An import that broke off, with how far it came; what is no fault of the database stays as it is. */
export function interrupted(
  error: unknown,
  counts: { readonly loaded: number; readonly created: number },
): unknown {
  if (error instanceof MusterError && error.code !== 'import_rejects_unwritable') return error;
  const known = error instanceof DatabaseError || error instanceof MusterError || isConnectionError(error);
  if (!known || !(error instanceof Error)) return error;
  try {
    return refuse(
      'import_interrupted',
      { rows: counts.loaded, reason: error.message },
      { cause: error, details: { loaded: counts.loaded, created: counts.created } },
    );
  } catch (refusal) {
    return refusal;
  }
}
