import { exampleSeries, loadSeriesDocument, parseSeriesJson } from '../automation/series/file.js';
import type { SeriesDefinition } from '../automation/series/model.js';
import { parseSeries } from '../automation/series/parse.js';
import { refuse } from '../errors/index.js';
import { segmentsIn } from '../filter/named-in.js';
import { nearest } from '../filter/parse/suggest.js';

/**
 * Reads `SERIES`: inline JSON when it begins like JSON, a path when it looks like one, else the key of an example.
 *
 * Errors: `unknown_example`, `series_unreadable`, `series_not_json`, those of `parseSeries`.
 */
export async function readSeries(input: string): Promise<SeriesDefinition> {
  return parseSeries(await readDocument(input));
}

/**
 * The same for a command that saves it, as it is written. What names no segment is checked at once, before any server is
 * started; the rest where the workspace is at hand.
 */
export async function readSeriesDocument(input: string): Promise<unknown> {
  const document = await readDocument(input);
  if (segmentsIn(document).length === 0) parseSeries(document);
  return document;
}

async function readDocument(input: string): Promise<unknown> {
  if (/^\s*\{/.test(input)) return parseSeriesJson(input);
  if (/[/\\]|\.json$/i.test(input)) return loadSeriesDocument(input);
  const example = Object.entries(exampleSeries).find(([key]) => key === input);
  if (example !== undefined) return loadSeriesDocument(example[1]);
  const known = Object.keys(exampleSeries);
  const meant = nearest(input, known);
  const listed = known.map((key) => `\`${key}\``).join(', ');
  return refuse(
    'unknown_example',
    { key: input, known: listed },
    meant === null
      ? {}
      : { hint: `did you mean \`${meant}\`? A file is named by its path, such as ./${input}.json` },
  );
}
