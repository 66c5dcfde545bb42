export interface BatchOptions {
  /** Most items of one batch. */
  readonly size: number;
  /** Most batches under way at once. */
  readonly parallel: number;
  /** Whether an error may be one item's doing. A server out of reach is nobody's, and would only be asked again and again. */
  readonly apart: (error: unknown) => boolean;
}

/** Milliseconds after which a batch that is not large goes out beside one that is under way. */
const patience = 25;

/**
 * Turns many single calls into few batched ones: what is asked for within one turn of the event loop goes out together,
 * and while `parallel` batches are under way the rest gathers for the next. Beside another one a batch goes out once it is
 * half full, because large ones cost less, or once it has waited for as long as no good statement takes.
 *
 * `run` answers one result for each item, in order. Where a batch fails and `apart` says that an item may be to blame,
 * its items are tried one by one, so that a bad one fails alone.
 */
export function microBatch<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  { size, parallel, apart }: BatchOptions,
): (item: Item) => Promise<Result> {
  interface Call {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  let waiting: Call[] = [];
  let underWay = 0;
  let planned = false;
  let waitingSince: ReturnType<typeof setTimeout> | undefined;

  const settle = async (calls: readonly Call[]): Promise<void> => {
    try {
      const results = await run(calls.map((call) => call.item));
      if (results.length !== calls.length)
        throw new TypeError('a batch must answer one result for each item');
      for (const [index, result] of results.entries()) calls[index]?.resolve(result);
    } catch (error) {
      if (calls.length > 1 && apart(error)) {
        for (const call of calls) await settle([call]);
      } else {
        for (const call of calls) call.reject(error);
      }
    }
  };

  const flush = (isLate = false): void => {
    planned = false;
    const enough = isLate ? 1 : size / 2;
    while (waiting.length > 0 && underWay < parallel && (underWay === 0 || waiting.length >= enough)) {
      const calls = waiting.slice(0, size);
      waiting = waiting.slice(size);
      underWay += 1;
      void settle(calls).finally(() => {
        underWay -= 1;
        flush();
      });
    }
    if (waiting.length === 0 || underWay === parallel) {
      clearTimeout(waitingSince);
      waitingSince = undefined;
    } else {
      waitingSince ??= setTimeout(() => {
        waitingSince = undefined;
        flush(true);
      }, patience);
    }
  };

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (planned) return;
      planned = true;
      setImmediate(() => flush());
    });
}
