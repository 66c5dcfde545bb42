import type { Lease } from './leases.js';

/**
 * Holds a claim until it is due by the clock of Postgres. Redis lets a delayed job go by the clock of whoever asks, which may be
 * wrong. Resolves sooner where the lease is lost; whoever goes on then writes nothing.
 */
export async function untilDue(
  { now, dueAt }: { readonly now: number; readonly dueAt: number },
  { signal }: Lease,
): Promise<void> {
  const early = dueAt - now;
  if (early <= 0 || signal.aborted) return;
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
}
