import { segmentKeeper } from '../audience/segments/keep.js';
import type { Pool } from '../database/pool.js';
import type { Logger } from './logger.js';

export interface SegmentRoundOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Called when memberships turned: there is something in the outbox. */
  readonly onTurned: () => void;
}

/** A round that keeps the members of tracked segments. Answers whether it has more to do at once. */
export function segmentRound({ pool, logger, onTurned }: SegmentRoundOptions): () => Promise<boolean> {
  const keep = segmentKeeper(pool, {
    onBroken: (workspace, segment, reason) =>
      logger.error({ workspace, segment, reason }, 'a segment cannot be kept any longer; the others are'),
  });
  return async () => {
    const kept = await keep();
    if (kept.flips.length > 0) onTurned();
    return kept.more;
  };
}
