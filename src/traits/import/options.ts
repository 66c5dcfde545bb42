import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import type { DateOrder } from './cells/times.js';
import type { PresetName } from './presets.js';

/** How the cells of a file are to be read; all of it may be left out. */
export interface CellOptions {
  /** Fields by column: `{ "Email Address": "email" }`; `#3` is the third column. */
  readonly map?: Readonly<Record<string, string>> | undefined;
  /** The column with the id that the product knows people by; the same as mapping it to `user_id`. */
  readonly id?: string | undefined;
  /** `email`: people are found by their address, in any letter case. Default `user_id`. */
  readonly key?: ImportKey | undefined;
  /** With the key `email`: whoever is not found is made, with the address in lower case as the id. Default false. */
  readonly create?: boolean | undefined;
  readonly preset?: PresetName | undefined;
  /** The order of day, month and year in dates that are not ISO 8601. */
  readonly dates?: DateOrder | undefined;
  /** `clear`: an empty cell removes the trait. Default `leave`. */
  readonly empty?: EmptyCells | undefined;
  /** Words that stand for nothing in columns of numbers, booleans and times. */
  readonly nulls?: readonly string[] | undefined;
  /** A bad cell refuses its row, a column that cannot be loaded refuses the file. Default false. */
  readonly strict?: boolean | undefined;
}

export const importKeys = ['user_id', 'email'] as const;
export type ImportKey = (typeof importKeys)[number];

export const emptyCells = ['leave', 'clear'] as const;
export type EmptyCells = (typeof emptyCells)[number];

export const dateOrders = ['dmy', 'mdy', 'ymd'] as const satisfies readonly DateOrder[];

/**
 * Reads `Email Address=email,"Plan, current"=plan`, in one text or several. A column with a comma stands in double
 * quotes; the last `=` divides column and field. Error: `import_bad_map`.
 */
export function parseMap(texts: readonly string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const text of texts) {
    let at = 0;
    while (at < text.length) {
      const pair = /^\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*=\s*([^,=]*?)\s*(?:,|$)/.exec(text.slice(at));
      const column = (pair?.[1]?.replaceAll('""', '"') ?? pair?.[2] ?? '').trim();
      const field = pair?.[3] ?? '';
      if (pair === null || column === '' || field === '') {
        return refuse('import_bad_map', { text: shown(text.slice(at)) });
      }
      pairs.push([column, field]);
      at += pair[0].length;
    }
  }
  return Object.fromEntries(pairs);
}

/** Words of an option, divided by commas. */
export function parseWords(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}
