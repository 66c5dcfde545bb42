import type { CompareOperator, Count, Filter, Window } from '../tree.js';
import { child, described, isList, isObject, report, shown } from './context.js';
import type { Context, Place } from './context.js';
import type { OperandParser } from './operands.js';
import { nearest } from './suggest.js';
import { nameAt } from './text.js';
import { amountAt } from './time.js';

const keysOfDid = ['event', 'count', 'within', 'where'] as const;
const countOperators: readonly CompareOperator[] = ['==', '!=', '<', '<=', '>', '>='];

/** `{"event": NAME, "count"?: [operator, times], "within"?: [amount, unit], "where"?: FILTER}`. */
export const did: OperandParser = (operands, place, context) => {
  if (!isObject(operands)) {
    const values = {
      operator: 'did',
      expected: place.expected,
      got: described(operands),
      example: place.example,
    };
    return report(context, 'wrong_arity', place.at, values);
  }
  const { problems } = context.tally;
  const before = problems.length;
  refuseOtherKeys(operands, place, context);
  const event = eventOf(operands, place, context);
  const count = countOf(operands, place, context);
  const within = withinOf(operands, place, context);
  const where = whereOf(operands, place, context);
  // A part that is absent is null like one that was refused, so the report tells them apart.
  if (problems.length > before || event === null || count === null) return null;
  return { kind: 'did', path: place.path, event, count, within, where };
};

type Operands = Readonly<Record<string, unknown>>;

function refuseOtherKeys(operands: Operands, place: Place, context: Context): void {
  for (const key of Object.keys(operands)) {
    if (keysOfDid.some((known) => known === key)) continue;
    const near = nearest(key, keysOfDid);
    const hint = near === null ? undefined : `did you mean \`${near}\`?`;
    report(context, 'unknown_key', child(place.at, key), { key: shown(key), operator: 'did' }, hint);
  }
}

function eventOf(operands: Operands, place: Place, context: Context): string | null {
  if (!Object.hasOwn(operands, 'event')) {
    const values = { operator: 'did', key: 'event', example: place.example };
    return report(context, 'missing_key', place.at, values);
  }
  return nameAt(operands['event'], child(place.at, 'event'), "an event's name as text", place, context);
}

/** At least once, where nothing is written. */
function countOf(operands: Operands, place: Place, context: Context): Count | null {
  if (!Object.hasOwn(operands, 'count')) return { operator: '>=', value: 1 };
  const value = operands['count'];
  const path = child(place.at, 'count');
  if (!isList(value) || value.length !== 2)
    return report(context, 'bad_count', path, { got: described(value) });
  const [written, times] = value;
  const operator = countOperators.find((known) => known === written);
  if (operator === undefined) report(context, 'bad_count', child(path, 0), { got: described(written) });
  if (typeof times !== 'number' || !Number.isSafeInteger(times) || times < 0) {
    return report(context, 'bad_count', child(path, 1), { got: described(times) });
  }
  // `+ 0` turns the number -0, which JSON can write, into 0.
  return operator === undefined ? null : { operator, value: times + 0 };
}

function withinOf(operands: Operands, place: Place, context: Context): Window | null {
  if (!Object.hasOwn(operands, 'within')) return null;
  return amountAt('within', '"within": [14, "days"]', operands['within'], child(place.at, 'within'), context);
}

function whereOf(operands: Operands, place: Place, context: Context): Filter | null {
  if (!Object.hasOwn(operands, 'where')) return null;
  const inside: Context = { ...context, scope: 'properties' };
  return context.parseNode(operands['where'], child(place.at, 'where'), place.depth + 1, inside);
}
