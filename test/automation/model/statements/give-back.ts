import type { Held } from '../../../../src/automation/work/give-back.js';
import type { Database, WorkRow } from '../database.js';

/** As `postponeWork`. */
export function postpone(db: Database, held: Held, wait: number, error: string): boolean {
  const row = rowOf(db, held);
  if (row === null) return false;
  giveUpClaim(row, 'pending');
  row.lastError = error;
  row.dueAt = db.now + wait;
  return true;
}

/** As `parkWork`. */
export function park(db: Database, held: Held, error: string): boolean {
  const row = rowOf(db, held);
  if (row === null) return false;
  giveUpClaim(row, 'unknown');
  row.lastError = error;
  const delivery = db.deliveries.get(row.delivery);
  if (delivery !== undefined) {
    delivery.state = 'unknown';
    delivery.lastError = error;
  }
  return true;
}

/** As `releaseWork` for one claim. */
export function release(db: Database, held: Held): boolean {
  const row = rowOf(db, held);
  if (row === null) return false;
  giveUpClaim(row, 'pending');
  row.attempts -= 1;
  return true;
}

/** As `renewLeases` for one claim. */
export function renew(db: Database, held: Held, lease: number): boolean {
  const row = rowOf(db, held);
  if (row === null) return false;
  row.leaseUntil = db.now + lease;
  return true;
}

function rowOf(db: Database, { workspace, work, token }: Held): WorkRow | null {
  const row = db.work.get(work);
  const holds = row?.workspace === workspace && row.state === 'claimed' && row.token === token;
  return holds ? row : null;
}

export function giveUpClaim(row: WorkRow, state: 'pending' | 'unknown'): void {
  row.state = state;
  row.token = null;
  row.leaseUntil = null;
}
