import { report, single } from './context.js';
import type { OperandParser } from './comparisons.js';
import { nameAt } from './text.js';

/** `segment`: the key of a saved segment. Its shape is checked, so that a filter written today still stands when it is answered. */
export const segment: OperandParser = (operands, place, context) => {
  const written = single(operands, place.at);
  const key = nameAt(written.value, written.path, "a segment's key as text", place, context);
  return key === null ? null : report(context, 'not_available_yet', place.at, { operator: place.operator });
};
