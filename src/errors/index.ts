import { audienceErrors } from './audience.js';
import { automationErrors } from './automation.js';
import { broadcastErrors } from './broadcasts.js';
import { channelErrors } from './channels.js';
import { cliErrors } from './cli.js';
import { databaseErrors } from './database.js';
import { embeddedErrors } from './embedded.js';
import { eventsErrors } from './events.js';
import { filterErrors } from './filter.js';
import { fit } from './fit.js';
import { rulesErrors } from './rules.js';
import { serverErrors } from './server.js';
import type { ErrorEntry } from './table.js';
import { traitsErrors } from './traits.js';

/** Every code that Muster can answer with. Groups follow the folders; a code is never reused. */
export const errorTable = {
  ...filterErrors,
  ...traitsErrors,
  ...eventsErrors,
  ...audienceErrors,
  ...rulesErrors,
  ...automationErrors,
  ...broadcastErrors,
  ...channelErrors,
  ...serverErrors,
  ...cliErrors,
  ...databaseErrors,
  ...embeddedErrors,
} as const;

export type ErrorCode = keyof typeof errorTable;

/** One thing that is wrong: what, where (JSON Pointer into the input, `""` for the whole of it), and what to do. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path: string;
  readonly hint: string;
}

export interface ProblemOptions {
  /** JSON Pointer into the input; `""` is the whole input. */
  readonly path?: string;
  /** Takes the place of the table's hint, for example with a suggestion. */
  readonly hint?: string;
}

/** Builds a problem from the table; `values` fill the `{name}` places of message and hint. */
export function problem(
  code: ErrorCode,
  values: Readonly<Record<string, string | number>> = {},
  options: ProblemOptions = {},
): Problem {
  const entry: ErrorEntry = errorTable[code];
  return {
    code,
    message: fill(entry.message, values),
    path: options.path ?? '',
    hint: options.hint ?? fill(entry.hint, values),
  };
}

/** Characters of one value in a message: most are a caller's, and lists of names need room. */
const longestValue = 500;

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? fit(String(values[name]), longestValue) : whole,
  );
}

/**
 * The one error that Muster throws for input it refuses and servers it cannot reach.
 *
 * It carries the first problem's code, message, path and hint, and every problem in `problems`.
 */
export class MusterError extends Error {
  override readonly name = 'MusterError';
  readonly problems: readonly Problem[];
  readonly first: Problem;
  /** More for a program to read, such as the row counts of a refused import. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    problems: Problem | readonly Problem[],
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    const list = 'code' in problems ? [problems] : problems;
    const [first] = list;
    if (first === undefined) throw new TypeError('a MusterError needs at least one problem');
    super(first.message, 'cause' in options ? { cause: options.cause } : undefined);
    this.problems = list;
    this.first = first;
    this.details = options.details ?? {};
  }

  get code(): ErrorCode {
    return this.first.code;
  }
  get path(): string {
    return this.first.path;
  }
  get hint(): string {
    return this.first.hint;
  }
  /** HTTP status of the first problem's code. */
  get status(): number {
    return errorTable[this.code].status;
  }
  /** Exit code of the first problem's code. */
  get exit(): number {
    return errorTable[this.code].exit;
  }

  /** The body that the API answers with and that `--json` prints. */
  toBody(): {
    error: { code: string; message: string; path: string; hint: string; details: Record<string, unknown> };
  } {
    const { code, message, path, hint } = this.first;
    return { error: { code, message, path, hint, details: { ...this.details, problems: this.problems } } };
  }
}

/** Builds and throws in one step, for the common case of a single problem. */
export function refuse(
  code: ErrorCode,
  values: Readonly<Record<string, string | number>> = {},
  options: ProblemOptions & { cause?: unknown; details?: Record<string, unknown> } = {},
): never {
  throw new MusterError(problem(code, values, options), options);
}
