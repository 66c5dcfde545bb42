/** How large each part is. `--small` makes all of them so small that they only show that they run. */
export interface BroadcastOptions {
  readonly people: number;
  /** Recipients of one round of `sending`, and jobs of BullMQ beside it. */
  readonly sends: number;
  readonly rounds: number;
  readonly concurrency: number;
}
