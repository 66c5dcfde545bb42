import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { lintRule } from '../audience/lint/rule.js';
import type { Known } from '../audience/advice/known.js';
import { lintKnown } from '../audience/lint/known.js';
import { parseRuleText } from '../audience/rules/parse.js';
import { presetNamed } from '../audience/presets.js';
import { lintSeries } from '../automation/series/lint.js';
import type { SeriesDefinition } from '../automation/series/model.js';
import { parseSeries } from '../automation/series/parse.js';
import { MusterError, refuse } from '../errors/index.js';
import { lintFilter } from '../filter/lint.js';
import type { Finding } from '../filter/lint.js';
import { parseFilter, parseFilterText } from '../filter/parse.js';
import type { Moment } from '../filter/time.js';
import type { Filter } from '../filter/tree.js';
import { isObject } from '../filter/values.js';
import { isInline, looksLikePath, reasonOf } from './filter-input.js';

export interface LintedFile {
  readonly file: string;
  readonly kind: 'filter' | 'series' | 'rule';
  readonly findings: readonly Finding[];
  /** Of a series that can be read. */
  readonly series?: SeriesDefinition;
}

/** What files are judged by. `segments`: saved filters by key that they may name. */
export interface LintOptions {
  readonly moment: Moment;
  /** What the workspace sends; null where nobody was asked. */
  readonly sent: Known | null;
  readonly segments: ReadonlyMap<string, unknown> | null;
}

/** One text to judge, and what to call it. */
export interface LintText {
  readonly file: string;
  readonly text: string;
}

/**
 * What to judge: the filter itself, a preset by its key, a file, or every JSON file below a folder but those of hidden folders
 * and installed packages. Errors: `filter_file_unreadable`, `unknown_preset`.
 */
export function lintTexts(input: string): LintText[] {
  if (isInline(input)) return [{ file: 'filter', text: input }];
  if (!looksLikePath(input) && !existsSync(input))
    return [{ file: input, text: JSON.stringify(presetNamed(input).json) }];
  return filesAt(input).map((file) => ({ file, text: textOf(file) }));
}

/** Files below a folder, or the file itself. Errors: `filter_file_unreadable`. */
function filesAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.json') && !isSkipped(name))
      .toSorted()
      .map((name) => join(path, name));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return refuse('filter_file_unreadable', { file: path, reason: reasonOf(error) }, { cause: error });
  }
}

function isSkipped(name: string): boolean {
  return name.split(sep).some((part) => part.startsWith('.') || part === 'node_modules');
}

/** The text of a file. Errors: `filter_file_unreadable`. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return refuse('filter_file_unreadable', { file, reason: reasonOf(error) }, { cause: error });
  }
}

/**
 * Judges one file: a series where it has `steps`, a decision rule where it has `rule` or `decides`, a preset's filter where it has
 * one, else a filter.
 *
 * Errors: those of `parseFilter`, `parseRuleText` and `parseSeries`, but for steps that nobody reaches, which are findings.
 */
export function lintText(file: string, text: string, options: LintOptions): LintedFile {
  const document = jsonOf(text);
  if (isObject(document) && 'steps' in document) return lintSeriesIn(file, document, options);
  const { moment, sent, segments } = options;
  const known = segments === null ? {} : { segments };
  if (isObject(document) && ('rule' in document || 'decides' in document))
    return { file, kind: 'rule', findings: lintRule(parseRuleText(text, known), moment, sent) };
  const inPreset = isObject(document) && 'filter' in document && 'key' in document;
  const filter: Filter = inPreset ? parseFilter(document['filter'], known) : parsed(text, document, known);
  const path = inPreset ? '/filter' : '';
  const findings = [...lintFilter(filter, moment), ...(sent === null ? [] : lintKnown(filter, sent))].map(
    (finding) => ({ ...finding, path: path + finding.path }),
  );
  return { file, kind: 'filter', findings };
}

function parsed(text: string, document: unknown, known: { segments?: ReadonlyMap<string, unknown> }): Filter {
  return document === undefined ? parseFilterText(text) : parseFilter(document, known);
}

/** Undefined where it is no JSON, of which the filter's own parser says the most. */
function jsonOf(text: string): unknown {
  try {
    const document: unknown = JSON.parse(text);
    return document;
  } catch {
    return undefined;
  }
}

const ofWays: ReadonlySet<string> = new Set(['unreachable_step', 'cycle_without_wait']);

function lintSeriesIn(file: string, document: unknown, options: LintOptions): LintedFile {
  const { moment, sent, segments } = options;
  try {
    const definition = parseSeries(document, { channels: null, savedSegments: segments });
    return { file, kind: 'series', findings: lintSeries(definition, moment, sent), series: definition };
  } catch (error) {
    if (!(error instanceof MusterError) || !error.problems.every(({ code }) => ofWays.has(code))) throw error;
    const findings = error.problems.map(({ code, path, message, hint }): Finding => {
      const known = code === 'cycle_without_wait' ? code : 'unreachable_step';
      return { code: known, severity: 'error', path, message, hint };
    });
    return { file, kind: 'series', findings };
  }
}
