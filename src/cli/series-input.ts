import { exampleSeries, loadSeries, parseSeriesText } from '../automation/series/file.js';
import type { SeriesDefinition } from '../automation/series/model.js';
import { refuse } from '../errors/index.js';
import { nearest } from '../filter/parse/suggest.js';

/**
 * Reads `SERIES`: inline JSON when it begins like JSON, a path when it looks like one, else the key of an example.
 *
 * Errors: `unknown_example`, `series_unreadable`, `series_not_json`, those of `parseSeries`.
 */
export async function readSeries(input: string): Promise<SeriesDefinition> {
  if (/^\s*\{/.test(input)) return parseSeriesText(input);
  if (/[/\\]|\.json$/i.test(input)) return loadSeries(input);
  const example = Object.entries(exampleSeries).find(([key]) => key === input);
  if (example !== undefined) return loadSeries(example[1]);
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
