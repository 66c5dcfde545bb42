import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MusterError, refuse } from '../errors/index.js';
import { parseFilter } from '../filter/parse.js';
import { isObject, shown } from '../filter/parse/context.js';
import { nearest } from '../filter/parse/suggest.js';
import type { Filter } from '../filter/tree.js';

/** An audience that most products have, ready to use: a file of `rules/presets`. */
export interface Preset {
  /** The file's name without `.json`. */
  readonly key: string;
  readonly title: string;
  /** Whom it means, for people who do not read filters. */
  readonly sentence: string;
  readonly filter: Filter;
  /** The filter as the file has it. */
  readonly json: unknown;
}

// The same two steps up from `src/audience` and from the built `dist/audience`.
const folder = fileURLToPath(new URL('../../rules/presets', import.meta.url));

/** Every preset, by key. Errors: `bad_preset`, for a file that does not hold one. */
export function loadPresets(): readonly Preset[] {
  return presetKeys().map(readPreset);
}

/** The preset of that key. Errors: `unknown_preset`, with the one that was probably meant. */
export function presetNamed(key: string): Preset {
  const keys = presetKeys();
  if (keys.includes(key)) return readPreset(key);
  const meant = nearest(key, keys);
  const hint =
    meant === null ? {} : { hint: `did you mean \`${meant}\`? The presets are ${keys.join(', ')}` };
  return refuse('unknown_preset', { key: shown(key), presets: keys.join(', ') }, hint);
}

function presetKeys(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .toSorted();
}

function readPreset(key: string): Preset {
  const file = `${key}.json`;
  const json = readJson(file);
  if (!isObject(json)) return refuse('bad_preset', { file, reason: 'it is not an object' });
  const { title, sentence, filter } = json;
  if (json['key'] !== key) return refuse('bad_preset', { file, reason: 'its key is not its file name' });
  if (!isText(title)) return refuse('bad_preset', { file, reason: 'it has no title' });
  if (!isText(sentence)) return refuse('bad_preset', { file, reason: 'it has no sentence' });
  return { key, title, sentence, filter: parsed(filter, file), json: filter };
}

function readJson(file: string): unknown {
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    return json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('bad_preset', { file, reason }, { cause: error });
  }
}

function parsed(filter: unknown, file: string): Filter {
  try {
    return parseFilter(filter);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return refuse(
      'bad_preset',
      { file, reason: error.message },
      { path: `/filter${error.path}`, cause: error },
    );
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
