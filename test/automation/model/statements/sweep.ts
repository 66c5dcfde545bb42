import type { SweepOptions, Swept } from '../../../../src/automation/work/sweep.js';
import type { Database } from '../database.js';
import { seriesOf } from '../database.js';
import { giveUpClaim } from './give-back.js';

/** What `sweepWork` does, passing over rows that a statement has locked. */
export function sweep(
  db: Database,
  { parking, enqueuedFor }: SweepOptions,
  locked: ReadonlySet<string> = new Set(),
): Swept {
  return {
    ...sweepExpired(db, parking, locked),
    stale: sweepEnqueued(db, enqueuedFor),
    released: sweepHeld(db),
  };
}

function sweepExpired(
  db: Database,
  parking: readonly string[],
  locked: ReadonlySet<string>,
): { expired: number; parked: number } {
  const counts = { expired: 0, parked: 0 };
  if (!db.guards.has('sweep ends leases')) return counts;
  const parks = db.guards.has('sweep parks what was being sent');
  for (const row of db.work.values()) {
    if (row.state !== 'claimed' || (row.leaseUntil ?? Infinity) >= db.now || locked.has(row.id)) continue;
    const delivery = db.deliveries.get(row.delivery);
    const isOpen = parks && delivery?.state === 'sending' && parking.includes(delivery.channel);
    giveUpClaim(row, isOpen ? 'unknown' : 'pending');
    row.lastError = 'the worker that held this step went away';
    if (isOpen) {
      delivery.state = 'unknown';
      delivery.lastError = 'the confirmation was lost';
    }
    counts[isOpen ? 'parked' : 'expired'] += 1;
  }
  return counts;
}

function sweepEnqueued(db: Database, enqueuedFor: number): number {
  if (!db.guards.has('sweep takes up what was enqueued too long')) return 0;
  let count = 0;
  for (const row of db.work.values()) {
    if (row.state !== 'enqueued' || (row.enqueuedAt ?? Infinity) >= db.now - enqueuedFor) continue;
    row.state = 'pending';
    count += 1;
  }
  return count;
}

function sweepHeld(db: Database): number {
  if (!db.guards.has('sweep releases what is held')) return 0;
  let count = 0;
  for (const row of db.work.values()) {
    const series = seriesOf(db, row.workspace, row.series);
    if (!row.held || series === undefined || series.state === 'paused') continue;
    row.held = false;
    count += 1;
  }
  return count;
}
