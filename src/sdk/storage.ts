/** Texts by key that outlive the page where the browser allows it, and the page's own memory where it does not. */
export interface Storage {
  get(key: string): string | undefined;
  set(key: string, value: string | undefined): void;
  /** Every key with this beginning, in order. */
  keys(beginning: string): string[];
}

function attempt<T>(work: (local: typeof localStorage) => T): T | undefined {
  try {
    return work(localStorage);
  } catch {
    return undefined;
  }
}

/**
 * `localStorage` under a prefix. Each call may fail on its own (blocked by a setting, full, taken away by the page), so
 * memory stands in for each key on its own. One key an entry, never one list: tabs share this store, and a list
 * that two tabs rewrite loses what one of them added.
 */
export function openStorage(prefix: string): Storage {
  const memory = new Map<string, string>();
  return {
    get: (key) => memory.get(key) ?? attempt((local) => local.getItem(prefix + key)) ?? undefined,
    set(key, value) {
      memory.delete(key);
      const kept = attempt((local) => {
        if (value === undefined) local.removeItem(prefix + key);
        else local.setItem(prefix + key, value);
        return true;
      });
      if (kept === undefined && value !== undefined) memory.set(key, value);
    },
    keys(beginning) {
      const stored = attempt((local) => Object.keys(local)) ?? [];
      const own = stored.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
      // oxlint-disable-next-line unicorn/no-array-sort -- browsers of 2022 have no other, and the list is new
      return [...own, ...memory.keys()].filter((key) => key.startsWith(beginning)).sort();
    },
  };
}
