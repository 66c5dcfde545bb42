/** Loads one batch while the next is read, and no more: reading waits for the database. */
export interface OneAhead<T> {
  /** Waits for the batch before, and begins this one. */
  next(batch: T): Promise<void>;
  /** Waits for the last batch. */
  end(): Promise<void>;
}

export function oneAhead<T>(load: (batch: T) => Promise<void>): OneAhead<T> {
  let loading: Promise<void> = Promise.resolve();
  return {
    async next(batch) {
      await loading;
      loading = load(batch);
      // It is awaited before the next batch; until then a failure must not count as unhandled.
      loading.catch(() => undefined);
    },
    end: () => loading,
  };
}
