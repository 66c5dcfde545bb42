import { Command } from 'commander';
import { loadKnown } from '../../audience/advice/known.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import { dateWarnings } from '../../automation/series/warnings.js';
import { MusterError } from '../../errors/index.js';
import type { Moment } from '../../filter/time.js';
import { Found } from '../found.js';
import { lintText, lintTexts } from '../lint-input.js';
import type { LintedFile, LintOptions, LintText } from '../lint-input.js';
import { momentFrom, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { findingLines } from '../views/findings.js';

/** `muster lint F`: what about filters, series and decision rules is probably not meant. */
export function lintCommand(): Command {
  const command = new Command('lint')
    .description(
      'Looks through a filter, a series, a decision rule or a folder of them for conditions that contradict each other, ' +
        'windows without a moment in them, parts that hold for everybody, duplicate conditions, unreachable branches, and ' +
        'traits, types and letter cases that nobody sends. In a folder, hidden folders are skipped. Exit code 0: nothing ' +
        'found, 1: something.',
    )
    .argument('<filter or path>', 'a JSON file, a folder, a preset key, or the filter itself')
    .option('--offline', 'without a database: nothing is said about what is sent')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), 'UTC')), [
    ['muster lint rules', 'a folder, against what the workspace sends'],
    [`muster lint '{"==": [{"var": "custom:role"}, "admin"]}'`, 'a filter, inline'],
    ['muster lint audience.json --offline --json', 'one file, for a program'],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions & { offline?: true };

async function run(input: string, options: Options): Promise<void> {
  const moment = momentFrom(options, 'UTC');
  const texts = lintTexts(input);
  const found =
    options.offline === true
      ? judged(texts, { moment, sent: null, segments: null })
      : await online(texts, moment, options.workspace);
  const findings = found.flatMap(({ file, findings: list }) => list.map((each) => ({ file, ...each })));
  if (options.json === true) out.line(JSON.stringify({ files: found.length, findings }));
  else print(found);
  if (findings.length > 0) throw new Found();
}

function judged(texts: readonly LintText[], options: LintOptions): LintedFile[] {
  return texts.flatMap(({ file, text }) => {
    try {
      return [lintText(file, text, options)];
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      // Of several files it has to be said which one cannot be read.
      throw new MusterError(error.problems.map((each) => ({ ...each, path: file + each.path })));
    }
  });
}

async function online(texts: readonly LintText[], moment: Moment, workspace: string): Promise<LintedFile[]> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const documents = texts.flatMap(({ text }) => documentsIn(text));
    const segments = await savedSegments(pool, workspace, documents);
    const found = judged(texts, { moment, sent: await loadKnown(pool, workspace, documents), segments });
    const zone = await zoneOf(pool, workspace);
    return Promise.all(
      found.map(async (each) => {
        if (each.series === undefined) return each;
        const dates = await dateWarnings(pool, workspace, each.series, { now: moment.now, zone });
        return { ...each, findings: [...each.findings, ...dates] };
      }),
    );
  });
}

/** None where the text is no JSON, of which its own parser says the most. */
function documentsIn(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

function print(found: readonly LintedFile[]): void {
  for (const { file, findings } of found) {
    for (const line of findingLines(out, findings, file)) out.line(line);
  }
  const count = found.reduce((sum, { findings }) => sum + findings.length, 0);
  const files = found.length === 1 ? '1 file' : `${found.length} files`;
  out.line(count === 0 ? `nothing found in ${files}` : `${count} found in ${files}`);
}
