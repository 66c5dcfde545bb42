import { isExact } from '../../json.js';

/** What a comma inside a number is, by the other numbers of its column or file; `unread` where they do not say. */
export type Comma = 'thousands' | 'decimal' | 'unread';

/**
 * How a cell is written as a number. `dotted` (`12.5`) and `thousands` (`1,250.50`) say that the dot begins the decimals,
 * `european` (`1.250,50`) that the comma does. `plain` needs no saying. `groups` (`1,250,000`), `decimal` (`12,50`) and
 * `either` (`1,250`) may as well be lists: they are read only where other numbers say how.
 */
export type NumberForm = 'plain' | 'dotted' | 'thousands' | 'european' | 'groups' | 'decimal' | 'either';

const plain = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const forms: readonly (readonly [RegExp, NumberForm])[] = [
  [/^-?\d{1,3},\d{3}$/, 'either'],
  [/^-?\d{1,3}(?:,\d{3})+\.\d+$/, 'thousands'],
  [/^-?\d{1,3}(?:,\d{3})+$/, 'groups'],
  [/^-?\d{1,3}\.\d{3},\d+$/, 'european'],
  [/^-?\d+,\d+$/, 'decimal'],
];

/** The form of a cell that is a number apart from a percent sign or one sign of a currency around it; else null. */
export function numberForm(cell: string): NumberForm | null {
  if (!mayBeNumber(cell) || isCode(cell)) return null;
  const bare = bareNumber(cell);
  // With three decimals, `1.250`, the dot may as well group thousands.
  if (plain.test(bare)) return /\.(?!\d{3}$)\d/.test(bare) ? 'dotted' : 'plain';
  return forms.find(([pattern]) => pattern.test(bare))?.[1] ?? null;
}

/** The number, or null where the cell is none that can be held exactly. `12%` is 12. */
export function readNumber(cell: string, comma: Comma): number | null {
  const form = numberForm(cell);
  if (form === null) return null;
  const bare = bareNumber(cell);
  const value = Number(dotted(bare, form, comma));
  return isExact(value) ? value : null;
}

function dotted(bare: string, form: NumberForm, comma: Comma): string {
  if (form === 'dotted') return bare;
  if (form === 'plain') return comma === 'decimal' ? bare.replace(/\.(?=\d{3}$)/, '') : bare;
  if (comma === 'unread' || !reads[comma].has(form)) return 'NaN';
  return comma === 'thousands' ? bare.replaceAll(',', '') : bare.replaceAll('.', '').replace(',', '.');
}

/** The forms that need one of the two readings. */
const reads: Readonly<Record<'thousands' | 'decimal', ReadonlySet<NumberForm>>> = {
  thousands: new Set(['thousands', 'groups', 'either']),
  decimal: new Set(['european', 'decimal', 'either']),
};

/** Whether the letters of a cell matter as they are: a leading zero, a leading `+`, more than 15 digits, several dots. */
export function isCode(cell: string): boolean {
  const first = cell.charCodeAt(0);
  if (first === 43) return /^\+[ (]*\d/.test(cell);
  // Digits, and the minus that may stand before them.
  if (first !== 45 && (first < 48 || first > 57)) return false;
  if (/^-?0\d/.test(cell) || /^-?\d+\.\S*\./.test(cell)) return true;
  return cell.length > 15 && cell.length < 64 && cell.replace(/\D/g, '').length > 15;
}

function mayBeNumber(cell: string): boolean {
  const first = cell.charCodeAt(0);
  // Digits, minus, dot, and beyond ASCII or `$` a currency.
  return (first >= 48 && first <= 57) || first === 45 || first === 46 || first === 36 || first > 127;
}

/** Digits, minus and dot. */
const usual = (code: number): boolean => (code >= 48 && code <= 57) || code === 45 || code === 46;

function bareNumber(cell: string): string {
  const last = cell.charCodeAt(cell.length - 1);
  const first = cell.charCodeAt(0);
  if (usual(first) && usual(last) && (first !== 45 || usual(cell.charCodeAt(1)))) return cell;
  return cell.replace(/^(-?)[$€£¥] ?/, '$1').replace(/ ?[%$€£¥]$/, '');
}
