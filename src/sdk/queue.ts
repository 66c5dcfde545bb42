import type { Storage } from './storage.js';
import { bagOf, isBag } from './values.js';
import type { Bag } from './values.js';

/** One call to the API that has not been answered yet; `call` is its path below `/api/sdk/`. */
export interface Entry {
  readonly id: string;
  readonly call: string;
  readonly body: Bag;
}

export interface Queue {
  add(call: string, body: Bag): void;
  /** Whether it was still there. */
  remove(id: string): boolean;
  /** What waits, oldest first: of this page, of pages that are gone, and of other tabs. Read as it is asked for. */
  waiting(): Iterable<Entry>;
}

/** Calls that wait at most; `localStorage` is small and not this script's alone. */
const most = 200;

/** `dropped` hears of a call that had to make room for a newer one. */
export function openQueue(storage: Storage, dropped: (entry: Entry) => void): Queue {
  let last = 0;
  const read = (id: string): Entry | undefined => {
    try {
      const { call, body }: Bag = bagOf(JSON.parse(storage.get(id) ?? ''));
      if (typeof call === 'string' && isBag(body)) return { id, call, body };
    } catch {
      // Not ours, or cut off: nothing that could be sent.
    }
    storage.set(id, undefined);
    return undefined;
  };
  return {
    add(call, body) {
      // Sixteen digits until the year 2286, so that the order of texts is the order of calls; the end tells tabs apart.
      last = Math.max(last + 1, Date.now() * 1000);
      storage.set(`q${last}${Math.random().toString(36).slice(2, 6)}`, JSON.stringify({ call, body }));
      const ids = storage.keys('q');
      for (const id of ids.slice(0, Math.max(0, ids.length - most))) {
        const entry = read(id);
        storage.set(id, undefined);
        if (entry !== undefined) dropped(entry);
      }
    },
    remove(id) {
      const there = storage.get(id) !== undefined;
      storage.set(id, undefined);
      return there;
    },
    *waiting() {
      for (const id of storage.keys('q')) {
        const entry = read(id);
        if (entry !== undefined) yield entry;
      }
    },
  };
}
