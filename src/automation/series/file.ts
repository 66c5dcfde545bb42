import { readFile } from 'node:fs/promises';
import { refuse } from '../../errors/index.js';
import type { SeriesDefinition } from './model.js';
import { parseSeries } from './parse.js';

/** Example series that ship with Muster, by key. */
export const exampleSeries = {
  welcome: exampleFile('welcome'),
  onboarding: exampleFile('onboarding'),
  'trial-ending': exampleFile('trial-ending'),
  'win-back': exampleFile('win-back'),
  renewal: exampleFile('renewal'),
} as const;

function exampleFile(key: string): URL {
  return new URL(`../../../rules/series/${key}.json`, import.meta.url);
}

/**
 * Reads and checks one series from a JSON file. Errors: `series_unreadable`, `series_not_json`, those of `parseSeries`.
 */
export async function loadSeries(file: string | URL): Promise<SeriesDefinition> {
  return parseSeries(await loadSeriesDocument(file));
}

/** The document of a series as a file has it, unchecked. Errors: `series_unreadable`, `series_not_json`. */
export async function loadSeriesDocument(file: string | URL): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return refuse('series_unreadable', { file: String(file), reason: reasonOf(error) }, { cause: error });
  }
  return parseSeriesJson(text);
}

/** The same of a text. Errors: `series_not_json`. */
export function parseSeriesJson(text: string): unknown {
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
