import type { Lease } from './leases.js';

/**
 * Holds a claim until it is due by the clock of Postgres. Redis lets a delayed job go by the clock of whoever asks, which may be
 * wrong.
 *
 * @returns whether the claim is held and due; false, and sooner, where the lease is lost or given up: then nothing may be done,
 * because the row may not be given back yet
 */
export async function untilDue(
  { now, dueAt }: { readonly now: number; readonly dueAt: number },
  { signal }: Lease,
): Promise<boolean> {
  const early = dueAt - now;
  if (early <= 0 || signal.aborted) return !signal.aborted;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, early);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
  return !signal.aborted;
}
