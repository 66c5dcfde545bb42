import type { Begin, Move } from '../witness.js';
import { older } from '../workers.js';
import { breach, rounding } from './breach.js';
import type { Breach } from './breach.js';
import type { History } from './history.js';

/** What may happen to a work row, and who may do it. */
export function claims(history: History): Breach[] {
  const { moves } = history;
  const holder = new Map<string, string>();
  return moves.flatMap((move) => {
    const found: Breach[] = [];
    const told = `work ${move.work} (${move.step ?? 'chunk'}), ${move.was} to ${move.now} by ${move.by}`;
    if (['done', 'failed', 'cancelled'].includes(move.was)) found.push(breach('over', told));
    if (move.now === 'claimed') {
      if (move.was !== 'enqueued') found.push(breach('one claim', told));
      holder.set(move.work, move.by);
    } else if (move.was === 'claimed' && holder.get(move.work) !== move.by) {
      const over = move.lease !== null && move.lease <= move.at;
      const takenBack = ['pending', 'unknown', 'cancelled'].includes(move.now) && over;
      if (!takenBack) found.push(breach('holder', `${told}, while ${holder.get(move.work)} held it`));
    }
    return found;
  });
}

/**
 * Nothing is sent or ended before it is due. A claim may come before its time where the clock of a process is wrong: whoever
 * has it holds it until then, or gives it back. What an older version does about that is its own.
 */
export function early(history: History): Breach[] {
  const claimed = claimOfBegin(history);
  const begun = history.begins.filter(byToday).flatMap((begin) => {
    const claim = claimed(begin);
    if (claim === undefined || begin.at >= claim.due - rounding) return [];
    const before = Math.round(claim.due - begin.at);
    return [breach('early', `${begin.delivery} was begun by ${begin.by}, ${before} ms before its time`)];
  });
  const ended = history.moves
    .filter((move) => byToday(move) && move.was === 'claimed' && ['done', 'failed'].includes(move.now))
    .filter((move) => move.at < move.due - rounding)
    .map((move) => {
      const before = Math.round(move.due - move.at);
      return breach(
        'early',
        `work ${move.work} (${move.step ?? 'chunk'}) was ${move.now} by ${move.by}, ${before} ms before its time`,
      );
    });
  return [...begun, ...ended];
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

function byToday({ by }: { readonly by: string }): boolean {
  return !by.endsWith(older);
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
  return (begin) =>
    byWork.get(begin.work ?? '')?.findLast((move) => move.by === begin.by && move.n < begin.n);
}
