export type Row = Record<string, string | number | boolean>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  if (low === undefined || high === undefined) throw new RangeError('the median of nothing');
  return (low + high) / 2;
}

/** Prints rows of one shape as an aligned table, or as one line of JSON. */
export function printTable(title: string, rows: readonly Row[], json = false): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ title, rows })}\n`);
    return;
  }
  const names = Object.keys(rows[0] ?? {});
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => cell(row[name]).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ');
  const body = rows.map((row) => line(names.map((name) => cell(row[name]))));
  process.stdout.write(
    `\n${title}\n${[line(names), line(widths.map((width) => '-'.repeat(width))), ...body].join('\n')}\n`,
  );
}

function cell(value: string | number | boolean | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toPrecision(3);
  return value ?? '';
}
