import type { Pool } from '../../database/pool.js';
import type { Problem } from '../../errors/index.js';
import type { Caller, IdentityGuard } from '../identity/guard.js';
import type { Message } from './message.js';
import { operationOf, perform } from './operation.js';
import type { Operation } from './operation.js';

export interface Parts {
  readonly pool: Pool;
  readonly guard: IdentityGuard;
}

/**
 * Does what one call of Segment's API asks for; see `operationOf`. Gives what was left out of it.
 *
 * Errors: those of `perform` and of the identity guard.
 */
export async function applyMessage(
  { pool, guard }: Parts,
  caller: Caller,
  message: Message,
): Promise<readonly Problem[]> {
  const operation = operationOf(caller.workspaceId, message);
  await admit(guard, caller, message, operation);
  await perform(pool, operation);
  return operation.refused;
}

/**
 * Whether the caller may speak for the user and for the company that the operation is about. It goes by the operation and
 * not by the kind of call, so that a company is asked about however the call names it. Errors: those of the identity guard.
 */
export async function admit(
  guard: IdentityGuard,
  caller: Caller,
  { signature }: Message,
  { call }: Operation,
): Promise<void> {
  const userId = 'userId' in call ? call.userId : undefined;
  const companyId = 'companyId' in call ? call.companyId : undefined;
  if (userId !== undefined) await guard.user(caller, userId, signature);
  if (companyId !== undefined) await guard.company(caller, companyId, signature, userId);
}
