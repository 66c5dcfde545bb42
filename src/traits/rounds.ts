/** Something that is done every so often until it is stopped. */
export interface Rounds {
  /** Waits for the round under way, and begins no further one. */
  stop(): Promise<void>;
}

/**
 * Does a round every `every` milliseconds; one that takes longer is not begun a second time beside itself. What fails is
 * told to `onError`, and the next round comes all the same. The timer keeps no process alive.
 */
export function startRounds(
  every: number,
  round: () => Promise<void>,
  onError: (error: unknown) => void,
): Rounds {
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  const once = async (): Promise<void> => {
    busy = true;
    try {
      await round();
    } catch (error) {
      onError(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => {
    if (!busy) running = once();
  }, every);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
