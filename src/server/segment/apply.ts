import type { Pool } from '../../database/pool.js';
import { refuseFault } from '../identity/guard.js';
import type { Caller, IdentityGuard } from '../identity/guard.js';
import type { Message } from './message.js';
import { operationOf, perform } from './operation.js';

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
  await admit(guard, caller, message);
  const operation = operationOf(caller.workspaceId, message);
  await perform(pool, operation);
  return { dropped: operation.dropped };
}

/** Whether the caller may speak for whom the message is about. Errors: those of the identity guard. */
export async function admit(
  guard: IdentityGuard,
  caller: Caller,
  { type, userId, signature }: Message,
): Promise<void> {
  if (userId !== undefined) refuseFault(await guard.fault(caller, userId, signature));
  else if (type === 'group') await guard.company(caller);
}
