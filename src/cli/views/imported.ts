import type { ColumnReport, Imported } from '../../traits/import.js';
import type { ImportedEvents } from '../../traits/import-events.js';
import { duration, number, out, plain, rowsOf, table } from '../terminal.js';

export interface ImportView {
  readonly file: string;
  readonly workspace: string;
  readonly imported: Imported | ImportedEvents;
  readonly milliseconds: number;
}

const mostRejects = 10;
/** Columns that went well, those that refused something, and those left out: of each so many are printed. */
const mostColumns = 50;
const separators: ReadonlyMap<string, string> = new Map([
  [',', 'commas'],
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'pipes'],
]);

/** Prints what an import did: counts, what became of each column, and the first refusals. */
export function showImport({ file, workspace, imported, milliseconds }: ImportView): void {
  const { rejected, cellsRefused, dryRun } = imported;
  const mark = rejected + cellsRefused === 0 ? out.style('green', '✓') : out.style('yellow', '!');
  const what = dryRun ? 'would go into' : 'into';
  const time = out.style('dim', duration(milliseconds));
  out.line(`${mark} ${rowsOf(imported.rows)} of ${plain(file)} ${what} ${workspace}  ${time}`);
  out.line(`  ${out.style('dim', `read as ${readAs(imported)}`)}`);
  for (const line of table(countsOf(imported), [0])) out.line(`  ${line}`);
  showColumns(imported.columns);
  showRejects(imported);
  if (dryRun) out.line('\n  nothing was written; run it again without --dry-run');
}

function readAs({ format, delimiter, encoding }: ImportView['imported']): string {
  const cells = delimiter === null ? '' : ` with ${separators.get(delimiter) ?? `\`${delimiter}\``}`;
  return `${format.toUpperCase()}${cells}, ${encoding.toUpperCase()}`;
}

function countsOf(imported: ImportView['imported']): string[][] {
  const { rejected, cellsRefused } = imported;
  const counts: [number, string][] =
    'stored' in imported
      ? [
          [imported.stored, 'events stored'],
          [imported.repeated, 'stored already'],
        ]
      : [
          [imported.created, 'created'],
          [imported.updated, 'updated'],
        ];
  counts.push([rejected, 'rejected']);
  if (cellsRefused > 0)
    counts.push([
      cellsRefused,
      `${cellsRefused === 1 ? 'cell' : 'cells'} refused, everything else in the row is loaded`,
    ]);
  if ('unsubscribed' in imported && imported.unsubscribed > 0)
    counts.push([imported.unsubscribed, 'unsubscribed from everything']);
  if ('suppressed' in imported && imported.suppressed > 0) counts.push([imported.suppressed, 'suppressed']);
  return counts.map(([count, name]) => [number(count), name]);
}

function showColumns(columns: readonly ColumnReport[]): void {
  if (columns.length === 0) return;
  out.line();
  const fields = columns.filter(({ field }) => field !== null);
  const leftOut = columns.filter(({ field }) => field === null);
  const printed = new Set([
    ...fields.slice(0, mostColumns),
    ...fields.filter(({ refused }) => refused > 0).slice(0, mostColumns),
  ]);
  const rows = fields
    .filter((column) => printed.has(column))
    .map(({ name, field, type, read, empty, refused, example, note }) => [
      plain(name),
      plain(field ?? ''),
      type ?? '',
      number(read),
      number(empty),
      refused === 0 ? '0' : `${number(refused)}, such as \`${plain(example ?? '')}\``,
      note === null ? '' : out.style('dim', plain(note)),
    ]);
  const head = ['column', 'field', 'type', 'read', 'empty', 'refused', ''];
  for (const line of table([head, ...rows], [3, 4])) out.line(`  ${line.trimEnd()}`);
  for (const { name, note, map } of leftOut.slice(0, mostColumns)) {
    const remedy = map === null ? '' : `; load it with --map ${quoted(plain(map))}`;
    out.line(`  left out: \`${plain(name)}\`, ${plain(note ?? '')}${remedy}`);
  }
  const more = [
    [fields.length - printed.size, 'loaded'],
    [leftOut.length - mostColumns, 'left out'],
  ] as const;
  for (const [count, what] of more) {
    if (count > 0) out.line(`  and ${number(count)} more columns ${what}; --json lists all`);
  }
}

/** As a shell takes it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function showRejects({ rejects, rejected, cellsRefused, rejectsFile }: ImportView['imported']): void {
  if (rejected + cellsRefused === 0) return;
  out.line();
  const shown = rejects.slice(0, mostRejects).map(({ line, message }) => [`line ${line}`, plain(message)]);
  for (const line of table(shown)) out.line(`  ${line}`);
  const more = rejected + cellsRefused - shown.length;
  if (more > 0) out.line(`  and ${number(more)} more`);
  if (rejectsFile === null) return;
  out.line(`  all of them, with their reasons: ${plain(rejectsFile)}`);
  out.line('  mend that file and import it with the same options; its first three columns are passed over');
}
