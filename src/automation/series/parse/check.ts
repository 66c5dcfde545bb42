import { MusterError, problem } from '../../../errors/index.js';
import type { ErrorCode, Problem } from '../../../errors/index.js';
import { child, described, isList, isObject, shown } from '../../../filter/parse/context.js';
import { nearest } from '../../../filter/parse/suggest.js';
import type { ParseOptions } from '../../../filter/parse.js';
import type { Filter } from '../../../filter/tree.js';
import { templateProblems } from '../../templates.js';
import { keyPattern, seriesLimits } from '../grammar.js';

export type Document = Readonly<Record<string, unknown>>;

type Values = Readonly<Record<string, string | number>>;

/** What is wrong with the shape of a document, by the kind of document. */
const shapeCodes = {
  series: {
    expected: 'series_expected',
    unknownKey: 'series_unknown_key',
    badKey: 'series_bad_key',
    badText: 'series_bad_text',
    numberRange: 'series_number_range',
  },
  broadcast: {
    expected: 'broadcast_expected',
    unknownKey: 'broadcast_unknown_key',
    badKey: 'broadcast_bad_key',
    badText: 'broadcast_bad_text',
    numberRange: 'broadcast_number_range',
  },
} as const satisfies Record<string, Record<string, ErrorCode>>;

/** Collects problems while a document is read. Each reader returns null where it found one; at the limit the reading ends. */
export class Check {
  readonly problems: Problem[] = [];
  /** Whether the document was accepted before: what is refused at a save only must not stop what runs already. */
  readonly isStored: boolean;
  readonly #segments: ReadonlyMap<string, unknown> | null;
  readonly #codes: (typeof shapeCodes)[keyof typeof shapeCodes];

  /** @param segments the saved filters that `segment` may name, or null where none are at hand */
  constructor(
    segments: ReadonlyMap<string, unknown> | null = null,
    kind: keyof typeof shapeCodes = 'series',
    isStored = false,
  ) {
    this.isStored = isStored;
    this.#segments = segments;
    this.#codes = shapeCodes[kind];
  }

  report(code: ErrorCode, values: Values, path: string, hint?: string): null {
    return this.add(problem(code, values, hint === undefined ? { path } : { path, hint }));
  }

  add(...found: readonly Problem[]): null {
    this.problems.push(...found);
    if (this.problems.length >= seriesLimits.problems) {
      throw new MusterError(this.problems.slice(0, seriesLimits.problems));
    }
    return null;
  }

  expected(expected: string, got: unknown, path: string, example: string): null {
    return this.report(this.#codes.expected, { expected, got: described(got), example }, path);
  }

  object(input: unknown, path: string, expected: string, example: string): Document | null {
    return isObject(input) ? input : this.expected(expected, input, path, example);
  }

  list(
    input: unknown,
    path: string,
    { of, most, example }: { of: string; most: number; example: string },
  ): readonly unknown[] | null {
    if (!isList(input) || input.length === 0 || input.length > most) {
      return this.expected(`a list of 1 to ${most} ${of}`, input, path, example);
    }
    return input;
  }

  knownKeys(object: Document, path: string, known: readonly string[]): void {
    for (const key of Object.keys(object)) {
      if (known.includes(key)) continue;
      const values = { key: shown(key), known: listed(known) };
      this.report(this.#codes.unknownKey, values, child(path, key), suggestion(key, known));
    }
  }

  key(input: unknown, path: string, example = '"welcome"'): string | null {
    if (typeof input !== 'string') return this.expected('a key, a text', input, path, example);
    return new RegExp(keyPattern).test(input)
      ? input
      : this.report(this.#codes.badKey, { key: shown(input) }, path);
  }

  text(input: unknown, path: string, what: string, limit: number, example = '"Welcome"'): string | null {
    if (typeof input !== 'string') return this.expected(`${what}, a text`, input, path, example);
    const fault = textFault(input, limit);
    return fault === null ? input : this.report(this.#codes.badText, { fault, limit }, path);
  }

  template(input: unknown, path: string, limit: number): string | null {
    const example = '"Hello {{ name|there }}"';
    const text = this.text(input, path, 'a template', limit, example);
    if (text === null) return null;
    const faults = templateProblems(text, path);
    return faults.length > 0 ? this.add(...faults) : text;
  }

  oneOf<T extends string>(
    input: unknown,
    path: string,
    known: readonly T[],
    code: ErrorCode,
    name: string,
  ): T | null {
    if (typeof input !== 'string')
      return this.expected(`one of ${listed(known)}`, input, path, `"${known[0] ?? ''}"`);
    const found = known.find((item) => item === input);
    if (found !== undefined) return found;
    const near = suggestion(input, known);
    return this.report(code, { [name]: shown(input), known: listed(known) }, path, near);
  }

  /** A choice between words that has no code of its own. */
  word<T extends string>(input: unknown, path: string, known: readonly T[]): T | null {
    const found = known.find((item) => item === input);
    if (found !== undefined) return found;
    const near = typeof input === 'string' ? suggestion(input, known) : undefined;
    const values = {
      expected: `one of ${listed(known)}`,
      got: described(input),
      example: `"${known[0] ?? ''}"`,
    };
    return this.report(this.#codes.expected, values, path, near);
  }

  number(
    input: unknown,
    path: string,
    { low, high, whole, example }: { low: number; high: number; whole: boolean; example: number },
  ): number | null {
    const fits =
      typeof input === 'number' && input >= low && input <= high && (!whole || Number.isInteger(input));
    // `+ 0` turns the number -0, which JSON can write, into 0.
    if (fits) return input + 0;
    const expected = `a ${whole ? 'whole ' : ''}number from ${low} to ${high}`;
    return this.report(this.#codes.numberRange, { expected, got: described(input), example }, path);
  }

  /** A part that is there but says nothing is a mistake, not the whole audience: the filter's own refusal names it. */
  filter(
    input: unknown,
    path: string,
    parse: (input: unknown, options: ParseOptions) => Filter,
  ): Filter | null {
    try {
      return parse(input, this.#segments === null ? {} : { segments: this.#segments });
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      return this.add(...error.problems.map((found) => ({ ...found, path: path + found.path })));
    }
  }
}

function textFault(text: string, limit: number): string | null {
  if (text.trim() === '') return 'is empty';
  const bytes = Buffer.byteLength(text);
  if (bytes > limit) return `has ${bytes} bytes`;
  if (text.includes('\0')) return 'holds NUL';
  return text.isWellFormed() ? null : 'holds a lone surrogate';
}

/** The document's own value under a key; inherited members are not part of it. */
export function own(object: Document, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A hint that names what was probably meant, or undefined. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  return near === null ? undefined : `did you mean \`${near}\`?`;
}

export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const first = names.slice(0, 20).map((name) => `\`${name}\``);
  return names.length > first.length ? `${first.join(', ')}, …` : first.join(', ');
}
