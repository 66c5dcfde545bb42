import { courseOf } from '../../filter/horizon/verdict.js';
import type { UserRecord } from '../../filter/record.js';
import type { Filter } from '../../filter/tree.js';

/** Somebody entered or left a segment. */
export interface Flip {
  readonly endUser: string;
  readonly userId: string | null;
  readonly segment: string;
  readonly entered: boolean;
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}

export interface Stretch {
  /** Since when the data are as they are. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}

/** More turns than this between two looks are told as the last of them alone. */
const mostTurns = 1000;

/**
 * When a person's membership turned, from the one that is stored to the one at the end of the stretch: each instant exactly, also
 * of what turned and turned back. The data must not have changed in between.
 *
 * @param stored the membership as it was at the beginning; where the data changed just then, as it was before
 * @param changed whether the stretch begins with a change of the data: then that is when a membership turned which is not the
 *   stored one at the beginning. Otherwise a change has been seen that is yet to be told, and only the last turn is certain.
 */
export function turnsOf(
  filter: Filter,
  user: UserRecord,
  stored: boolean,
  { from, to, zone }: Stretch,
  changed: boolean,
): { entered: boolean; at: number }[] {
  const course = courseOf(filter, user, { now: from, zone });
  const turns: { entered: boolean; at: number }[] = [];
  let inside = course.at(from);
  const agreed = inside === stored;
  if (!agreed && changed) turns.push({ entered: inside, at: from });
  for (let at = course.turns(from); at !== null && at <= to; at = course.turns(at)) {
    inside = !inside;
    turns.push({ entered: inside, at });
    if (turns.length > mostTurns) return inside === stored ? [] : [{ entered: inside, at }];
  }
  if (agreed || changed) return turns;
  return inside === stored ? [] : [{ entered: inside, at: turns.at(-1)?.at ?? to }];
}
