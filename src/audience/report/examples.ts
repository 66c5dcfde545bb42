/** Values to show of people who fail a leaf for one reason. */
export interface Examples {
  /** Up to three different ones, the first in order. */
  readonly first: readonly string[];
  readonly last: string | undefined;
  /** Whether `first` holds every value there is. */
  readonly isAll: boolean;
  /** Of times outside a window with two ends: the latest before it and the earliest after it. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Most values that one suggestion shows. */
const shown = 3;

export const noExamples: Examples = {
  first: [],
  last: undefined,
  isAll: false,
  before: undefined,
  after: undefined,
};

/** Picks the values to show out of those of many groups of people, of which it keeps no others. */
export class ExamplePicker implements Examples {
  first: readonly string[] = [];
  last: string | undefined;
  isAll = true;
  before: string | undefined;
  after: string | undefined;
  readonly #isBefore: ((value: string) => boolean) | null;

  /** @param isBefore whether a time lies before the window; null where it has not two ends */
  constructor(isBefore: ((value: string) => boolean) | null) {
    this.#isBefore = isBefore;
  }

  /** Takes the first and the last value of one group, as JSON that may be cut short; none where there is nothing to show. */
  add(group: readonly string[]): void {
    if (new Set(group).size !== 1) this.isAll = false;
    for (const json of group) this.#take(shownJson(json));
  }

  #take(value: string): void {
    if (this.last === undefined || value > this.last) this.last = value;
    if (this.#isBefore !== null) this.#takeBeside(value, this.#isBefore(value));
    const isFull = this.first.length === shown;
    if (this.first.includes(value) || (isFull && value > (this.first.at(-1) ?? ''))) return;
    this.first = [...this.first, value].toSorted().slice(0, shown);
    if (this.first.length === shown) this.isAll = false;
  }

  #takeBeside(value: string, isBefore: boolean): void {
    if (isBefore) {
      if (this.before === undefined || value > this.before) this.before = value;
    } else if (this.after === undefined || value < this.after) {
      this.after = value;
    }
  }
}

/** A text without its quotes; what was cut short, and is JSON no more, as it is. */
function shownJson(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : json;
  } catch {
    return `${json.replace(/^"/, '')}…`;
  }
}
