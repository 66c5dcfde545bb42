import type { Pool } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import type { AccessBook } from '../access.js';
import type { Caller, IdentityGuard } from '../identity/guard.js';
import type { Message } from './message.js';
import { operationOf, perform, withoutCompany } from './operation.js';
import type { Operation } from './operation.js';

export interface Parts {
  readonly pool: Pool;
  readonly guard: IdentityGuard;
  readonly access: Pick<AccessBook, 'personTraits'>;
}

/**
 * Does what one call of Segment's API asks for; see `operationOf`. Gives what was left out of it.
 *
 * Errors: those of `perform` and of the identity guard.
 */
export async function applyMessage(
  { pool, guard, access }: Parts,
  caller: Caller,
  message: Message,
): Promise<readonly Problem[]> {
  const receiver = { ...caller, names: await access.personTraits(caller.workspaceId) };
  return perform(pool, await admitted(guard, caller, message, operationOf(receiver, message)));
}

/**
 * What of the operation the caller may do, by the user and the company that they may speak for. It goes by the operation
 * and not by the kind of call, so that a company is asked about however the call names it; one that is named in passing is
 * left out where the caller may not speak for it. Errors: those of the identity guard.
 */
export async function admitted(
  guard: IdentityGuard,
  caller: Caller,
  { signature }: Message,
  operation: Operation,
): Promise<Operation> {
  const { call } = operation;
  const userId = 'userId' in call ? call.userId : undefined;
  const companyId = 'companyId' in call ? call.companyId : undefined;
  if (userId !== undefined) await guard.user(caller, userId, signature);
  if (companyId === undefined) return operation;
  try {
    await guard.company(caller, companyId, signature, userId);
    return operation;
  } catch (error) {
    if (!(error instanceof MusterError) || error.status >= 500) throw error;
    const rest = withoutCompany(operation, error.problems);
    if (rest === null) throw error;
    return rest;
  }
}
