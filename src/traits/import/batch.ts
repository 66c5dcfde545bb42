import { knownTraitNames } from '../known-traits.js';
import { isByKey, mergeRows } from './row.js';
import type { CustomPart, StagedRow } from './row.js';

/** Rows that are loaded in one transaction, each person once. */
export interface Batch {
  /** Adds a row over an earlier one of the same person. */
  add(userId: string, row: StagedRow): void;
  /** Rows added, people named twice counted twice. */
  readonly rows: number;
  readonly full: boolean;
  /** Whether any row removes a trait. */
  readonly removes: boolean;
  /** The batch in the text format of COPY, in the order of the staging table's columns. */
  copyText(): string;
}

/** Large enough that a commit costs little, small enough that the two batches in memory stay below 100 MB. */
const mostRows = 2500;
const mostCharacters = 1_000_000;

export function newBatch(): Batch {
  const people = new Map<string, StagedRow>();
  let rows = 0;
  let characters = 0;
  let removes = false;
  return {
    add(userId, row) {
      const earlier = people.get(userId);
      people.set(userId, earlier === undefined ? row : mergeRows(earlier, row));
      rows += 1;
      characters += userId.length + sizeOf(row);
      removes ||= removesAny(row);
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
    copyText() {
      let text = '';
      for (const [userId, row] of people) text += copyLine(userId, row);
      return text;
    },
  };
}

function sizeOf({ columns, custom }: StagedRow): number {
  let size = 0;
  for (const value of columns) size += value?.length ?? 0;
  for (const value of custom.values()) size += value?.length ?? 0;
  return size;
}

function removesAny({ columns, custom }: StagedRow): boolean {
  if (columns.includes(null)) return true;
  if (!isByKey(custom)) return false;
  for (const value of custom.values()) if (value === null) return true;
  return false;
}

function copyLine(userId: string, { columns, custom }: StagedRow): string {
  let line = escaped(userId);
  let emptied: string[] | null = null;
  columns.forEach((value, index) => {
    line += value === null || value === undefined ? '\t\\N' : `\t${escaped(value)}`;
    if (value === null) (emptied ??= []).push(knownTraitNames[index] ?? '');
  });
  const removed = removedKeys(custom);
  line += `\t${escaped(customJson(custom))}`;
  line += emptied === null ? '\t\\N' : `\t${escaped(JSON.stringify(emptied))}`;
  line += removed === null ? '\t\\N' : `\t${escaped(JSON.stringify(removed))}`;
  return `${line}\n`;
}

function customJson(custom: CustomPart): string {
  let json = '';
  for (const value of custom.values()) {
    if (value !== null && value !== undefined) json += json === '' ? value : `,${value}`;
  }
  return `{${json}}`;
}

function removedKeys(custom: CustomPart): string[] | null {
  if (!isByKey(custom)) return null;
  const keys = [...custom].filter(([, value]) => value === null).map(([key]) => key);
  return keys.length === 0 ? null : keys;
}

const special = /[\\\n\r\t]/;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(text: string): string {
  return special.test(text)
    ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
    : text;
}
