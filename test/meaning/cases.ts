import { readdirSync, readFileSync } from 'node:fs';
import type { UserRecord } from '../../src/filter/record.js';

/** What a filter means for one record: `test/cases/README.md` says how to write one. */
export interface MeaningCase {
  readonly name: string;
  readonly filter: unknown;
  readonly record: UserRecord;
  readonly customFieldsText: string | null;
  readonly now: string;
  readonly zone: string;
  readonly expected: boolean;
  readonly clauseReasons: readonly string[] | null;
  /** Saved segments that the filter names, by key. */
  readonly segments: ReadonlyMap<string, unknown>;
}

/** What is refused, and where in the document. */
export interface RefusalCase {
  readonly name: string;
  /** The filter as JSON text. */
  readonly text: string;
  /** Whether the text can be read as JSON without loss, so that only the language refuses it. */
  readonly isJson: boolean;
  readonly refused: readonly { readonly code: string; readonly path: string }[];
  readonly segments: ReadonlyMap<string, unknown>;
}

export interface Theme {
  /** The file's name without its ending. */
  readonly name: string;
  readonly meanings: readonly MeaningCase[];
  readonly refusals: readonly RefusalCase[];
}

const folder = new URL('../cases/', import.meta.url);

/** Every file of `test/cases`, in the order of their names. A key that is not part of the format is an error. */
export function readThemes(): Theme[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const list: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    const entries = listOf(list, file).map((value, position) =>
      membersOf(value, `case ${position} of ${file}`),
    );
    return {
      name: file.slice(0, -'.json'.length),
      meanings: entries.filter((entry) => !entry.has('refused')).map(meaningOf),
      refusals: entries.filter((entry) => entry.has('refused')).map(refusalOf),
    };
  });
}

/** The saved segments of all cases: one key is one segment, in whichever case it is written. */
export function segmentsOf(themes: readonly Theme[]): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const each of themes.flatMap(({ meanings, refusals }) => [...meanings, ...refusals])) {
    for (const [key, filter] of each.segments) {
      if (found.has(key) && JSON.stringify(found.get(key)) !== JSON.stringify(filter))
        throw new TypeError(`\`${each.name}\` has another segment \`${key}\` than an earlier case`);
      found.set(key, filter);
    }
  }
  return found;
}

function refusalOf(entry: ReadonlyMap<string, unknown>): RefusalCase {
  const name = textOf(entry.get('name'), 'a case');
  const where = `\`${name}\``;
  refuseOthers(entry, ['name', 'filter', 'text', 'refused', 'segments'], where);
  const refused = listOf(entry.get('refused'), where).map((problem) => {
    const members = membersOf(problem, where);
    return { code: textOf(members.get('code'), where), path: textOf(members.get('path'), where) };
  });
  return {
    name,
    text: entry.has('text') ? textOf(entry.get('text'), where) : JSON.stringify(entry.get('filter')),
    isJson: refused.every(({ code }) => code !== 'filter_not_json' && code !== 'duplicate_key'),
    refused,
    segments: entry.has('segments') ? membersOf(entry.get('segments'), where) : new Map(),
  };
}

const meaningKeys = [
  'name',
  'filter',
  'record',
  'custom_fields_text',
  'now',
  'zone',
  'expected',
  'reason',
  'clause_reasons',
  'segments',
];

function meaningOf(entry: ReadonlyMap<string, unknown>): MeaningCase {
  const name = textOf(entry.get('name'), 'a case');
  const where = `\`${name}\``;
  refuseOthers(entry, meaningKeys, where);
  textOf(entry.get('reason'), `the reason of ${where}`);
  const expected = entry.get('expected');
  if (typeof expected !== 'boolean') throw new TypeError(`${where} does not say what is expected`);
  const record: UserRecord = Object.fromEntries(membersOf(entry.get('record'), where));
  const customFieldsText = entry.has('custom_fields_text')
    ? textOf(entry.get('custom_fields_text'), where)
    : null;
  return {
    name,
    filter: entry.get('filter'),
    record:
      customFieldsText === null ? record : { ...record, custom_fields: objectOf(customFieldsText, where) },
    customFieldsText,
    now: textOf(entry.get('now'), where),
    zone: textOf(entry.get('zone'), where),
    expected,
    clauseReasons: entry.has('clause_reasons')
      ? listOf(entry.get('clause_reasons'), where).map((reason) => textOf(reason, where))
      : null,
    segments: entry.has('segments') ? membersOf(entry.get('segments'), where) : new Map(),
  };
}

function objectOf(text: string, where: string): Record<string, unknown> {
  return Object.fromEntries(membersOf(JSON.parse(text), where));
}

function membersOf(value: unknown, where: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${where} needs an object`);
  }
  return new Map<string, unknown>(Object.entries(value));
}

function listOf(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${where} needs a list`);
  return value;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string') throw new TypeError(`${where} needs a text`);
  return value;
}

function refuseOthers(entry: ReadonlyMap<string, unknown>, known: readonly string[], where: string): void {
  const other = [...entry.keys()].find((key) => !known.includes(key));
  if (other !== undefined) throw new TypeError(`${where} has the unknown key \`${other}\``);
}
