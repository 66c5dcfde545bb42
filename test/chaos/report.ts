import type { ChaosResult } from './chaos.js';
import type { Breach } from './laws/breach.js';

export interface Shape {
  readonly faults: number;
  readonly sends: number;
  readonly workers: number;
  readonly crowd?: number;
  readonly only?: readonly string[];
}

/** How to run one seed again. */
export function command(seed: number, { faults, sends, workers, crowd, only = [] }: Shape): string {
  const names = only.map((name) => ` --only '${name}'`).join('');
  const people = crowd === undefined ? '' : ` --recipients ${crowd}`;
  return `npm run chaos -- --seed ${seed} --seeds 1 --faults ${faults} --sends ${sends} --workers ${workers}${people}${names}`;
}

/** How many faults hit. */
export function faultsOf(result: ChaosResult): number {
  return Object.values(result.hit).reduce((sum, count) => sum + count, 0);
}

/** A few breaches of each law, as text. */
export function examplesOf(breaches: readonly Breach[], each = 4): string {
  return [...new Set(breaches.map(({ law }) => law))]
    .map((law) => [law, breaches.filter((breach) => breach.law === law)] as const)
    .flatMap(([law, list]) => [
      ...list.slice(0, each).map(({ what }) => `  ${law}: ${what}\n`),
      ...(list.length > each ? [`  ${law}: ${list.length - each} more\n`] : []),
    ])
    .join('');
}

/** The whole run as text: one line a seed, the faults by kind, and what to do about a seed that failed. */
export function reportOf(results: readonly ChaosResult[], shape: Shape): string {
  const total = (of: (result: ChaosResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0);
  const columns: readonly (readonly [string, (result: ChaosResult) => number])[] = [
    ['faults', faultsOf],
    ['people', (result) => result.people],
    ['recipients', (result) => result.recipients],
    ['samples', (result) => result.samples],
    ['sends', (result) => result.sends],
    ['repeats', (result) => result.repeats],
    ['lost', (result) => result.lost],
    ['duplicates', (result) => result.duplicates],
    ['stuck', (result) => result.stuck],
    ['breaches', (result) => result.breaches.length],
    ['lives', (result) => result.lives],
    ['rest s', (result) => Math.round(result.rest)],
    ['seconds', (result) => Math.round(result.seconds)],
  ];
  const rows = [
    ['seed', ...columns.map(([name]) => name)],
    ...results.map((result) => [String(result.seed), ...columns.map(([, of]) => String(of(result)))]),
    ['all', ...columns.map(([, of]) => String(total(of)))],
  ];
  const failed = results.filter((result) => result.breaches.length > 0);
  return [
    table(rows),
    faultTable(results),
    failed.map((result) => `seed ${result.seed} failed: ${command(result.seed, shape)}\n`).join(''),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

interface Tally {
  readonly name: string;
  readonly hit: number;
  readonly missed: number;
}

function talliesOf(results: readonly ChaosResult[]): Tally[] {
  const names = [
    ...new Set(results.flatMap((result) => [...Object.keys(result.hit), ...Object.keys(result.missed)])),
  ];
  const sum = (name: string, from: 'hit' | 'missed'): number =>
    results.reduce((count, result) => count + (result[from][name] ?? 0), 0);
  return names.toSorted().map((name) => ({ name, hit: sum(name, 'hit'), missed: sum(name, 'missed') }));
}

/** Faults that were dealt at least five times and found nothing to hit each time. */
export function neverHit(results: readonly ChaosResult[]): string[] {
  return talliesOf(results)
    .filter(({ hit, missed }) => hit === 0 && missed >= 5)
    .map(({ name }) => name);
}

function faultTable(results: readonly ChaosResult[]): string {
  return table([
    ['fault', 'hit', 'nothing to hit'],
    ...talliesOf(results).map(({ name, hit, missed }) => [name, String(hit), String(missed)]),
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return `${lines.join('\n')}\n`;
}
