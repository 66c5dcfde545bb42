import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { takeTurn } from './turn.js';

/** Days for which a message id is remembered after it came. */
export const messageDays = 35;
const day = 86_400_000;

/** Blocks of the table that one look goes through: 16 MB. */
const usualStretch = 2000;

export interface PruneMessages {
  /** The instant that days are counted back from, in milliseconds since 1970 (UTC). */
  readonly now: number;
  /** The block to begin at: any whole number, of which as much counts as the table has blocks. */
  readonly from: number;
  /** Blocks to look at; default 2,000. */
  readonly stretch?: number;
}

export interface Pruned {
  readonly removed: number;
  /** The block that the next look begins at. */
  readonly next: number;
}

/**
 * Forgets message ids that came more than 35 days ago, in one stretch of the table. Call it again and again with what it
 * answers as `next`, and everything is looked at in turn: no look takes long, and none needs an index by time, which every
 * event would pay for. While another process is at it, nothing happens.
 */
export async function pruneMessages(
  pool: Pool,
  { now, from, stretch = usualStretch }: PruneMessages,
): Promise<Pruned> {
  return inTransaction(pool, async (client) => {
    if (!(await takeTurn(client, 'event messages'))) return { removed: 0, next: from };
    const { rows } = await client.query<{ blocks: number }>(
      `SELECT (pg_relation_size('event_messages') / current_setting('block_size')::integer)::integer AS blocks`,
    );
    const blocks = rows[0]?.blocks ?? 0;
    if (blocks === 0) return { removed: 0, next: 0 };
    const first = from % blocks;
    const end = Math.min(first + stretch, blocks);
    const { rowCount } = await client.query(removeMessages, [
      `(${first},0)`,
      `(${end},0)`,
      new Date(now - messageDays * day),
    ]);
    return { removed: rowCount ?? 0, next: end % blocks };
  });
}

// In no workspace on purpose: the table is gone through as it lies on the disk.
export const removeMessages = `
DELETE FROM event_messages WHERE ctid >= $1::tid AND ctid < $2::tid AND received_at < $3`;
