import { dayLength, dayText } from '../day.js';
import { mayBeDay } from '../fields.js';
import { sketch } from '../parse/context.js';
import { printFilter } from '../print.js';
import { fieldWords } from '../sentence/field.js';
import { dayIn } from '../time.js';
import type { Compare, Filter, Leaf, Literal, Subject } from '../tree.js';
import type { Finding } from './finding.js';

/**
 * A day as an upper end of a field that holds instants: it ends with the first moment of the day, and hardly anything happens
 * in that.
 */
export function dayAsEnd(leaf: Leaf): Finding[] {
  if (leaf.kind !== 'between' && (leaf.kind !== 'compare' || leaf.operator !== '<=')) return [];
  const { subject, path } = leaf;
  const day = dayOf(leaf.kind === 'between' ? leaf.high : leaf.value);
  if (day === null || subject.field.kind !== 'column' || mayBeDay(subject.field)) return [];
  const before = compare('<', subject, {
    type: 'time',
    value: { kind: 'at', text: dayText(day + dayLength) },
  });
  const meant: Filter =
    leaf.kind === 'between'
      ? { kind: 'and', path: '', operands: [compare('>=', subject, leaf.low), before] }
      : before;
  return [
    {
      code: 'day_as_end',
      severity: 'warning',
      path,
      message: `\`${fieldWords(subject.field)}\` holds instants, and ${dayText(day)} is its first moment here: what lies later on that day is left out`,
      hint: `for the whole day write ${sketch(printFilter(meant)) ?? JSON.stringify(printFilter(meant))}`,
    },
  ];
}

function dayOf(literal: Literal): number | null {
  return literal.type === 'time' ? dayIn(literal.value) : null;
}

function compare(operator: Compare['operator'], subject: Subject, value: Literal): Compare {
  return { kind: 'compare', path: '', operator, subject, value };
}
