import { isList, isObject } from '../../filter/parse/context.js';
import type { TraitType } from '../catalogue/types.js';
import { isExact } from '../json.js';
import { isCode, numberForm } from './cells/numbers.js';
import type { Comma } from './cells/numbers.js';
import { isUnreadDate } from './cells/times.js';
import { isEmptyWord, readBoolean } from './cells/words.js';

/** What the cells of a column of custom traits become. */
export type ColumnType = Exclude<TraitType, 'time'>;

/** What the numbers of a column or a file say of dots and commas. */
export interface Decimals {
  readonly dot: boolean;
  readonly comma: boolean;
}

/** Looks at the cells of a column before its type is decided. */
export interface ColumnTyper {
  /** @param counts whether the row has an id; a code elsewhere still says that the column holds codes */
  see(cell: string, counts: boolean): void;
  readonly decimals: Decimals;
  /** Whether more than half of the cells are dates whose order nobody said. */
  readonly unreadDates: boolean;
  /** The type that a column of a new trait gets. */
  type(comma: Comma): ColumnType;
}

export interface TypingOptions {
  /** Words for nothing. */
  readonly empty: ReadonlySet<string>;
  /** Words for true and false that count by themselves. */
  readonly words: ReadonlySet<string>;
  /** Whether semicolons separate the cells, which is what leaves commas to the decimals. */
  readonly semicolons: boolean;
}

/**
 * A column of a new trait is what more than half of its cells can be, and a column of numbers only where no cell is a code
 * (see `isCode`); else it is text. Words for nothing say nothing.
 *
 * `t`, `yes` and their kin count as booleans only where every cell is one and both senses occur: `NO` is a country
 * too, and `F` a letter.
 */
export function columnTyper({ empty, words, semicolons }: TypingOptions): ColumnTyper {
  const seen = { cells: 0, plain: 0, thousands: 0, decimal: 0, booleans: 0, objects: 0, lists: 0, dates: 0 };
  const said = { dot: false, comma: false, yes: false, no: false, other: false, code: false };
  const seeNumber = (cell: string): void => {
    const form = numberForm(cell);
    if (form === null) return;
    said.dot ||= form === 'dotted' || form === 'thousands';
    said.comma ||= form === 'european' || (form === 'decimal' && semicolons);
    if (form === 'plain' || form === 'dotted') seen.plain += 1;
    if (form === 'thousands' || form === 'groups' || form === 'either') seen.thousands += 1;
    if (form === 'european' || form === 'decimal' || form === 'either') seen.decimal += 1;
  };
  return {
    see(cell, counts) {
      if (cell === '' || isEmptyWord(cell, empty)) return;
      said.code ||= isCode(cell);
      if (!counts) return;
      seen.cells += 1;
      seeNumber(cell);
      const boolean = readBoolean(cell);
      if (boolean === null || cell === '0' || cell === '1') said.other = true;
      else if (boolean) said.yes = true;
      else said.no = true;
      if (boolean !== null && words.has(cell.toLowerCase())) seen.booleans += 1;
      const json = jsonOf(cell);
      if (isUnreadDate(cell)) seen.dates += 1;
      if (isObject(json)) seen.objects += 1;
      else if (isList(json)) seen.lists += 1;
    },
    decimals: said,
    get unreadDates() {
      return seen.dates * 2 > seen.cells;
    },
    type(comma) {
      const most = (count: number): boolean => count * 2 > seen.cells;
      const numbers = seen.plain + (comma === 'unread' ? 0 : seen[comma]);
      if (most(numbers) && !said.code) return 'number';
      if (most(seen.booleans) || (said.yes && said.no && !said.other)) return 'boolean';
      if (most(seen.objects)) return 'object';
      return most(seen.lists) ? 'list' : 'text';
    },
  };
}

/** What a comma in a number of a column is: as its own numbers say, else as those of the whole file do. */
export function commaOf(own: Decimals, file: Decimals): Comma {
  const { dot, comma } = own.dot || own.comma ? own : file;
  if (dot === comma) return 'unread';
  return dot ? 'thousands' : 'decimal';
}

/** The list or object that a cell holds as JSON, or undefined. */
export function jsonOf(cell: string): unknown {
  const first = cell.charCodeAt(0);
  if (first !== 123 && first !== 91) return undefined;
  try {
    const value: unknown = JSON.parse(cell);
    return value;
  } catch {
    return undefined;
  }
}

/**
 * Whether the cell is a number exactly as JSON would write it, so that reading it back gives the same letters:
 * `007`, `+5`, `1.50`, `1e3` and a number of twenty digits are not.
 */
export function isCanonicalNumber(cell: string): boolean {
  const first = cell.charCodeAt(0);
  // Digits and the minus sign; `NaN` and `Infinity` are written by JavaScript too.
  if (first !== 45 && (first < 48 || first > 57)) return false;
  const value = Number(cell);
  return isExact(value) && JSON.stringify(value) === cell;
}
