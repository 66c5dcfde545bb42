import { readFile } from 'node:fs/promises';
import { refuse } from '../../errors/index.js';
import type { SeriesDefinition } from './model.js';
import { parseSeries } from './parse.js';

/** Example series that ship with Muster, by key. */
export const exampleSeries = {
  welcome: new URL('../../../rules/series/welcome.json', import.meta.url),
} as const;

/**
 * Reads and checks one series from a JSON file. Errors: `series_unreadable`, `series_not_json`, those of `parseSeries`.
 */
export async function loadSeries(file: string | URL): Promise<SeriesDefinition> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return refuse('series_unreadable', { file: String(file), reason: reasonOf(error) }, { cause: error });
  }
  return parseSeries(parseJson(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse('series_not_json', { reason: reasonOf(error) }, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The system's message repeats the path that the refusal already names.
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
