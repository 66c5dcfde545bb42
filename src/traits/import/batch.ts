import { knownTraitNames } from '../known-traits.js';
import type { CompanyPatch } from '../statements/patch-companies.js';
import type { SentName } from '../names.js';
import type { OptOutField } from './fields.js';
import { isByKey, mergeRows, mergeTraits } from './row.js';
import type { CustomPart, StagedCompany, StagedRow, StagedTraits } from './row.js';

/** Custom traits of a file whose rows hold them by position. */
export interface CustomKeys {
  readonly user: readonly string[];
  readonly company: readonly string[];
}

/** Where a row stands in the file, for when it has to be refused after all. */
export interface BatchRow {
  readonly line: number;
  readonly cells: readonly string[];
  /** Takes its cells out of the counts of the columns. */
  readonly takeBack: () => void;
}

/** Rows that are loaded in one transaction, each person once. */
export interface Batch {
  /** Adds a row over an earlier one of the same person. */
  add(userId: string, row: StagedRow, at: BatchRow): void;
  /** Rows added, people named twice counted twice. */
  readonly rows: number;
  readonly full: boolean;
  /** Whether any row removes a trait. */
  readonly removes: boolean;
  /** Everybody in it. */
  people(): readonly string[];
  /** Rows of one person. */
  rowsOf(userId: string): readonly BatchRow[];
  /** Custom traits of a person whose rows name them one by one, and of their companies; those of a table are its columns. */
  namesOf(userId: string): SentName[];
  /** Companies that the rows of these people name, each once, with what their rows leave of it. */
  companies(people: ReadonlySet<string>): CompanyPatch[];
  /** Which of these people the rows put on a list. */
  optOuts(list: OptOutField, people: ReadonlySet<string>): readonly string[];
  /** These people in the text format of COPY, in the order of the staging table's columns. */
  copyText(people: ReadonlySet<string>): string;
}

/** Large enough that a commit costs little, small enough that the two batches in memory stay below 100 MB. */
const mostRows = 2500;
const mostCharacters = 1_000_000;

export function newBatch(keys: CustomKeys): Batch {
  const people = new Map<string, StagedRow>();
  const places = new Map<string, BatchRow[]>();
  const companiesOf = new Map<string, StagedCompany[]>();
  const optOuts: Record<OptOutField, Set<string>> = { unsubscribed: new Set(), suppressed: new Set() };
  let rows = 0;
  let characters = 0;
  let removes = false;
  return {
    add(userId, row, at) {
      const earlierRows = places.get(userId);
      if (earlierRows === undefined) places.set(userId, [at]);
      else earlierRows.push(at);
      const earlier = people.get(userId);
      people.set(userId, earlier === undefined ? row : mergeRows(earlier, row));
      rows += 1;
      characters += userId.length + sizeOf(row);
      removes ||= removesAny(row);
      for (const list of row.optOuts) optOuts[list].add(userId);
      const { company } = row;
      if (company === null) return;
      const others = companiesOf.get(userId);
      if (others === undefined) companiesOf.set(userId, [company]);
      else others.push(company);
      characters += sizeOf(company);
    },
    get rows() {
      return rows;
    },
    get full() {
      return rows >= mostRows || characters >= mostCharacters;
    },
    get removes() {
      return removes;
    },
    people: () => [...people.keys()],
    rowsOf: (userId) => places.get(userId) ?? [],
    namesOf: (userId) => namesIn(people.get(userId), companiesOf.get(userId) ?? []),
    companies(some) {
      const merged = new Map<string, StagedCompany>();
      for (const [userId, own] of companiesOf) {
        if (!some.has(userId)) continue;
        for (const company of own) {
          const { id } = company;
          const before = merged.get(id);
          merged.set(id, before === undefined ? company : { id, ...mergeTraits(before, company) });
        }
      }
      return Array.from(merged.values(), (company) => patchOf(company, keys.company));
    },
    optOuts: (list, some) => [...optOuts[list]].filter((userId) => some.has(userId)),
    copyText(some) {
      let text = '';
      for (const [userId, row] of people) if (some.has(userId)) text += copyLine(userId, row, keys.user);
      return text;
    },
  };
}

function namesIn(row: StagedRow | undefined, companies: readonly StagedCompany[]): SentName[] {
  const own = row === undefined ? [] : namesOfPart('user', row.custom);
  return [...own, ...companies.flatMap(({ custom }) => namesOfPart('company', custom))];
}

function namesOfPart(kind: 'user' | 'company', custom: CustomPart): SentName[] {
  if (!isByKey(custom)) return [];
  return [...custom].flatMap(([name, value]) => (value === null ? [] : { kind, name, path: '' }));
}

function patchOf({ id, columns, custom }: StagedCompany, keys: readonly string[]): CompanyPatch {
  const named = knownTraitNames.flatMap((name, index) => {
    const value = columns[index];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    companyId: id,
    columns: JSON.stringify(Object.fromEntries(named)),
    custom: customJson(custom),
    removed: removedKeys(custom, keys),
  };
}

function sizeOf({ columns, custom }: StagedTraits): number {
  let size = 0;
  for (const value of columns) size += value?.length ?? 0;
  for (const value of custom.values()) size += value?.length ?? 0;
  return size;
}

function removesAny({ columns, custom }: StagedTraits): boolean {
  if (columns.includes(null)) return true;
  for (const value of custom.values()) if (value === null) return true;
  return false;
}

function copyLine(userId: string, { columns, custom, company }: StagedRow, keys: readonly string[]): string {
  let line = escaped(userId);
  columns.forEach((value) => {
    line += value === null || value === undefined ? '\t\\N' : `\t${escaped(value)}`;
  });
  const emptied = emptiedNames(columns);
  const removed = removedKeys(custom, keys);
  line += `\t${escaped(customJson(custom))}`;
  line += emptied.length === 0 ? '\t\\N' : `\t${escaped(JSON.stringify(emptied))}`;
  line += removed.length === 0 ? '\t\\N' : `\t${escaped(JSON.stringify(removed))}`;
  line += company === null ? '\t\\N' : `\t${escaped(company.id)}`;
  return `${line}\n`;
}

/** The custom traits to set, as one JSON object. */
export function customJson(custom: CustomPart): string {
  let json = '';
  for (const value of custom.values()) {
    if (value !== null && value !== undefined) json += json === '' ? value : `,${value}`;
  }
  return `{${json}}`;
}

/** Known traits to remove. */
export function emptiedNames(columns: StagedTraits['columns']): string[] {
  if (!columns.includes(null)) return [];
  return knownTraitNames.filter((_, index) => columns[index] === null);
}

/** Custom traits to remove; `keys` names those that stand by position. */
export function removedKeys(custom: CustomPart, keys: readonly string[]): string[] {
  if (isByKey(custom)) return [...custom].filter(([, value]) => value === null).map(([key]) => key);
  return custom.includes(null) ? keys.filter((_, index) => custom[index] === null) : [];
}

const special = /[\\\n\r\t]/;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(text: string): string {
  return special.test(text)
    ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
    : text;
}
