import { refuse } from '../errors/index.js';
import type { Pool } from '../database/pool.js';

export interface EraseUser {
  readonly workspaceId: string;
  readonly userId: string;
  /** Whether nothing may be sent to this person should they come back, even where nothing forbade it before. */
  readonly suppress?: boolean | undefined;
}

/** Erases a person. */
export async function eraseUser(_pool: Pool, _call: EraseUser): Promise<{ erased: boolean }> {
  return refuse('not_available_yet', { what: 'eraseUser' });
}
