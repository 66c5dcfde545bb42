import { isCanonicalNumber } from './import/types.js';

/** One line of CSV with its line break; see `csvCell`. */
export function csvLine(cells: readonly string[], separator = ','): string {
  return `${cells.map((cell) => csvCell(cell, separator)).join(separator)}\r\n`;
}

/**
 * A cell that a spreadsheet takes as text: one that would begin a formula gets an apostrophe in front, and quotes,
 * separators and line breaks are quoted. Numbers are no formulas and stay as they are.
 */
export function csvCell(cell: string, separator = ','): string {
  const safe =
    /^[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]/.test(cell) && !isCanonicalNumber(cell) ? `'${cell}` : cell;
  return /["\r\n]/.test(safe) || safe.includes(separator) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
