import { admittedBy } from '../../admitted.js';
import type { Reason } from '../../explain/reason.js';
import { mayBeDay } from '../../fields.js';
import type { StoredField } from '../../fields.js';
import { fieldOf } from '../../sentence/missing.js';
import type { Leaf, Literal } from '../../tree.js';
import { isDayText, within } from '../range.js';
import { lookAt } from './custom.js';
import type { Looks } from './looks.js';

/** Characters of a value that are shown. */
const longest = 100;

/** A value of each person who fails a leaf for one of these reasons, and what is picked of all of theirs. */
export interface Example {
  readonly reasons: readonly Reason[];
  readonly value: string;
  /** Aggregates over the value, which is NULL for everybody else. */
  readonly aggregates: (value: string) => string[];
}

/**
 * Picks values, as JSON, of those who fail a leaf for one reason. Of times outside the window it is the nearest: the latest
 * before it, the earliest after it, or both where it has two ends. Otherwise the first and the last in the order of code points,
 * which are the same where there is but one. Whoever has just another value is not told about: the common values say more.
 */
export function examplesOf(leaf: Leaf, looks: Looks): Example[] {
  const field = leaf.kind === 'presence' ? null : fieldOf(leaf);
  if (field === null) return [];
  const nearest = leaf.kind === 'compare' || leaf.kind === 'between' ? nearestTo(leaf) : null;
  if (field.kind === 'column') {
    const value = `${looks.rowOf(field.entity).row}.${field.name}`;
    if (field.type === 'boolean') return [];
    if (field.type === 'time')
      return nearest === null ? [] : [nearestOf(looks.at(value), field, nearest, looks)];
    return [ends(`to_json(left(${looks.at(value)}, ${longest}))::text`, ['case_mismatch'])];
  }
  if (field.kind === 'derived') return [];
  const look = lookAt(field, looks);
  return [
    ends(`left((${look.rareJson()})::text, ${longest})`, [
      'case_mismatch',
      'type_mismatch',
      'unparsable_time',
    ]),
    ...(nearest === null ? [] : [nearestOf(look.instant(), field, nearest, looks)]),
  ];
}

interface Nearest {
  readonly side: 'latest' | 'earliest';
  /** Where the window begins, when it has two ends; one time is a window too. */
  readonly before: Literal | null;
}

function nearestTo(leaf: Extract<Leaf, { kind: 'compare' | 'between' }>): Nearest | null {
  if (leaf.kind === 'between') return leaf.low.type === 'time' ? { side: 'latest', before: leaf.low } : null;
  if (leaf.value.type !== 'time' || leaf.operator === '!=') return null;
  if (leaf.operator === '==') return { side: 'latest', before: leaf.value };
  return { side: leaf.operator.startsWith('>') ? 'latest' : 'earliest', before: null };
}

function nearestOf(time: string, field: StoredField, { side, before }: Nearest, { user }: Looks): Example {
  const { moment, parameters } = user;
  const earlier = before?.type === 'time' ? admittedBy('<', before.value, field, moment) : null;
  const pick = side === 'earliest' ? 'min' : 'max';
  return {
    reasons: ['outside_window'],
    value: time,
    aggregates: (value) => {
      const picked = (best: 'min' | 'max', of: string | null): string[] => {
        if (!mayBeDay(field)) return [shown(`${best}(${value})${filtered([of])}`, field)];
        // A day stands for its first moment in the zone, so which of the two is nearer is seen outside.
        const isDay = isDayText(value);
        return [isDay, `NOT ${isDay}`].map((kind) =>
          shown(`${best}(${value})${filtered([of, kind])}`, field),
        );
      };
      if (earlier === null) return picked(pick, null);
      const isEarlier = `(${within(value, earlier, parameters)})`;
      return [...picked('max', isEarlier), ...picked('min', `NOT ${isEarlier}`)];
    },
  };
}

function filtered(conditions: readonly (string | null)[]): string {
  const asked = conditions.filter((each) => each !== null);
  return asked.length === 0 ? '' : ` FILTER (WHERE ${asked.join(' AND ')})`;
}

/** A time as JSON text; a day as its date. */
function shown(time: string, field: StoredField): string {
  const form = (text: string): string => `to_char((${time}) AT TIME ZONE 'UTC', '${text}')`;
  const instant = form('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  const text = mayBeDay(field)
    ? `CASE WHEN ${isDayText(`(${time})`)} THEN ${form('YYYY-MM-DD')} ELSE ${instant} END`
    : instant;
  return `'"' || ${text} || '"'`;
}

function ends(text: string, reasons: readonly Reason[]): Example {
  return {
    reasons,
    value: `${text} COLLATE "C"`,
    aggregates: (value) => ['min', 'max'].map((pick) => `${pick}(${value})`),
  };
}
