import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { isList, isObject, shown } from '../../filter/parse/context.js';
import { parseIso } from '../../filter/iso8601.js';
import { columnValue } from '../check.js';
import { checkJson, textFault } from '../json.js';
import type { KnownTrait } from '../known-traits.js';
import { readNumber } from './cells/numbers.js';
import type { Comma } from './cells/numbers.js';
import { isUnreadDate, readEpoch, readTime } from './cells/times.js';
import type { DateOrder } from './cells/times.js';
import { isEmptyText, isEmptyWord, readBoolean, readState } from './cells/words.js';
import { jsonOf } from './types.js';
import type { ColumnType } from './types.js';

/**
 * What a cell that is not empty says: the text for the staging table (JSON for a custom trait), null where it stands for
 * nothing, undefined with a problem noted where it does not fit.
 */
export type CellReader = (cell: string, problems: Problem[]) => string | null | undefined;

/** What all cells of a file are read by. */
export interface Reading {
  readonly empty: ReadonlySet<string>;
  readonly dates: DateOrder | null;
}

/** Reads cells of a known trait. */
export function knownReader(trait: KnownTrait, name: string, { empty, dates }: Reading): CellReader {
  if (trait.kind === 'time') {
    return (cell, problems) => {
      const text = cell.trim();
      if (text === '' || isEmptyWord(text, empty)) return null;
      const iso = readTime(text, dates) ?? readEpoch(text);
      if (iso !== null) return new Date(parseIso(iso) ?? Number.NaN).toISOString();
      const got = `the text \`${shown(cell)}\``;
      const hint = datesHint(text, dates);
      problems.push(problem('trait_not_time', { key: name, got }, hint === null ? {} : { hint }));
      return undefined;
    };
  }
  if (trait.kind === 'boolean') {
    return (cell, problems) => {
      const text = cell.trim();
      if (text === '' || isEmptyWord(text, empty)) return null;
      const value = readBoolean(text);
      if (value !== null) return String(value);
      problems.push(notA(name, 'true or false', cell));
      return undefined;
    };
  }
  return (cell, problems) => {
    const text = cell.trim();
    if (text === '' || isEmptyText(text)) return null;
    const value = columnValue(trait, name, text, '', problems);
    return value === undefined ? undefined : String(value);
  };
}

/** What would let a text that looks like a date be read; null for others. */
export function datesHint(text: string, dates: DateOrder | null): string | null {
  return dates === null && isUnreadDate(text)
    ? 'say in which order day, month and year stand: `--dates dmy`, `mdy` or `ymd`, over HTTP `?dates=dmy`'
    : null;
}

/** Reads cells of a custom trait into JSON. */
export function customReader(
  type: ColumnType,
  name: string,
  { empty, dates }: Reading,
  comma: Comma,
  separator: string | null,
): CellReader {
  if (type === 'text') return textReader(name, dates, separator);
  const words: Record<Exclude<ColumnType, 'text'>, string> = {
    number: 'a number',
    boolean: 'true or false',
    list: 'a list as JSON',
    object: 'an object as JSON',
  };
  const read = (cell: string, problems: Problem[]): string | undefined => {
    if (type === 'number') {
      const value = readNumber(cell, comma);
      return value === null ? undefined : JSON.stringify(value);
    }
    if (type === 'boolean') {
      const value = readBoolean(cell);
      return value === null ? undefined : String(value);
    }
    const value = jsonOf(cell);
    const fits = type === 'list' ? isList(value) : isObject(value);
    return fits && checkJson(value, name, '', problems) ? JSON.stringify(value) : undefined;
  };
  return (cell, problems) => {
    const text = cell.trim();
    if (text === '' || isEmptyWord(text, empty)) return null;
    const before = problems.length;
    const value = read(text, problems);
    if (value === undefined && problems.length === before) problems.push(notA(name, words[type], cell));
    return value;
  };
}

function textReader(name: string, dates: DateOrder | null, separator: string | null): CellReader {
  return (cell, problems) => {
    if (isEmptyText(cell)) return null;
    const fault = textFault(cell);
    if (fault !== null) {
      problems.push(problem('trait_bad_text', { where: `\`${shown(name)}\``, what: fault }));
      return undefined;
    }
    return JSON.stringify(separator === null ? (readTime(cell, dates) ?? cell) : joined(cell, separator));
  };
}

/** Several values with commas between them, without blanks and quotes around each. */
function joined(cell: string, separator: string): string {
  const items = cell.split(separator).map((item) => item.trim().replace(/^"(.*)"$/, '$1'));
  return items.filter((item) => item !== '').join(',');
}

/**
 * Whether the cell puts the person on the list: true or false, or undefined with a problem noted. A time says yes: it is
 * when they left.
 */
export function readOptOut(
  cell: string,
  out: boolean,
  { empty, dates }: Reading,
  problems: Problem[],
): boolean | undefined {
  const text = cell.trim();
  if (text === '' || isEmptyText(text)) return false;
  const state = readState(text);
  if (state !== null) return state;
  const said =
    readBoolean(text) ?? (readTime(text, dates) === null && readEpoch(text) === null ? null : true);
  if (said !== null) return said === out;
  if (isEmptyWord(text, empty)) return false;
  problems.push(problem('import_bad_opt_out', { value: shown(cell) }));
  return undefined;
}

function notA(key: string, expected: string, cell: string): Problem {
  return problem(
    'trait_type',
    { key: shown(key), expected, got: `the text \`${shown(cell)}\`` },
    { hint: `write ${expected}, or leave the cell empty` },
  );
}
