import type { Pool } from '../../database/pool.js';
import type { Caller, IdentityGuard } from '../identity/guard.js';
import type { Message } from './message.js';
import { operationOf, perform } from './operation.js';
import type { Operation } from './operation.js';

export interface Parts {
  readonly pool: Pool;
  readonly guard: IdentityGuard;
}

export interface Applied {
  /** Reserved trait names that were left out. */
  readonly dropped: readonly string[];
}

/**
 * Does what one call of Segment's API asks for; see `operationOf`.
 *
 * Errors: those of `perform` and of the identity guard.
 */
export async function applyMessage(
  { pool, guard }: Parts,
  caller: Caller,
  message: Message,
): Promise<Applied> {
  const operation = operationOf(caller.workspaceId, message);
  await admit(guard, caller, message, operation);
  await perform(pool, operation);
  return { dropped: operation.dropped };
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
