/** The bound values of one statement. Every value reaches SQL through `bind`. */
export class Parameters {
  readonly values: unknown[] = [];
  readonly #offset: number;

  /** @param offset how many parameters the surrounding statement already has. */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Takes the value and answers its placeholder, such as `$3`. */
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.#offset + this.values.length}`;
  }

  /** A jsonb parameter. It is stringified here: node-postgres would send an array as a Postgres array. */
  json(text: string): string {
    return `${this.bind(text)}::jsonb`;
  }
}
