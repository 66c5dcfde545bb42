/**
 * What tells when it turns by itself. `changes_at` is worked out when it is read: it costs a hundred times a verdict, and
 * many readers want the verdict only.
 */
export abstract class Turning {
  declare readonly changes_at: string | null;
  readonly #turns: () => number | null;

  /** @param turns the instant in milliseconds since 1970 (UTC), or null: never */
  constructor(turns: () => number | null) {
    this.#turns = turns;
  }

  /** Makes `changes_at` a property of the object, as plain JSON has it, after those that it has by then. */
  protected tellTurn(): void {
    Object.defineProperty(this, 'changes_at', changesAt);
  }

  static turnOf(one: Turning): string | null {
    const instant = one.#turns();
    return instant === null ? null : new Date(instant).toISOString();
  }
}

// One getter for all: objects with getters of their own cost the engine more than all the rest of an explanation.
const changesAt: PropertyDescriptor & ThisType<Turning> = {
  enumerable: true,
  get() {
    return Turning.turnOf(this);
  },
};
