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

  /** How many parameters there are, those of the surrounding statement included: the offset of what is compiled apart. */
  get count(): number {
    return this.#offset + this.values.length;
  }

  /** A jsonb parameter. It is stringified here: node-postgres would send an array as a Postgres array. */
  json(text: string): string {
    return `${this.bind(text)}::jsonb`;
  }
}
