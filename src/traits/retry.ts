/** Codes of a transaction that lost against another one and can simply be run again: serialization, deadlock. */
const retryable: ReadonlySet<unknown> = new Set(['40001', '40P01']);
const mostTries = 5;

/** Runs a whole transaction, and again where it lost against another one. */
export async function retryLost<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (tries >= mostTries || !retryable.has(code)) throw error;
    }
  }
}
