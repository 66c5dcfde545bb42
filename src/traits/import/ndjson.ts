import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { isObject, shown } from '../../filter/parse/context.js';
import { knownTrait, knownTraitNames } from '../known-traits.js';
import { itemLimit } from '../rows/lines.js';
import { sentKeys } from '../catalogue/sent.js';
import { collectTraits } from '../check.js';
import type { CheckedTraits } from '../check.js';
import { collectCompanyPart } from '../company-part.js';
import { collectId } from '../ids.js';
import { readEpoch, readTime } from './cells/times.js';
import type { DateOrder } from './cells/times.js';
import type { BuiltRow } from './csv-rows.js';
import type { Owner } from './fields.js';
import type { ImportKey } from './options.js';
import { positionOf } from './row.js';
import type { StagedTraits } from './row.js';

/** Traits remembered of one file, so that memory stays flat whatever it holds. */
const mostSent = 10_000;

export interface ItemOptions {
  readonly key: ImportKey;
  readonly dates: DateOrder | null;
}

/** Traits that items had a value of. */
export type SentTraits = Readonly<Record<Owner, Set<string>>>;

const keys: readonly string[] = ['user_id', 'traits', 'company_id', 'company_traits'];

/**
 * Builds the row of one item: `{ "user_id", "traits", "company_id", "company_traits" }`, types as given, null removes a
 * trait; only times of known traits may be written as in a CSV file. Traits that it has a value of are added to `sent`.
 */
export function ndjsonRow(text: string | null, { key, dates }: ItemOptions, sent: SentTraits): BuiltRow {
  if (text === null) return { problems: [problem('row_too_long', { limit: itemLimit })] };
  const value = parsed(text);
  if (!isObject(value)) return { problems: [problem('row_not_json')] };
  const problems: Problem[] = [];
  for (const name of Object.keys(value)) {
    // A trait beside `traits` would be lost without a word.
    if (!keys.includes(name)) problems.push(problem('row_unknown_key', { key: shown(name) }));
  }
  const own = (name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined);
  const traits = collectTraits(withTimes(own('traits'), 'user', dates), problems);
  const row = staged(traits);
  const given = key === 'email' ? traits.columns['email'] : own('user_id');
  const isAbsent = given === undefined || given === null || given === '';
  if (isAbsent) problems.push(problem(key === 'email' ? 'row_no_email' : 'row_no_user_id'));
  const address = typeof given === 'string' ? given.trim() : '';
  const id = key === 'email' ? address : isAbsent ? '' : collectId('user_id', given, problems);
  const companyTraits = withTimes(own('company_traits'), 'company', dates);
  const part = collectCompanyPart(own('company_id'), companyTraits, problems);
  const [first, ...rest] = problems;
  if (first !== undefined) return { problems: [first, ...rest] };
  note(sent.user, traits);
  if (part !== null) note(sent.company, part.traits);
  const company = part === null ? null : { id: part.id, ...staged(part.traits) };
  const columns = key === 'email' ? row.columns.with(positionOf('email'), undefined) : row.columns;
  return { key: id, row: { ...row, columns, company, optOuts: [] }, refused: [], takeBack: () => undefined };
}

function note(sent: Set<string>, traits: CheckedTraits): void {
  for (const name of sentKeys(traits)) if (sent.size < mostSent) sent.add(name);
}

function staged(traits: CheckedTraits): StagedTraits {
  const custom = new Map<string, string | null>();
  for (const [name, trait] of Object.entries(traits.custom)) {
    custom.set(name, `${JSON.stringify(name)}:${JSON.stringify(trait)}`);
  }
  for (const name of traits.removed) custom.set(name, null);
  const columns = knownTraitNames.map((name) => {
    const column = traits.columns[name];
    return typeof column === 'boolean' ? String(column) : column;
  });
  return { columns, custom };
}

/** The traits with the times of known ones in ISO 8601, where they are read as such. */
function withTimes(traits: unknown, of: Owner, dates: DateOrder | null): unknown {
  if (!isObject(traits)) return traits;
  const read: [string, string][] = [];
  for (const name of knownTraitNames) {
    const value = Object.hasOwn(traits, name) ? traits[name] : undefined;
    if (knownTrait(name, of)?.kind !== 'time' || (typeof value !== 'string' && typeof value !== 'number'))
      continue;
    if (typeof value === 'string' && parseIso(value) !== null) continue;
    const iso = readTime(String(value), dates) ?? readEpoch(String(value));
    if (iso !== null) read.push([name, iso]);
  }
  return read.length === 0 ? traits : { ...traits, ...Object.fromEntries(read) };
}

/** The value that the text is as JSON, or undefined. */
export function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
