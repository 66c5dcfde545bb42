import type { BroadcastReportNow } from '../../automation/index.js';
import { plain } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { reportLines } from './broadcasts.js';
import { funnelLines } from './report.js';

/** Why the audience of a broadcast is as large as it is now, and how its launch goes. */
export function broadcastReportLines(printer: Printer, report: BroadcastReportNow): string[] {
  const { style } = printer;
  const { audience, audience_as_of: at } = report;
  const lines =
    report.run === null
      ? [`${style('bold', plain(report.key))} is ${report.state}, and was not launched yet`]
      : reportLines(printer, report);
  if (audience === null || at === null) return [...lines, '', '  it names a segment that is no more'];
  const when = `${at.slice(0, 19).replace('T', ' ')} UTC`;
  const whom = report.run === null ? '' : '; the launch took who matched then';
  return [
    ...lines,
    '',
    `  ${style('bold', 'Its audience')} as of ${when}${whom}`,
    ...funnelLines(printer, audience),
  ];
}
