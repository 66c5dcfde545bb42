/**
 * What `sending` resolves to, or the signal's reason as soon as it aborts. What was begun and cannot be cut off may still
 * end later; it is not waited for, and how it ends is nobody's concern any more.
 */
export async function unlessAborted<T>(signal: AbortSignal, sending: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw reasonOf(signal);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(reasonOf(signal));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([sending(), aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('stopped');
}
