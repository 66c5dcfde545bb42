/** What a caller hands in; anything else than an object counts as nothing. */
export type Bag = Record<string, unknown>;

export const isBag = (value: unknown): value is Bag => typeof value === 'object' && value !== null;

/** The object itself, or an empty one. */
export const bagOf = (value: unknown): Bag => (isBag(value) ? value : {});

/** Text as it is, a finite number as its digits, and nothing for all else: an id of `null` is no id. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Method = (...args: unknown[]) => unknown;

/** The method of an object that the page's other scripts own, bound to it. */
export function methodOf(owner: unknown, name: string): Method | undefined {
  const method = bagOf(owner)[name];
  return typeof method === 'function'
    ? (...args) => Reflect.apply(method, owner, args) as unknown
    : undefined;
}

/** A random UUID; pages without TLS have no `crypto.randomUUID`, but do have `getRandomValues`. */
export function uuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
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
