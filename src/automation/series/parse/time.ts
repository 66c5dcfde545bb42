import { isList } from '../../../filter/parse/context.js';
import { units } from '../../../filter/time.js';
import type { Unit } from '../../../filter/time.js';
import { everyDay, seriesLimits, timePattern, weekdayNames, zoneChoices } from '../grammar.js';
import type { Length, QuietHours, SendWindow, TimeOfDay, Weekday, ZoneChoice } from '../model.js';
import { own } from './check.js';
import type { Check, Document } from './check.js';

/** Parts of a series that say when. */

export interface LengthOptions {
  /** Least amount; 1 where nothing is said. */
  readonly least?: number;
  readonly units?: readonly Unit[];
}

/** `[3, "days"]`. */
export function lengthOf(
  check: Check,
  input: unknown,
  path: string,
  { least = 1, units: allowed = units }: LengthOptions = {},
): Length | null {
  if (!isList(input) || input.length !== 2) {
    return check.expected('an amount and a unit', input, path, '[3, "days"]');
  }
  const [written, unit] = input;
  const bounds = { low: least, high: seriesLimits.amount, whole: true, example: 3 };
  const amount = check.number(written, `${path}/0`, bounds);
  const named = check.word(unit, `${path}/1`, allowed);
  return amount === null || named === null ? null : { amount, unit: named };
}

/** `"09:30"`. */
export function timeOf(check: Check, input: unknown, path: string): TimeOfDay | null {
  if (typeof input !== 'string' || !new RegExp(timePattern).test(input)) {
    return check.expected('a time of day from 00:00 to 23:59', input, path, '"09:00"');
  }
  const [hours, minutes] = input.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** `["mon", "fri"]`; every day where nothing is written. Each once, Monday first. */
export function daysOf(check: Check, input: unknown, path: string): readonly Weekday[] | null {
  if (input === undefined) return everyDay;
  const list = check.list(input, path, { of: 'weekdays', most: 7, example: '["mon", "tue"]' });
  if (list === null) return null;
  const names = list.map((item, index) => check.word(item, `${path}/${index}`, weekdayNames));
  if (names.includes(null)) return null;
  return everyDay.filter((weekday) => names.includes(weekdayNames[weekday - 1] ?? null));
}

/** `"person"` where nothing is written. */
export function zoneChoiceOf(check: Check, input: unknown, path: string): ZoneChoice | null {
  return input === undefined ? 'person' : check.word(input, path, zoneChoices);
}

export function quietHoursOf(check: Check, input: unknown, path: string): QuietHours | null {
  const hours = check.object(input, path, 'quiet hours, an object', '{"from": "21:00", "to": "08:00"}');
  if (hours === null) return null;
  check.knownKeys(hours, path, ['from', 'to', 'zone']);
  return stretchOf(check, hours, path);
}

export function sendWindowOf(check: Check, input: unknown, path: string): SendWindow | null {
  const window = check.object(
    input,
    path,
    'a send window, an object',
    '{"days": ["mon"], "from": "09:00", "to": "17:00"}',
  );
  if (window === null) return null;
  check.knownKeys(window, path, ['days', 'from', 'to', 'zone']);
  const days = daysOf(check, own(window, 'days'), `${path}/days`);
  const stretch = stretchOf(check, window, path);
  return days === null || stretch === null ? null : { days, ...stretch };
}

function stretchOf(check: Check, hours: Document, path: string): QuietHours | null {
  const from = timeOf(check, own(hours, 'from'), `${path}/from`);
  const to = timeOf(check, own(hours, 'to'), `${path}/to`);
  const zone = zoneChoiceOf(check, own(hours, 'zone'), `${path}/zone`);
  if (from === null || to === null || zone === null) return null;
  if (from === to) return check.report('no_such_hours', { time: String(own(hours, 'from')) }, path);
  return { from, to, zone };
}
