import { readFileSync, statSync } from 'node:fs';
import { presetNamed } from '../audience/presets.js';
import { parseFilterIn } from '../audience/segments/saved.js';
import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import { parseFilterText } from '../filter/parse.js';
import { jsonFault } from '../filter/parse/json.js';
import { segmentsIn } from '../filter/named-in.js';
import type { Filter } from '../filter/tree.js';

export interface NamedFilter {
  readonly filter: Filter;
  /** What to call it on a screen: the preset's title or the file's path; null for inline JSON. */
  readonly title: string | null;
}

/** A filter that may name segments of a workspace, which is not at hand yet. */
export interface AskedFilter {
  readonly title: string | null;
  /** Reads it with the segments that it names. Errors: the language's own. */
  in(pool: Pool, workspaceId: string): Promise<Filter>;
}

/** Bytes of a filter file; the language's own limits allow far less than this. */
const fileLimit = 20_000_000;

/**
 * Reads `F`: inline JSON when it begins like JSON, a path when it looks like one or names a file, else a preset key.
 *
 * Errors: `filter_file_unreadable`, the presets' and the language's own.
 */
export function readFilter(input: string): NamedFilter {
  const { text, title } = written(input);
  if (text !== null) return { filter: parseFilterText(text), title };
  const preset = presetNamed(input);
  return { filter: preset.filter, title: preset.title };
}

/** The same for a command that knows the workspace. What names no segment is read at once, before any server is started. */
export function askedFilter(input: string): AskedFilter {
  const { text, title } = written(input);
  if (text !== null && jsonFault(text) === null) {
    const document: unknown = JSON.parse(text);
    if (segmentsIn(document).length > 0)
      return { title, in: (pool, workspaceId) => parseFilterIn(pool, workspaceId, document) };
  }
  const read = readFilter(input);
  return { title: read.title, in: async () => read.filter };
}

/**
 * The JSON of a filter as it is written, for a command that saves it. Errors: `filter_file_unreadable`, the presets', and of the
 * language those that its text has.
 */
export function readDocument(input: string): unknown {
  const { text } = written(input);
  if (text === null) return presetNamed(input).json;
  if (jsonFault(text) !== null) parseFilterText(text);
  const document: unknown = JSON.parse(text);
  return document;
}

/** Whether the input is the filter itself, not a name of one. */
export function isInline(input: string): boolean {
  return /^\s*(?:[{["]|(?:true|false|null)\s*$)/.test(input);
}

/** The text of a filter that is written inline or in a file; null where the input is the key of a preset. */
function written(input: string): { text: string | null; title: string | null } {
  if (isInline(input)) return { text: input, title: null };
  return looksLikePath(input) ? { text: readText(input), title: input } : { text: null, title: null };
}

/** Whether the input names a file, even one that is not there. */
export function looksLikePath(input: string): boolean {
  if (/[/\\]|\.json$/i.test(input)) return true;
  try {
    return statSync(input).isFile();
  } catch {
    // It is not there, or cannot be a name of a file at all.
    return false;
  }
}

function readText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > fileLimit) refuse('filter_file_unreadable', { file, reason: `it has ${size} bytes` });
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'MusterError') throw error;
    return refuse('filter_file_unreadable', { file, reason: reasonOf(error) }, { cause: error });
  }
}

/** A file system's refusal in plain words. */
export function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENAMETOOLONG: 'its name is longer than the system allows',
    EACCES: 'this account may not read it',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of the path is not a folder',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
  };
  return words[code] ?? error.message;
}
