import type { BroadcastExplanation } from '../../automation/index.js';
import { plain } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { clauseLines } from './explanation.js';

const meanings: Readonly<Record<string, string>> = {
  not_in_audience: 'they are not in the audience',
  suppressed: 'nothing may be sent to them',
  unreachable: 'the channel cannot reach them',
  capped: 'a frequency cap is used up',
  passed: 'their hour was over',
  duplicate: 'somebody else with the same address is sent to',
  deferred: 'quiet hours or the send window hold it back',
  paused: 'it is paused',
  not_due: 'it is not due yet',
  retry: 'it is tried again',
  cancelled: 'it was cancelled',
  joined: 'it went to the person they were merged with',
};

/** Whether one person was sent a broadcast, waits for it, or why not. */
export function broadcastLines({ style }: Printer, found: BroadcastExplanation): string[] {
  const { user_id: userId, reason, recipient, run, next, opt_outs: optOuts, audience } = found;
  // Before a launch the reason is the verdict of a launch now, which has a line of its own.
  const because = reason === null || found.status === 'not_launched' ? '' : `: ${meaningOf(reason)}`;
  const lines = [`${style('bold', plain(userId))} ${statusText(found)}${because}`];
  if (run !== null) lines.push(`  launched at ${run.launched_at.toISOString()} (run ${plain(run.run)})`);
  if (recipient !== null) {
    const due = recipient.due_at === null ? '' : `, due at ${recipient.due_at.toISOString()}`;
    lines.push(`  variant ${plain(recipient.variant)}${due}, attempts ${recipient.attempts}`);
  }
  if (next !== null) lines.push(`  a launch now: ${nextText(next)}`);
  if (found.unreachable !== null) lines.push(`  the channel cannot reach them: ${found.unreachable}`);
  if (found.caps.length > 0) lines.push(`  frequency caps: ${found.caps.join(', ')}`);
  for (const { list, by, topic, reason: why, source, at } of optOuts) {
    const about = list === 'suppressions' ? 'suppressed' : `unsubscribed from ${topic ?? 'all topics'}`;
    lines.push(plain(`  ${about} by ${by} since ${at.toISOString()}: ${why} (${source})`));
  }
  const matches = audience.matched ? 'in the audience' : 'not in the audience';
  return [
    ...lines,
    '',
    `  as they are now, they are ${matches}: ${plain(audience.sentence)}`,
    ...audience.clauses.flatMap((clause) => clauseLines({ style }, clause)),
  ];
}

function statusText({ status, broadcast, recipient }: BroadcastExplanation): string {
  const key = plain(broadcast);
  if (status === 'sent') return `was sent ${key} at ${recipient?.sent_at?.toISOString() ?? ''}`;
  if (status === 'waiting') return `waits for ${key}`;
  if (status === 'unknown') return `may have been sent ${key}`;
  return status === 'not_sent'
    ? `was not sent ${key}`
    : `was sent nothing of ${key}: it was not launched yet`;
}

function nextText({
  verdict,
  variant,
  due_at: due,
  instead,
}: NonNullable<BroadcastExplanation['next']>): string {
  const parts = [
    verdict === 'will_send' ? 'sends' : meaningOf(verdict),
    ...(variant === null ? [] : [`variant ${plain(variant)}`]),
    ...(due === null ? [] : [`due at ${due.toISOString()}`]),
    ...(instead === null ? [] : [`sent to ${plain(instead)} instead`]),
  ];
  return parts.join(', ');
}

const meaningOf = (reason: string): string => meanings[reason] ?? plain(reason);
