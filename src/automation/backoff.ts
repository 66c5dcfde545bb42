/** Longest wait between two attempts, in milliseconds. */
export const longestWait = 3_600_000;

/**
 * Milliseconds to wait after the given attempt (1 is the first): 1 s, 2 s, 4 s ... up to an hour, each between half of
 * that and the whole by `jitter`, which answers a number from 0 (included) to 1 (excluded).
 */
export function backoff(attempt: number, jitter: () => number): number {
  const whole = Math.min(1000 * 2 ** Math.max(0, attempt - 1), longestWait);
  return Math.round(whole / 2 + (whole / 2) * jitter());
}
