import { shown } from '../../filter/parse/context.js';
import type { CellReader } from './cell-readers.js';
import type { Target } from './fields.js';
import type { PlannedColumn } from './plan.js';
import type { ColumnType, ColumnTyper } from './types.js';

/** What became of one column. */
export interface ColumnReport {
  readonly name: string;
  /** Null where it is left out. */
  readonly field: string | null;
  readonly type: ColumnType | 'time' | null;
  /** Cells of the rows that were loaded. */
  readonly read: number;
  readonly empty: number;
  /** Cells of all rows. */
  readonly refused: number;
  /** The first refused cell. */
  readonly example: string | null;
  /** Why it is left out, or how it came to its field; null where its name says it. */
  readonly note: string | null;
  /** The mapping that would load a column left out. */
  readonly map: string | null;
}

/** One column on the way through the file. */
export interface Column {
  /** Null where it has a type by itself. */
  readonly typer: ColumnTyper | null;
  type: ColumnReport['type'];
  /** What would have its cells read otherwise. */
  hint: string | null;
  reader: CellReader | null;
  read: number;
  empty: number;
  refused: number;
  example: string | null;
}

export interface TraitColumn extends Column {
  readonly plan: PlannedColumn;
  /** Position among the custom traits of its owner, or in `knownTraitNames`. */
  readonly place: number;
  /** The name of a custom trait as JSON, with a colon; empty for all others. */
  readonly prefix: string;
}

export function newColumn(typer: ColumnTyper | null, type: Column['type']): Column {
  return { typer, type, hint: null, reader: null, read: 0, empty: 0, refused: 0, example: null };
}

/** `taken back`: the row is not loaded, so that its cells are read once more and counted down. */
export type Counting = 'counted' | 'taken back';

/** @param value null where the cell stands for nothing */
export function countCell(column: Column, value: string | null, counting: Counting): void {
  const by = counting === 'counted' ? 1 : -1;
  if (value === null) column.empty += by;
  else column.read += by;
}

/** A refused cell stays counted, whatever becomes of its row: it may be why the row is not loaded. */
export function refuseCell(column: Column, cell: string, counting: Counting): void {
  if (counting === 'taken back') return;
  column.refused += 1;
  column.example ??= shown(cell);
}

export function fixedType(target: Target | null): ColumnReport['type'] {
  if (target === null) return null;
  if (target.kind === 'opt_out') return 'boolean';
  if (target.kind !== 'column') return 'text';
  return target.trait.kind === 'choice' ? 'text' : target.trait.kind;
}

/** What the answer says of a column. */
export function reportOf(column: TraitColumn): ColumnReport {
  const { plan: planned, type, hint, read, empty, refused, example } = column;
  const notes = [planned.note, hint].filter((note) => note !== null);
  const isRead = planned.target !== null;
  return {
    name: planned.name,
    field: planned.field,
    type,
    read: isRead ? read : 0,
    empty: isRead ? empty : 0,
    refused,
    example,
    note: notes.length === 0 ? null : notes.join('; '),
    map: planned.suggestion,
  };
}
