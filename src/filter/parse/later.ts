import { child, described, isList, isObject, report, shown, single } from './context.js';
import type { Context, Place } from './context.js';
import type { OperandParser } from './comparisons.js';
import { nearest } from './suggest.js';
import { isSoundText } from './text.js';
import { amountAt } from './time.js';

const keysOfDid = ['event', 'count', 'within', 'where'] as const;
const countOperators = ['==', '!=', '<', '<=', '>', '>='];

/** `did`: its shape is checked like any other, so that a filter written today still stands when it is answered. */
export const did: OperandParser = (operands, place, context) => {
  const before = context.tally.problems.length;
  checkDid(operands, place, context);
  return context.tally.problems.length > before ? null : notYet(place, context);
};

/** `segment`: the key of a saved segment. */
export const segment: OperandParser = (operands, place, context) => {
  const before = context.tally.problems.length;
  const written = single(operands, place.at);
  checkName(written.value, written.path, "a segment's key as text", place, context);
  return context.tally.problems.length > before ? null : notYet(place, context);
};

function notYet(place: Place, context: Context): null {
  return report(context, 'not_available_yet', place.at, { operator: place.operator });
}

function checkName(value: unknown, path: string, expected: string, place: Place, context: Context): void {
  if (typeof value === 'string' && value !== '') {
    isSoundText(value, path, context);
    return;
  }
  const values = {
    operator: place.operator,
    expected,
    got: value === '' ? 'an empty text' : described(value),
  };
  report(context, 'literal_expected', path, values, `write ${place.example}`);
}

function checkDid(operands: unknown, place: Place, context: Context): void {
  if (!isObject(operands)) {
    const values = {
      operator: 'did',
      expected: place.expected,
      got: described(operands),
      example: place.example,
    };
    report(context, 'wrong_arity', place.at, values);
    return;
  }
  for (const key of Object.keys(operands)) {
    if (keysOfDid.some((known) => known === key)) continue;
    const near = nearest(key, keysOfDid);
    const hint = near === null ? undefined : `did you mean \`${near}\`?`;
    report(context, 'unknown_key', child(place.at, key), { key: shown(key), operator: 'did' }, hint);
  }
  if (Object.hasOwn(operands, 'event')) {
    checkName(operands['event'], child(place.at, 'event'), "an event's name as text", place, context);
  } else {
    report(context, 'missing_key', place.at, { operator: 'did', key: 'event', example: place.example });
  }
  if (Object.hasOwn(operands, 'count')) checkCount(operands['count'], child(place.at, 'count'), context);
  if (Object.hasOwn(operands, 'within')) {
    amountAt('within', '"within": [14, "days"]', operands['within'], child(place.at, 'within'), context);
  }
  if (Object.hasOwn(operands, 'where')) {
    const inside: Context = { ...context, scope: 'properties' };
    context.parseNode(operands['where'], child(place.at, 'where'), place.depth + 1, inside);
  }
}

function checkCount(value: unknown, path: string, context: Context): void {
  if (!isList(value) || value.length !== 2) {
    report(context, 'bad_count', path, { got: described(value) });
    return;
  }
  const [operator, times] = value;
  if (!countOperators.some((known) => known === operator)) {
    report(context, 'bad_count', child(path, 0), { got: described(operator) });
  }
  if (typeof times !== 'number' || !Number.isSafeInteger(times) || times < 0) {
    report(context, 'bad_count', child(path, 1), { got: described(times) });
  }
}
