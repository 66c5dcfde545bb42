import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { knownTrait, knownTraitNames, traitLimits } from '../known-traits.js';
import type { KnownTrait } from '../known-traits.js';
import { columnValue } from '../check.js';
import { collectId } from '../ids.js';
import { textFault } from '../json.js';
import { positionOf } from './row.js';
import type { StagedRow } from './row.js';
import { columnTyper } from './types.js';
import type { ColumnType, ColumnTyper } from './types.js';

/** A row that can be staged, or what is wrong with it. */
export type BuiltRow =
  | { readonly userId: string; readonly row: StagedRow }
  | { readonly problems: readonly [Problem, ...Problem[]] };

/** Sees every row of the first pass, then builds rows of the second. */
export interface CsvRows {
  see(cells: readonly string[]): void;
  build(cells: readonly string[]): BuiltRow;
  /** Traits that rows built so far have a value of. */
  readonly sent: ReadonlySet<string>;
}

interface KnownColumn {
  readonly at: number;
  readonly name: string;
  readonly trait: KnownTrait;
  readonly position: number;
}

interface CustomColumn {
  readonly at: number;
  readonly name: string;
  /** `"name":`, ready to stand before a value. */
  readonly prefix: string;
  readonly typer: ColumnTyper;
}

export function csvRows(header: readonly string[]): CsvRows {
  const idAt = header.indexOf('user_id');
  const known: KnownColumn[] = [];
  const custom: CustomColumn[] = [];
  header.forEach((name, at) => {
    if (at === idAt) return;
    const trait = knownTrait(name);
    if (trait === null) custom.push({ at, name, prefix: `${JSON.stringify(name)}:`, typer: columnTyper() });
    else known.push({ at, name, trait, position: positionOf(name) });
  });
  let types: readonly ColumnType[] | null = null;
  const sent = new Set<string>();
  return {
    see(cells) {
      for (const { at, typer } of custom) typer.see(cells[at] ?? '');
    },
    build(cells) {
      types ??= custom.map(({ typer }) => typer.type());
      const problems: Problem[] = [];
      const cell = cells[idAt] ?? '';
      const userId = cell === '' ? '' : collectId('user_id', cell, problems);
      if (cell === '') problems.push(problem('row_no_user_id'));
      const row = {
        columns: knownValues(known, cells, problems),
        custom: customValues(custom, types, cells, problems),
      };
      const [first, ...rest] = problems;
      if (first !== undefined) return { problems: [first, ...rest] };
      for (const { name, position } of known) if (row.columns[position] !== undefined) sent.add(name);
      custom.forEach(({ name }, index) => {
        if (row.custom[index] !== undefined) sent.add(name);
      });
      return { userId, row };
    },
    sent,
  };
}

function knownValues(
  known: readonly KnownColumn[],
  cells: readonly string[],
  problems: Problem[],
): (string | undefined)[] {
  const values: (string | undefined)[] = knownTraitNames.map(() => undefined);
  for (const { at, name, trait, position } of known) {
    const cell = cells[at] ?? '';
    if (cell === '') continue;
    const given = trait.kind === 'boolean' && (cell === 'true' || cell === 'false') ? cell === 'true' : cell;
    const value = columnValue(trait, name, given, '', problems);
    if (value !== undefined) values[position] = String(value);
  }
  return values;
}

function customValues(
  custom: readonly CustomColumn[],
  types: readonly ColumnType[],
  cells: readonly string[],
  problems: Problem[],
): (string | undefined)[] {
  let size = 0;
  const values = custom.map(({ at, name, prefix }, index) => {
    const cell = cells[at] ?? '';
    if (cell === '') return undefined;
    if (types[index] !== 'text') return prefix + cell;
    const fault = textFault(cell);
    if (fault !== null) problems.push(problem('trait_bad_text', { where: `\`${name}\``, what: fault }));
    const json = prefix + JSON.stringify(cell);
    size += json.length;
    return json;
  });
  // No text has more bytes than three a UTF-16 unit, so short rows need no counting.
  if (size > traitLimits.traitsBytes / 3) {
    const count = values.reduce((sum, value) => sum + Buffer.byteLength(value ?? ''), 0);
    if (count > traitLimits.traitsBytes) {
      problems.push(problem('traits_too_large', { count, limit: traitLimits.traitsBytes }));
    }
  }
  return values;
}
