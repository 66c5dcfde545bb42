/** How many recipients a batch has. */
export interface BatchSize {
  next(): number;
  /** No batch is larger than this from now on. */
  limit(most: number): void;
  /** So many took so many milliseconds. */
  took(count: number, milliseconds: number): void;
}

/** Milliseconds that a batch should take: a pause is heeded before the next one, and few wait long where calls are slow. */
const stretch = 500;
const largest = 500;

/**
 * As many as are done in half a second, from `least` to 500. A chunk that was claimed before and never came to its end may have
 * killed its worker: each time it comes in smaller batches, at last one by one, so that whoever did it is given up alone.
 */
export function batchSize({
  least,
  attempt,
}: {
  readonly least: number;
  readonly attempt: number;
}): BatchSize {
  let bound = Math.max(1, Math.floor(largest / 10 ** (attempt - 1)));
  let size = Math.min(2 * least, bound);
  return {
    next: () => size,
    limit(most) {
      bound = Math.max(1, Math.min(bound, Math.floor(most / 10 ** (attempt - 1))));
      size = Math.min(size, bound);
    },
    took(count, milliseconds) {
      const fits = Math.round((count / Math.max(milliseconds, 1)) * stretch);
      size = Math.min(Math.max(fits, least, 1), bound);
    },
  };
}
