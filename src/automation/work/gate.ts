/** Lets so many in at once; whoever comes then waits outside, first come, first served. */
export interface Gate {
  /** Runs `work` inside. */
  through<T>(work: () => Promise<T>): Promise<T>;
}

export function openGate(places: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];
  let first = 0;
  const leave = (): void => {
    const next = waiting[first];
    if (next === undefined) {
      inside -= 1;
      return;
    }
    // A list that is only ever taken from at its front would be moved for each of thousands who wait.
    first += 1;
    if (first === waiting.length) {
      waiting.length = 0;
      first = 0;
    }
    next();
  };
  return {
    async through(work) {
      if (inside < places) inside += 1;
      else await new Promise<void>((resolve) => void waiting.push(resolve));
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
