import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { textFault } from '../json.js';
import { knownTraitNames, knownTraits, traitLimits } from '../known-traits.js';
import { collectId } from '../ids.js';
import { countCell, fixedType, newColumn, refuseCell, reportOf } from './column.js';
import type { ColumnReport, Counting, TraitColumn } from './column.js';
import { customReader, knownReader, readOptOut } from './cell-readers.js';
import type { Reading } from './cell-readers.js';
import { emptyWords, isEmptyText, plainWords } from './cells/words.js';
import type { OptOutField, Owner } from './fields.js';
import type { CellOptions } from './options.js';
import type { Plan } from './plan.js';
import { positionOf } from './row.js';
import type { StagedCompany, StagedRow } from './row.js';
import { columnTyper, commaOf } from './types.js';
import type { ColumnType } from './types.js';
import { unguarded } from './rejects.js';

/** A cell that is kept out. */
export interface RefusedCell {
  readonly column: string;
  readonly value: string;
  readonly problem: Problem;
}

/** A row that can be staged, with the cells that are kept out of it, or what is wrong with it. */
export type BuiltRow =
  | {
      readonly key: string;
      readonly row: StagedRow;
      readonly refused: readonly RefusedCell[];
      /** Takes its cells out of the counts of the columns: the row is not loaded after all. */
      readonly takeBack: () => void;
    }
  | { readonly problems: readonly [Problem, ...Problem[]] };

/** Types that custom traits have already, by owner and name. */
export type KnownTypes = Readonly<Record<Owner, ReadonlyMap<string, ColumnType>>>;

/** Sees every row of the first pass, then builds rows of the second. */
export interface CsvRows {
  see(cells: readonly string[]): void;
  /** Custom traits of the file by owner and position. */
  readonly customKeys: Readonly<Record<Owner, readonly string[]>>;
  /** Ends the first pass: what custom traits have no type yet get the one of their column. */
  decide(known: KnownTypes): void;
  build(cells: readonly string[]): BuiltRow;
  /** Traits that rows built so far have a value of. */
  sent(of: Owner): Iterable<string>;
  report(): ColumnReport[];
}

export interface TableTraits {
  /** Whether cells were guarded against spreadsheets, as in a file of rejects. */
  readonly guarded: boolean;
  readonly semicolons: boolean;
}

export function csvRows(plan: Plan, options: CellOptions, { guarded, semicolons }: TableTraits): CsvRows {
  const { empty: emptyMode = 'leave', strict = false } = options;
  const reading: Reading = { empty: emptyWords(options.nulls), dates: options.dates ?? null };
  const booleans = new Set([...plainWords, ...(plan.preset?.booleans ?? [])]);
  const typing = { empty: reading.empty, words: booleans, semicolons };
  const apostrophes = plan.preset?.apostrophes === true;
  const keys: Record<Owner, string[]> = { user: [], company: [] };
  const columns = plan.columns.map((planned): TraitColumn => {
    const { target } = planned;
    const custom = target?.kind === 'custom';
    const typer = custom && planned.separator === null ? columnTyper(typing) : null;
    const place = custom
      ? keys[target.of].push(target.name) - 1
      : target?.kind === 'column'
        ? target.position
        : -1;
    const prefix = custom ? `${JSON.stringify(target.name)}:` : '';
    return { plan: planned, place, prefix, ...newColumn(typer, fixedType(target)) };
  });
  const loaded = columns.filter(({ plan: { at, target } }) => target !== null && at !== plan.keyAt);
  const unread = columns.filter(({ plan: { target } }) => target === null);
  const keyColumn = columns.find(({ plan: { at } }) => at === plan.keyAt);
  const bare = (cell: string): string => {
    const own = guarded ? unguarded(cell) : cell;
    return apostrophes && own.startsWith("'") ? own.slice(1) : own;
  };
  const plainCells = !guarded && !apostrophes;
  const cellOf = (cells: readonly string[], at: number): string => {
    const cell = cells[at] ?? '';
    return plainCells ? cell : bare(cell);
  };

  // Copied for each row, which is faster than making them.
  const noColumns: (string | null | undefined)[] = Array.from(knownTraitNames, () => undefined);
  const noCustom: (string | null | undefined)[] = Array.from(keys.user, () => undefined);
  const readName = knownReader(knownTraits.name, 'name', reading);
  const buildTraits = (
    cells: readonly string[],
    refused: RefusedCell[],
    counting: Counting,
  ): Omit<StagedRow, 'company'> & { company: StagedCompany | null; missing: Problem[] } => {
    const userColumns = noColumns.slice();
    const userCustom = noCustom.slice();
    let companyColumns: (string | null | undefined)[] | null = null;
    let companyCustom: (string | null | undefined)[] | null = null;
    let companyId = '';
    let optOuts: OptOutField[] | null = null;
    const missing: Problem[] = [];
    const problems: Problem[] = [];
    for (const column of loaded) {
      const { target, at } = column.plan;
      const cell = cellOf(cells, at);
      if (target === null) continue;
      if (target.kind === 'company_id') {
        companyId = cell.trim();
        countCell(column, companyId === '' ? null : companyId, counting);
        continue;
      }
      if (target.kind === 'opt_out') {
        const before = missing.length;
        const isOut = readOptOut(cell, target.out, reading, missing);
        if (missing.length > before) refuseCell(column, cell, counting);
        else countCell(column, cell === '' ? null : cell, counting);
        if (isOut === true) (optOuts ??= []).push(target.list);
        continue;
      }
      if (target.kind === 'id' || column.reader === null) continue;
      const value = cell === '' ? null : column.reader(cell, problems);
      const [first] = problems;
      if (first !== undefined) {
        refuseCell(column, cell, counting);
        refused.push({ column: column.plan.name, value: shown(cell), problem: first });
        problems.length = 0;
        continue;
      }
      countCell(column, value ?? null, counting);
      const staged = value ?? (emptyMode === 'clear' ? null : undefined);
      if (staged === undefined) continue;
      if (target.of === 'user')
        (target.kind === 'column' ? userColumns : userCustom)[column.place] = withKey(column, staged);
      else if (target.kind === 'column') (companyColumns ??= [])[column.place] = withKey(column, staged);
      else (companyCustom ??= [])[column.place] = withKey(column, staged);
    }
    if (plan.nameParts.length > 0) {
      const name = plan.nameParts
        .map((at) => cellOf(cells, at).trim())
        .filter((part) => part !== '' && !isEmptyText(part))
        .join(' ');
      const read = name === '' ? null : readName(name, problems);
      const [first] = problems;
      if (first !== undefined) refused.push({ column: 'name', value: shown(name), problem: first });
      else if (read !== null) userColumns[positionOf('name')] = read;
    }
    let company: StagedCompany | null = null;
    if (companyId !== '') {
      const id = collectId('company_id', companyId, missing);
      if (id !== '') {
        company = {
          id,
          columns: Array.from(knownTraitNames, (_, index) => companyColumns?.[index]),
          custom: Array.from(keys.company, (_, index) => companyCustom?.[index]),
        };
      }
    } else if (companyColumns !== null || companyCustom !== null) {
      const alone = problem('company_traits_alone');
      refused.push({ column: 'company_id', value: '', problem: alone });
    }
    return { columns: userColumns, custom: userCustom, company, optOuts: optOuts ?? [], missing };
  };

  return {
    see(cells) {
      const counts = cellOf(cells, plan.keyAt).trim() !== '';
      for (const {
        plan: { at },
        typer,
      } of loaded)
        typer?.see(cellOf(cells, at).trim(), counts);
      for (const column of unread)
        countCell(column, cellOf(cells, column.plan.at) === '' ? null : '', 'counted');
    },
    customKeys: keys,
    decide(known) {
      const file = { dot: false, comma: false };
      for (const { typer } of loaded) {
        file.dot ||= typer?.decimals.dot ?? false;
        file.comma ||= typer?.decimals.comma ?? false;
      }
      for (const column of loaded) {
        const { target, separator } = column.plan;
        if (target?.kind === 'column') column.reader = knownReader(target.trait, target.name, reading);
        if (target?.kind !== 'custom') continue;
        const comma = column.typer === null ? 'unread' : commaOf(column.typer.decimals, file);
        const type = known[target.of].get(target.name) ?? column.typer?.type(comma) ?? 'text';
        column.type = type;
        if (type === 'text' && reading.dates === null && column.typer?.unreadDates === true)
          column.hint =
            'its dates stay text; `--dates dmy`, `mdy` or `ymd` reads them, over HTTP `?dates=dmy`';
        column.reader = customReader(type, target.name, reading, comma, separator);
      }
    },
    build(cells) {
      const cell = cellOf(cells, plan.keyAt).trim();
      const problems: Problem[] = [];
      const key = cell === '' || plan.key === 'email' ? cell : collectId('user_id', cell, problems);
      if (cell === '') problems.push(problem(plan.key === 'email' ? 'row_no_email' : 'row_no_user_id'));
      const fault = plan.key === 'email' ? textFault(cell) : null;
      if (fault !== null) problems.push(problem('trait_bad_text', { where: '`email`', what: fault }));
      const refused: RefusedCell[] = [];
      const { missing, ...row } = buildTraits(cells, refused, 'counted');
      problems.push(...missing);
      if (strict) problems.push(...refused.map((each) => each.problem));
      checkSize(row, problems);
      const [first, ...rest] = problems;
      const countKey = (counting: Counting): void => {
        if (keyColumn !== undefined) countCell(keyColumn, cell === '' ? null : cell, counting);
      };
      countKey('counted');
      // Only rows that are not loaded are read once more, so that the others cost nothing.
      const takeBack = (): void => {
        countKey('taken back');
        buildTraits(cells, [], 'taken back');
      };
      if (first === undefined) return { key, row, refused, takeBack };
      takeBack();
      return { problems: [first, ...rest] };
    },
    sent: (of) =>
      columns.flatMap(({ plan: { target }, read }) =>
        read > 0 && target !== null && 'of' in target && target.of === of ? target.name : [],
      ),
    report: () =>
      columns
        .filter(({ plan: { name, target }, read }) => name !== '' || target !== null || read > 0)
        .map(reportOf),
  };
}

function withKey({ prefix }: TraitColumn, staged: string | null): string | null {
  return prefix === '' || staged === null ? staged : prefix + staged;
}

function checkSize({ columns, custom, company }: StagedRow, problems: Problem[]): void {
  for (const part of [[columns, custom], company === null ? [] : [company.columns, company.custom]]) {
    let size = 0;
    for (const values of part) for (const value of values.values()) size += value?.length ?? 0;
    // No text has more bytes than three a UTF-16 unit, so short rows need no counting.
    if (size <= traitLimits.traitsBytes / 3) continue;
    let count = 0;
    for (const values of part) for (const value of values.values()) count += Buffer.byteLength(value ?? '');
    if (count > traitLimits.traitsBytes) {
      problems.push(problem('traits_too_large', { count, limit: traitLimits.traitsBytes }));
    }
  }
}
