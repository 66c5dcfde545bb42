import type { Field } from '../fields.js';
import { compileGlob } from '../glob.js';
import type { UserRecord } from '../record.js';
import type { Moment } from '../time.js';
import type { Has, LeafKind, NodeOf } from '../tree.js';
import { foldAscii, isMissing, percentOf, readerOf, splitList } from '../values.js';
import { judgeDid } from './did.js';
import { demandOf, judgeBounds, judgeEqual, judgeOneOf } from './literals.js';
import type { Reason } from './reason.js';
import { shownValue, wantedList, wantedLiteral } from './show.js';
import type { JsonValue } from './show.js';

export interface Finding {
  readonly reason: Reason;
  readonly seen: JsonValue;
}

export interface Judge {
  readonly wanted: JsonValue;
  readonly judge: (user: UserRecord) => Finding;
}

/**
 * One judge for each kind of leaf: it names the reason, and the verdict is whether the reason is `matched`. A segment is
 * judged by the explanation of its own filter.
 */
export const judges: {
  readonly [K in Exclude<LeafKind, 'segment'>]: (leaf: NodeOf<K>, moment: Moment) => Judge;
} = {
  everyone: () => ({ wanted: { everyone: true }, judge: () => ({ reason: 'matched', seen: null }) }),

  compare: ({ operator, subject, value }, moment) => {
    const demand = demandOf(value, moment);
    return {
      wanted: wantedLiteral(value, moment),
      judge: ofValue(
        subject.field,
        moment,
        (seen) => {
          if (operator === '==' || operator === '!=') return judgeEqual(operator, seen, demand, subject);
          return judgeBounds([{ operator, demand }], seen, subject);
        },
        demand.type === 'time',
      ),
    };
  },

  in: ({ subject, items }, moment) => {
    const demands = items.map((item) => demandOf(item, moment));
    return {
      wanted: wantedList(items, moment),
      judge: ofValue(
        subject.field,
        moment,
        (seen) => judgeOneOf(seen, demands, subject),
        demands.every(({ type }) => type === 'time'),
      ),
    };
  },

  between: ({ subject, low, high }, moment) => {
    const bounds = [
      { operator: '>=', demand: demandOf(low, moment) },
      { operator: '<=', demand: demandOf(high, moment) },
    ] as const;
    return {
      wanted: { from: wantedLiteral(low, moment), to: wantedLiteral(high, moment) },
      judge: ofValue(
        subject.field,
        moment,
        (seen) => judgeBounds(bounds, seen, subject),
        low.type === 'time',
      ),
    };
  },

  text: ({ operator, subject, text }, moment) => {
    const holds = (seen: string, part: string): boolean => {
      if (operator === 'matches') return compileGlob(part)(seen);
      if (operator === 'contains') return seen.indexOf(part) >= 0;
      if (part.length > seen.length) return false;
      return operator === 'starts_with'
        ? seen.slice(0, part.length) === part
        : seen.slice(seen.length - part.length) === part;
    };
    return {
      wanted: wantedLiteral({ type: 'text', value: text }, moment),
      judge: ofValue(subject.field, moment, (seen) => {
        if (!isTextOf(subject.field, seen)) return 'type_mismatch';
        if (holds(subject.lower ? foldAscii(seen) : seen, text)) return 'matched';
        return holds(foldAscii(seen), foldAscii(text)) ? 'case_mismatch' : 'different';
      }),
    };
  },

  has: (leaf, moment) => {
    const { operator, field, items } = leaf;
    const [first] = items;
    return {
      wanted:
        operator === 'has' && first !== undefined ? wantedLiteral(first, moment) : wantedList(items, moment),
      judge: ofValue(field, moment, (seen) => judgeHas(leaf, seen)),
    };
  },

  presence: ({ operator, field }, moment) => {
    const read = readerOf(field, moment);
    return {
      wanted: { exists: operator === 'exists' },
      judge: (user) => {
        const value = read(user);
        const seen = shownValue(value, field, false);
        if (operator === 'exists') return { reason: isMissing(value) ? 'missing' : 'matched', seen };
        return { reason: isMissing(value) ? 'matched' : 'different', seen };
      },
    };
  },

  percent: ({ salt, low, high }) => ({
    wanted: { percent: [salt, low, high] },
    judge: (user) => {
      const seen = percentOf(salt, user);
      if (seen === null) return { reason: 'missing', seen };
      return { reason: seen >= low && seen < high ? 'matched' : 'different', seen };
    },
  }),

  did: judgeDid,
};

/** A judge of the field's value; what is missing is missing to every comparison. */
function ofValue(
  field: Field,
  moment: Moment,
  reasonFor: (seen: unknown) => Reason,
  isTime = false,
): Judge['judge'] {
  const read = readerOf(field, moment);
  return (user) => {
    const value = read(user);
    return {
      reason: isMissing(value) ? 'missing' : reasonFor(value),
      seen: shownValue(value, field, isTime),
    };
  };
}

/** Text, and not the ISO 8601 text that stands for a time in a time column. */
function isTextOf(field: Field, seen: unknown): seen is string {
  return typeof seen === 'string' && (field.kind === 'custom' || field.type === 'text');
}

function judgeHas({ operator, field, items }: Has, seen: unknown): Reason {
  const list: readonly unknown[] | null = isTextOf(field, seen)
    ? splitList(seen)
    : Array.isArray(seen)
      ? seen
      : null;
  if (list === null) return 'type_mismatch';
  const combine = (found: (item: Has['items'][number]) => boolean): boolean =>
    operator === 'has_all' ? items.every(found) : items.some(found);
  if (combine(({ value }) => list.some((item) => item === value))) return 'matched';
  // A text's items are texts: what needs a number or a boolean among them can never hold.
  if (typeof seen === 'string' && !combine(({ type }) => type === 'text')) return 'type_mismatch';
  const folded = list.map(fold);
  return combine(({ value }) => folded.includes(fold(value))) ? 'case_mismatch' : 'different';
}

function fold(value: unknown): unknown {
  return typeof value === 'string' ? foldAscii(value) : value;
}
