/** Words that stand for a missing number, boolean or time, in any letter case. `NA` as text is a country. */
export const usualEmptyWords: readonly string[] = [
  'NULL',
  '\\N',
  'N/A',
  'NA',
  '#N/A',
  'NaN',
  'nil',
  'none',
  'undefined',
  '-',
  '--',
  '—',
];

/** What stands for a missing text, letter by letter: what databases write. */
export function isEmptyText(cell: string): boolean {
  return cell === 'NULL' || cell === '\\N';
}

/** The words in the form that `isEmptyWord` looks for. */
export function emptyWords(words: readonly string[] = usualEmptyWords): ReadonlySet<string> {
  return new Set(words.map((word) => word.toLowerCase()));
}

/** The longest word that can be one, so that long cells are not folded. */
const longest = 32;

export function isEmptyWord(cell: string, words: ReadonlySet<string>): boolean {
  return cell.length <= longest && words.has(cell.toLowerCase());
}

const yes = ['true', 't', 'yes', 'y', '1', 'on'];
const no = ['false', 'f', 'no', 'n', '0', 'off'];
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...yes.map((word) => [word, true] as const),
  ...no.map((word) => [word, false] as const),
]);

/** Words for true and false that count by themselves in a column of any other text. */
export const plainWords: ReadonlySet<string> = new Set(['true', 'false']);

/** True or false in the ways that spreadsheets and databases write them, or null. */
export function readBoolean(cell: string): boolean | null {
  return cell.length > 5 ? null : (booleans.get(cell.toLowerCase()) ?? null);
}

/** The states of a subscription, as exports write them, by whether the person is to be left alone. */
const states: ReadonlyMap<string, boolean> = new Map([
  ['unsubscribed', true],
  ['opted out', true],
  ['opt-out', true],
  ['opted_out', true],
  ['cleaned', true],
  ['bounced', true],
  ['complained', true],
  ['non-marketing contact', true],
  ['subscribed', false],
  ['opted in', false],
  ['opt-in', false],
  ['opted_in', false],
  ['marketing contact', false],
]);

/** Whether the cell says by itself that the person is to be left alone, whatever its column is called; null where it does not. */
export function readState(cell: string): boolean | null {
  return cell.length > longest ? null : (states.get(cell.toLowerCase()) ?? null);
}
