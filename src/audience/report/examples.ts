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

/** What is known of the times of a leaf with a window. */
export interface Times {
  /** The instant that a shown time stands for in the zone. */
  readonly instantOf: (value: string) => number;
  /** Whether it lies before the window; null where that has not two ends. */
  readonly isBefore: ((value: string) => boolean) | null;
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
  readonly #times: Times | null;
  readonly #tellsType: boolean;

  /**
   * @param times of a window, whose values are in the order of their instants; null: in the order of code points
   * @param tellsType whether a text keeps its quotes, so that `"10"` and `10` are two
   */
  constructor(times: Times | null, tellsType: boolean) {
    this.#times = times;
    this.#tellsType = tellsType;
  }

  /** Takes the first and the last value of one group, as JSON that may be cut short; none where there is nothing to show. */
  add(group: readonly string[]): void {
    if (new Set(group).size !== 1) this.isAll = false;
    for (const json of group) this.#take(shownJson(json, this.#tellsType));
  }

  #take(value: string): void {
    if (this.last === undefined || this.#order(value, this.last) > 0) this.last = value;
    const isBefore = this.#times?.isBefore ?? null;
    if (isBefore !== null) this.#takeBeside(value, isBefore(value));
    const { first } = this;
    if (first.includes(value)) return;
    if (first.length === shown && this.#order(value, first.at(-1) ?? value) > 0) return;
    this.first = [...first, value].toSorted((a, b) => this.#order(a, b)).slice(0, shown);
    if (this.first.length === shown) this.isAll = false;
  }

  #takeBeside(value: string, isBefore: boolean): void {
    if (isBefore) {
      if (this.before === undefined || this.#order(value, this.before) > 0) this.before = value;
    } else if (this.after === undefined || this.#order(value, this.after) < 0) {
      this.after = value;
    }
  }

  #order(a: string, b: string): number {
    if (this.#times !== null) return this.#times.instantOf(a) - this.#times.instantOf(b);
    return a < b ? -1 : Number(a > b);
  }
}

/** A text with or without its quotes; what was cut short, and is JSON no more, as it is. */
function shownJson(json: string, withQuotes: boolean): string {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' && !withQuotes ? value : json;
  } catch {
    return `${withQuotes ? json : json.replace(/^"/, '')}…`;
  }
}
