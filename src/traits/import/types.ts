import { isExact } from '../json.js';

/** What the cells of one column become in `custom_fields`. */
export type ColumnType = 'number' | 'boolean' | 'text';

/** Looks at every cell of a column before its type is decided: one cell that is no number makes the column text. */
export interface ColumnTyper {
  see(cell: string): void;
  type(): ColumnType;
}

export function columnTyper(): ColumnTyper {
  let number = true;
  let boolean = true;
  return {
    see(cell) {
      if (cell === '') return;
      if (number && !isCanonicalNumber(cell)) number = false;
      if (boolean && cell !== 'true' && cell !== 'false') boolean = false;
    },
    type: () => {
      // A column without a single value is both, and has no cell to write.
      if (number) return 'number';
      return boolean ? 'boolean' : 'text';
    },
  };
}

/**
 * Whether the cell is a number exactly as JSON would write it, so that reading it back gives the same letters:
 * `007`, `+5`, `1.50`, `1e3` and a number of twenty digits are ids, versions and amounts that only text keeps.
 */
export function isCanonicalNumber(cell: string): boolean {
  const first = cell.charCodeAt(0);
  // Digits and the minus sign; `NaN` and `Infinity` are written by JavaScript too.
  if (first !== 45 && (first < 48 || first > 57)) return false;
  const value = Number(cell);
  return isExact(value) && JSON.stringify(value) === cell;
}
