import type { ParkedDelivery } from '../../automation/index.js';
import { plain } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { personText, tableLines } from './series.js';

/** What waits for a decision. */
export function parkedLines(printer: Printer, parked: readonly ParkedDelivery[]): string[] {
  if (parked.length === 0) return ['nothing was given up or is unknown'];
  const rows = parked.map((each) => [
    each.id,
    each.state,
    each.series === null ? `${each.broadcast}/${each.variant}` : `${each.series}/${each.step}`,
    personText(each),
    each.resolvable_as.join(' '),
    plain(each.error ?? ''),
  ]);
  return tableLines(printer, [['delivery', 'state', 'of', 'person', 'resolve as', 'because'], ...rows]);
}
