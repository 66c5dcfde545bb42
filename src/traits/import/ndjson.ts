import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { isObject, shown } from '../../filter/parse/context.js';
import { knownTraitNames } from '../known-traits.js';
import { itemLimit } from '../rows/lines.js';
import { sentKeys } from '../catalogue/sent.js';
import { collectTraits } from '../check.js';
import { collectId } from '../ids.js';
import type { BuiltRow } from './csv-rows.js';

/** Traits remembered of one file, so that memory stays flat whatever it holds. */
const mostSent = 10_000;

/**
 * Builds the row of one line: `{ "user_id", "traits" }`, types as given, null removes a trait. Traits that it has a value
 * of are added to `sent`.
 */
export function ndjsonRow(text: string | null, sent: Set<string>): BuiltRow {
  if (text === null) return { problems: [problem('row_too_long', { limit: itemLimit })] };
  const value = parsed(text);
  if (!isObject(value)) return { problems: [problem('row_not_json')] };
  const problems: Problem[] = [];
  for (const key of Object.keys(value)) {
    // A trait beside `traits` would be lost without a word.
    if (key !== 'user_id' && key !== 'traits') problems.push(problem('row_unknown_key', { key: shown(key) }));
  }
  const sentId = Object.hasOwn(value, 'user_id') ? value['user_id'] : undefined;
  const isAbsent = sentId === undefined || sentId === null || sentId === '';
  const userId = isAbsent ? '' : collectId('user_id', sentId, problems);
  if (isAbsent) problems.push(problem('row_no_user_id'));
  const traits = collectTraits(Object.hasOwn(value, 'traits') ? value['traits'] : undefined, problems);
  const [first, ...rest] = problems;
  if (first !== undefined) return { problems: [first, ...rest] };
  for (const key of sentKeys(traits)) if (sent.size < mostSent) sent.add(key);
  const custom = new Map<string, string | null>();
  for (const [key, trait] of Object.entries(traits.custom)) {
    custom.set(key, `${JSON.stringify(key)}:${JSON.stringify(trait)}`);
  }
  for (const key of traits.removed) custom.set(key, null);
  const columns = knownTraitNames.map((name) => {
    const column = traits.columns[name];
    return typeof column === 'boolean' ? String(column) : column;
  });
  return { userId, row: { columns, custom } };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
