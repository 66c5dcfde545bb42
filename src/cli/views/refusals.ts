import type { KeptRefusal } from '../../traits/refusals.js';
import { plain } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** What could not be stored: two lines each, because what was wrong is what one looks for. */
export function refusalLines({ style }: Printer, refusals: readonly KeptRefusal[]): string[] {
  if (refusals.length === 0) return ['nothing was refused'];
  return refusals.flatMap((each) => {
    const lost = each.whole ? `${each.call} refused` : `${each.path} left out of ${each.call}`;
    const who = each.user_id ?? (each.anonymous_id === null ? 'nobody' : `visitor ${each.anonymous_id}`);
    return [
      plain(`${each.at.toISOString()}  ${who}  ${lost}`),
      style('dim', plain(`  ${each.message} (${each.code})`)),
    ];
  });
}
