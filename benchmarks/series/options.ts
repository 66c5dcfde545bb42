/** How large each part is. `--small` makes all of them so small that they only show that they run. */
export interface SeriesOptions {
  readonly rounds: number;
  /** Steps of one side in one round of `guarded`. */
  readonly steps: number;
  readonly concurrency: number;
  /** New users a second, and for how many seconds. */
  readonly rate: number;
  readonly seconds: number;
  readonly pending: number;
  readonly herd: number;
  /** Steps that two workers share when one of them is killed. */
  readonly load: number;
}
