import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds of work after which whatever else waits in this process gets a turn. */
const sliceMs = 10;

/**
 * Does work for each item without holding the event loop: between slices of about 10 ms other requests are answered. One item
 * must be small.
 */
export async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let started = performance.now();
  for (const item of items) {
    work(item);
    if (performance.now() - started < sliceMs) continue;
    await nextTurn();
    started = performance.now();
  }
}
