/**
 * What became of an attempt to deliver: how a call of the channel ended, or why there was none.
 * `unconfirmed`: cut off in the middle, so that the channel may have taken it.
 */
export type DeliveryResult = 'delivered' | 'refused' | 'failed' | 'unconfirmed' | 'suppressed' | 'capped';

/** Hears of what a process does, for figures. Called on the way: it must be quick and must not throw. */
export interface Observer {
  /** A step was claimed so many milliseconds after it was due. */
  claimed?(lateBy: number): void;
  /** One attempt; milliseconds where the channel was called. */
  delivery?(channel: string, result: DeliveryResult, milliseconds?: number): void;
}
