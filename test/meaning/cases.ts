import { readdirSync, readFileSync } from 'node:fs';
import type { UserRecord } from '../../src/filter/record.js';

/** What a filter means for one record: `test/cases/README.md` says how to write one. */
export interface MeaningCase {
  readonly kind: 'meaning';
  readonly name: string;
  readonly filter: unknown;
  readonly record: UserRecord;
  readonly customFieldsText: string | null;
  readonly now: string;
  readonly zone: string;
  readonly expected: boolean;
  readonly clauseReasons: readonly string[] | null;
}

/** What is refused, and where in the document. */
export interface RefusalCase {
  readonly kind: 'refusal';
  readonly name: string;
  /** The filter as JSON text. */
  readonly text: string;
  readonly refused: readonly { readonly code: string; readonly path: string }[];
}

export interface Theme {
  readonly name: string;
  readonly cases: readonly (MeaningCase | RefusalCase)[];
}

const folder = new URL('../cases/', import.meta.url);

/** Every file of `test/cases`, in the order of their names. A key that is not part of the format is an error. */
export function readThemes(): Theme[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const list: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    if (!Array.isArray(list)) throw new TypeError(`${file} is not a list of cases`);
    return {
      name: file.slice(0, -'.json'.length),
      cases: list.map((value: unknown, position) => caseOf(value, `case ${position} of ${file}`)),
    };
  });
}

function caseOf(value: unknown, place: string): MeaningCase | RefusalCase {
  const entry = membersOf(value, place);
  const name = textOf(entry.get('name'), `the name of ${place}`);
  const where = `\`${name}\``;
  if (entry.has('refused')) {
    refuseOthers(entry, ['name', 'filter', 'text', 'refused'], where);
    return {
      kind: 'refusal',
      name,
      text: entry.has('text') ? textOf(entry.get('text'), where) : JSON.stringify(entry.get('filter')),
      refused: listOf(entry.get('refused'), where).map((problem) => {
        const members = membersOf(problem, where);
        return { code: textOf(members.get('code'), where), path: textOf(members.get('path'), where) };
      }),
    };
  }
  const known = [
    'name',
    'filter',
    'record',
    'custom_fields_text',
    'now',
    'zone',
    'expected',
    'reason',
    'clause_reasons',
  ];
  refuseOthers(entry, known, where);
  textOf(entry.get('reason'), `the reason of ${where}`);
  const expected = entry.get('expected');
  if (typeof expected !== 'boolean') throw new TypeError(`${where} does not say what is expected`);
  const record: UserRecord = Object.fromEntries(membersOf(entry.get('record'), where));
  const customFieldsText = entry.has('custom_fields_text')
    ? textOf(entry.get('custom_fields_text'), where)
    : null;
  return {
    kind: 'meaning',
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
