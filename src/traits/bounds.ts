import { DatabaseError } from 'pg';
import { MusterError, problem } from '../errors/index.js';
import { isObject } from '../filter/values.js';

/** SQLSTATE of the triggers that hold how much a person or company may have; see migration 029. */
const overfull = 'MU001';

/** Where traits stand in most calls. */
export const usualPath = '/traits';

/** The refusal that an error of the database stands for, with the path of the traits, or the error itself. */
export function namedBound(error: unknown, path: string): unknown {
  // What is within a larger call was named with the usual path.
  if (isOverfull(error) && path !== usualPath)
    return new MusterError({ ...error.first, path }, { cause: error });
  if (!(error instanceof DatabaseError) || error.code !== overfull) return error;
  const detail: unknown = JSON.parse(error.detail ?? '{}');
  if (!isObject(detail)) return error;
  const values = {
    whose: detail['of'] === 'companies' ? 'company' : 'person',
    count: Number(detail['count']),
    limit: Number(detail['limit']),
  };
  const code = detail['bound'] === 'bytes' ? 'custom_traits_too_large' : 'too_many_custom_traits';
  return new MusterError(problem(code, values, { path }), { cause: error });
}

/** Whether a call was refused because a person or company would hold too much. */
export function isOverfull(error: unknown): error is MusterError {
  return (
    error instanceof MusterError &&
    (error.code === 'too_many_custom_traits' || error.code === 'custom_traits_too_large')
  );
}

/** What could not be done, and why. */
export interface Refused<T> {
  readonly item: T;
  readonly refusal: MusterError;
}

/**
 * Does something with many items by one statement. Where one of them would hold too much the statement fails whole; then
 * the halves are done by themselves, down to the items that have to be refused. Items must not depend on each other.
 *
 * @returns the refused items, each with its refusal
 */
export async function exceptOverfull<T>(
  items: readonly T[],
  work: (some: readonly T[]) => Promise<void>,
): Promise<Refused<T>[]> {
  if (items.length === 0) return [];
  try {
    await work(items);
    return [];
  } catch (error) {
    if (!isOverfull(error)) throw error;
    const [item] = items;
    if (items.length === 1 && item !== undefined) return [{ item, refusal: error }];
  }
  const half = Math.ceil(items.length / 2);
  const first = await exceptOverfull(items.slice(0, half), work);
  return [...first, ...(await exceptOverfull(items.slice(half), work))];
}
