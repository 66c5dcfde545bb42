import type { Begin, Move } from '../witness.js';
import { breach, rounding } from './breach.js';
import type { Breach } from './breach.js';
import type { History } from './history.js';

/** What may happen to a work row, and who may do it. */
export function claims({ moves }: History): Breach[] {
  const holder = new Map<string, string>();
  return moves.flatMap((move) => {
    const found: Breach[] = [];
    const told = `work ${move.work} (${move.step}), ${move.was} to ${move.now} by ${move.by}`;
    if (['done', 'failed', 'cancelled'].includes(move.was)) found.push(breach('over', told));
    if (move.now === 'claimed') {
      if (move.was !== 'enqueued') found.push(breach('one claim', told));
      if (move.at < move.due - rounding) {
        found.push(breach('early', `${told}, ${Math.round(move.due - move.at)} ms before its time`));
      }
      holder.set(move.work, move.by);
    } else if (move.was === 'claimed' && holder.get(move.work) !== move.by) {
      const over = move.lease !== null && move.lease <= move.at;
      const takenBack = ['pending', 'unknown', 'cancelled'].includes(move.now) && over;
      if (!takenBack) found.push(breach('holder', `${told}, while ${holder.get(move.work)} held it`));
    }
    return found;
  });
}

/** Nothing is sent that was claimed in the middle of a pause. */
export function paused(history: History): Breach[] {
  const claimed = claimOfBegin(history);
  return history.begins.flatMap((begin) => {
    const claim = claimed(begin);
    if (claim === undefined || claim.series !== history.stopped) return [];
    const within = history.pauses.find(
      ({ from, to }) => claim.at > from + rounding && claim.at < to - rounding,
    );
    return within === undefined
      ? []
      : [breach('paused', `${begin.delivery} was claimed while its series was paused`)];
  });
}

/** The claim under which a delivery was begun: the last one before it of the same process. */
function claimOfBegin({ moves }: History): (begin: Begin) => Move | undefined {
  const byWork = new Map<string, Move[]>();
  for (const move of moves) {
    if (move.now !== 'claimed') continue;
    const list = byWork.get(move.work);
    if (list === undefined) byWork.set(move.work, [move]);
    else list.push(move);
  }
  return (begin) => byWork.get(begin.work)?.findLast((move) => move.by === begin.by && move.n < begin.n);
}
