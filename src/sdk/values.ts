/** What a caller hands in; anything else than an object counts as nothing. */
export type Bag = Record<string, unknown>;

export const isBag = (value: unknown): value is Bag => typeof value === 'object' && value !== null;

/** The object itself, or an empty one. */
export const bagOf = (value: unknown): Bag => (isBag(value) ? value : {});

/**
 * What scripts and templates of pages write for a value that is not there. The server refuses these as ids, and more
 * (`src/traits/ids.ts`); here they must not become who somebody is.
 */
const missing = /^(undefined|null|NaN|\[object .*|)$|{{.*}}|\${.*}|<%.*%>/is;

/** Text without the blanks around it, a number as its digits, and nothing for all else: an id of `null` is no id. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' || typeof value === 'number' ? `${value}`.trim() : '';
  return missing.test(text) ? undefined : text;
}

type Method = (...args: unknown[]) => unknown;

/** The method of an object that the page's other scripts own, bound to it. */
export function methodOf(owner: unknown, name: string): Method | undefined {
  const method = bagOf(owner)[name];
  return typeof method === 'function'
    ? (...args) => Reflect.apply(method, owner, args) as unknown
    : undefined;
}

/** A random UUID. `crypto.randomUUID` would be shorter, but pages without TLS have only `getRandomValues`. */
export function uuid(): string {
  const template = '10000000-1000-4000-8000-100000000000';
  return template.replace(/[018]/g, (digit) => {
    const random = crypto.getRandomValues(new Uint8Array(1))[0] ?? 0;
    return (Number(digit) ^ (random & (15 >> (Number(digit) / 4)))).toString(16);
  });
}

/** Runs what may fail through the page's doing: its handlers, its libraries, its settings. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Nothing of this script may throw into the page.
  }
}
