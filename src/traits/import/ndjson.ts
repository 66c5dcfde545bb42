import { problem, refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { isObject, shown } from '../../filter/parse/context.js';
import { knownTraitNames } from '../known-traits.js';
import { sentKeys } from '../catalogue/sent.js';
import { collectTraits } from '../check.js';
import type { BuiltRow } from './csv-rows.js';
import { checkRowId } from './row.js';
import { utf8Chunks } from './source.js';
import type { Source } from './source.js';

/** Traits remembered of one file, so that memory stays flat whatever it holds. */
const mostSent = 10_000;

/** Bytes of one line; far beyond what the traits of one person may have. */
const lineLimit = 1_048_576;

export interface NdjsonReading {
  readonly source: Source;
  /** Gets every line that is not blank; null in place of one that is too long to hold. */
  readonly onLine: (line: number, text: string | null) => void;
}

/** Reads a file line by line, as `readCsv` does. A line that is too long is passed over without being held. */
export async function* readNdjson({ source, onLine }: NdjsonReading): AsyncGenerator<number> {
  let line = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;
  let bytes = 0;
  let found = false;
  const hold = (part: Buffer): void => {
    heldBytes += part.length;
    if (heldBytes <= lineLimit) held.push(part);
    else held = [];
  };
  const finish = (): void => {
    const text = heldBytes > lineLimit ? null : Buffer.concat(held).toString('utf8');
    held = [];
    heldBytes = 0;
    if (text === null || text.trim() !== '') {
      found = true;
      onLine(line, text);
    }
    line += 1;
  };
  for await (const chunk of utf8Chunks(source)) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      hold(chunk.subarray(from, at));
      finish();
      from = at + 1;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
    bytes += chunk.length;
    yield bytes;
  }
  if (heldBytes > 0) finish();
  yield source.size;
  if (!found) refuse('import_empty', { file: source.name });
}

/**
 * Builds the row of one line: `{ "user_id", "traits" }`, types as given, null removes a trait. Traits that it has a value
 * of are added to `sent`.
 */
export function ndjsonRow(text: string | null, sent: Set<string>): BuiltRow {
  if (text === null) return { problems: [problem('row_too_long', { limit: lineLimit })] };
  const value = parsed(text);
  if (!isObject(value)) return { problems: [problem('row_not_json')] };
  const problems: Problem[] = [];
  for (const key of Object.keys(value)) {
    // A trait beside `traits` would be lost without a word.
    if (key !== 'user_id' && key !== 'traits') problems.push(problem('row_unknown_key', { key: shown(key) }));
  }
  const userId = Object.hasOwn(value, 'user_id') ? value['user_id'] : undefined;
  if (userId === undefined || userId === null || userId === '') problems.push(problem('row_no_user_id'));
  else checkRowId(userId, problems);
  const traits = collectTraits(Object.hasOwn(value, 'traits') ? value['traits'] : undefined, problems);
  const [first, ...rest] = problems;
  if (first !== undefined || typeof userId !== 'string') {
    return { problems: [first ?? problem('row_no_user_id'), ...rest] };
  }
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
