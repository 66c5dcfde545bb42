import { expect } from 'vitest';

interface Cleanup {
  readonly work: (failed: boolean) => Promise<void>;
}

const cleanups: Cleanup[] = [];

/** Registers what undoes something this test file started; run last in, first out, after its last test. */
export function afterFile(work: (failed: boolean) => Promise<void>): void {
  cleanups.push({ work });
}

/** Runs every cleanup, even when one of them fails. */
export async function cleanUp(failed: boolean): Promise<void> {
  const errors: unknown[] = [];
  for (let next = cleanups.pop(); next !== undefined; next = cleanups.pop()) {
    try {
      await next.work(failed);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'what the test file started could not be stopped');
}

/** A short name of the running test file, for what it creates. */
export function fileName(): string {
  const path = expect.getState().testPath ?? 'file';
  return path
    .replace(/^.*\/test\//, '')
    .replace(/\.test\.ts$/, '')
    .replace(/[^a-z0-9]+/gi, '_')
    .toLowerCase()
    .slice(-24);
}
