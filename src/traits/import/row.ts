import { knownTraitNames } from '../known-traits.js';
import type { OptOutField } from './fields.js';

/** One person's traits on the way into the staging table. */
export interface StagedRow extends StagedTraits {
  /** The company they belong to, and what the row says of it. */
  readonly company: StagedCompany | null;
  /** The lists that the row puts them on. */
  readonly optOuts: readonly OptOutField[];
}

export interface StagedTraits {
  /** By position in `knownTraitNames`: the column's text, null to empty it, undefined to leave it. */
  readonly columns: readonly (string | null | undefined)[];
  /** By custom trait: `"key":value` as JSON, or null to remove it. */
  readonly custom: CustomPart;
}

export interface StagedCompany extends StagedTraits {
  readonly id: string;
}

/** By key, or by position where all rows have the same keys; the latter is what makes a CSV row cheap. */
export type CustomPart = ReadonlyMap<string, string | null> | readonly (string | null | undefined)[];

/** What a later row of the same person leaves: each trait has its last word, as if they had come one by one. */
export function mergeRows(earlier: StagedRow, later: StagedRow): StagedRow {
  return {
    ...mergeTraits(earlier, later),
    company: mergeCompany(earlier.company, later.company),
    optOuts: [...new Set([...earlier.optOuts, ...later.optOuts])],
  };
}

function mergeCompany(earlier: StagedCompany | null, later: StagedCompany | null): StagedCompany | null {
  if (earlier === null || later === null) return later ?? earlier;
  return earlier.id === later.id ? { id: later.id, ...mergeTraits(earlier, later) } : later;
}

export function mergeTraits(earlier: StagedTraits, later: StagedTraits): StagedTraits {
  const columns = earlier.columns.map((value, index) => overlay(value, later.columns[index]));
  return { columns, custom: mergeCustom(earlier.custom, later.custom) };
}

function mergeCustom(earlier: CustomPart, later: CustomPart): CustomPart {
  if (isByKey(earlier) && isByKey(later)) return new Map([...earlier, ...later]);
  if (isByKey(earlier) || isByKey(later)) throw new TypeError('the rows of one file have one shape');
  return earlier.map((value, index) => overlay(value, later[index]));
}

function overlay<T>(earlier: T, later: T): T {
  return later === undefined ? earlier : later;
}

export function isByKey(custom: CustomPart): custom is ReadonlyMap<string, string | null> {
  return custom instanceof Map;
}

const positions = new Map<string, number>(knownTraitNames.map((name, index) => [name, index]));

/** Where `StagedTraits.columns` holds the known trait. */
export function positionOf(name: string): number {
  return positions.get(name) ?? -1;
}
