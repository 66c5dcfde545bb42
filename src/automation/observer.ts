/**
 * What became of an attempt to deliver: how a call of the channel ended, or why there was none.
 * `unconfirmed`: the channel may have taken it; it was cut off in the middle, or its answer was lost.
 */
export type DeliveryResult =
  'delivered' | 'refused' | 'failed' | 'unconfirmed' | 'suppressed' | 'capped' | 'unreachable';

/**
 * `expired`: claims whose worker went away. `parked`: of those, the ones that may have been sent. `stale`: offered to Redis
 * and never claimed. `stranded`: people inside for whom nothing was planned. `undelivered`: steps that count as done
 * although their delivery does not say so.
 */
export type Finding = 'expired' | 'parked' | 'stale' | 'stranded' | 'undelivered';

/** Hears of what a process does, for figures. Called on the way: it must be quick and must not throw. */
export interface Observer {
  /** A step was claimed so many milliseconds after it was due. */
  claimed?(lateBy: number): void;
  /** What somebody should have come back to and did not, taken up again or told; see `Finding`. */
  found?(finding: Finding, count: number): void;
  /** One attempt; milliseconds where the channel was called. */
  delivery?(channel: string, result: DeliveryResult, milliseconds?: number): void;
}
