import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds of work after which whatever else waits in this process gets a turn. */
const sliceMs = 10;

/** For a loop of small parts: called after each, it gives others their turn when a slice of about 10 ms is full. */
export function pauses(): () => Promise<void> {
  let started = performance.now();
  return async () => {
    if (performance.now() - started < sliceMs) return;
    await nextTurn();
    started = performance.now();
  };
}

/**
 * Does work for each item without holding the event loop: between slices of about 10 ms other requests are answered. One item
 * must be small.
 */
export async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  const pause = pauses();
  for (const item of items) {
    work(item);
    await pause();
  }
}
