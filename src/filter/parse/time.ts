import { parseIso } from '../iso8601.js';
import { limits } from '../limits.js';
import { calendarUnits, units } from '../time.js';
import type { CalendarUnit, Time, Unit } from '../time.js';
import { child, described, isList, onlyKey, report, shown, single } from './context.js';
import type { Context } from './context.js';
import { isSoundText } from './text.js';
import { nearest } from './suggest.js';

type TimeParser = (operands: unknown, path: string, context: Context) => Time | null;

/** Every way to write a time. */
const forms: ReadonlyMap<string, TimeParser> = new Map<string, TimeParser>([
  ['ago', (operands, path, context) => relative('ago', operands, path, context)],
  ['from_now', (operands, path, context) => relative('from_now', operands, path, context)],
  ['start_of', startOf],
  ['at', at],
]);

export const timeForms: readonly string[] = [...forms.keys()];

/** The form among the object's own keys, or null when it is no time. */
export function timeFormOf(value: Readonly<Record<string, unknown>>): string | null {
  return timeForms.find((form) => Object.hasOwn(value, form)) ?? null;
}

/** The time that the object writes in the given form. */
export function timeAt(
  value: Readonly<Record<string, unknown>>,
  form: string,
  path: string,
  context: Context,
): Time | null {
  const alone = onlyKey(value, form, path, context);
  const time = forms.get(form)?.(value[form], child(path, form), context) ?? null;
  return alone ? time : null;
}

/** ISO 8601 text as a time. */
export function isoAt(text: string, path: string, context: Context): Time | null {
  if (parseIso(text) !== null) return { kind: 'at', text };
  return report(context, 'bad_time', path, { text: shown(text) });
}

function at(operands: unknown, path: string, context: Context): Time | null {
  const written = single(operands, path);
  if (typeof written.value !== 'string') {
    const values = { operator: 'at', expected: 'ISO 8601 text', got: described(written.value) };
    return report(context, 'literal_expected', written.path, values, 'write {"at": "2026-01-31T09:30:00Z"}');
  }
  if (!isSoundText(written.value, written.path, context)) return null;
  return isoAt(written.value, written.path, context);
}

function relative(kind: 'ago' | 'from_now', operands: unknown, path: string, context: Context): Time | null {
  const example = `{"${kind}": [30, "days"]}`;
  const amount = amountAt(kind, example, operands, path, context);
  return amount === null ? null : { kind, ...amount };
}

/** `[30, "days"]`, as relative times and the window of `did` have it. */
export function amountAt(
  operator: string,
  example: string,
  operands: unknown,
  path: string,
  context: Context,
): { amount: number; unit: Unit } | null {
  const fail = (where: string, expected: string, got: unknown, hint = `write ${example}`): null =>
    report(context, 'bad_relative_time', where, { operator, expected, got: described(got) }, hint);
  if (!isList(operands) || operands.length !== 2) return fail(path, 'an amount and a unit', operands);
  const [amount, unit] = operands;
  const range = `a whole number from 0 to ${limits.relativeAmount}`;
  const fits = isWhole(amount, 0, limits.relativeAmount);
  if (!fits) fail(child(path, 0), range, amount);
  const named = units.find((known) => known === unit);
  if (named === undefined) {
    fail(child(path, 1), `one of the units ${units.join(', ')}`, unit, unitHint(unit, units, example));
  }
  // `+ 0` turns the number -0, which JSON can write, into 0.
  return fits && named !== undefined ? { amount: amount + 0, unit: named } : null;
}

function startOf(operands: unknown, path: string, context: Context): Time | null {
  const example = '{"start_of": ["day", -1]}';
  const fail = (where: string, expected: string, got: unknown, hint = `write ${example}`): null =>
    report(
      context,
      'bad_relative_time',
      where,
      { operator: 'start_of', expected, got: described(got) },
      hint,
    );
  const list = isList(operands) ? operands : [operands];
  if (list.length < 1 || list.length > 2) return fail(path, 'a calendar unit and an offset', operands);
  const [unit, offset = 0] = list;
  const named: CalendarUnit | undefined = calendarUnits.find((known) => known === unit);
  if (named === undefined) {
    const where = isList(operands) ? child(path, 0) : path;
    fail(where, `one of the units ${calendarUnits.join(', ')}`, unit, unitHint(unit, calendarUnits, example));
  }
  const fits = isWhole(offset, -limits.relativeAmount, limits.relativeAmount);
  if (!fits) {
    const range = `a whole offset from -${limits.relativeAmount} to ${limits.relativeAmount}`;
    fail(child(path, 1), range, offset);
  }
  return fits && named !== undefined ? { kind: 'start_of', unit: named, offset: offset + 0 } : null;
}

function isWhole(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
}

/** Units that the language leaves out, with the way to say them. */
const otherUnits: ReadonlyMap<string, string> = new Map([
  ['seconds', 'the shortest unit is minutes'],
  ['second', 'the shortest unit is minutes'],
  ['years', 'a year is 12 months'],
  ['quarters', 'a quarter is 3 months'],
]);

function unitHint(unit: unknown, known: readonly string[], example: string): string {
  if (typeof unit !== 'string') return `write ${example}`;
  const near = nearest(unit, known);
  if (near !== null) return `did you mean \`${near}\`?`;
  return otherUnits.get(unit) ?? `write ${example}`;
}
