import type { SamplePerson } from '../../audience/people.js';
import type {
  Breakdown,
  BroadcastReport,
  PreviewOfBroadcast,
  Progress,
  Recipient,
  SavedBroadcast,
  Verdict,
} from '../../automation/index.js';
import { cut, number, people, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

const timeText = (time: Date | null): string => time?.toISOString().slice(0, 19).replace('T', ' ') ?? '-';

/** A table with a dim head, each line cut to the width. */
function tableLines({ style, width }: Printer, rows: readonly (readonly string[])[]): string[] {
  const [head = '', ...rest] = table(rows).map((line) => cut(line, width - 2));
  return [style('dim', head), ...rest];
}

/** What broadcasts there are. */
export function broadcastLines(printer: Printer, broadcasts: readonly SavedBroadcast[]): string[] {
  if (broadcasts.length === 0) return ['no broadcasts yet; muster broadcast save FILE makes one'];
  const rows = broadcasts.map(({ key, state, run, launched_at: at, name }) => [
    key,
    state,
    run ?? '-',
    timeText(at),
    plain(name),
  ]);
  return tableLines(printer, [['broadcast', 'state', 'run', 'launched (UTC)', 'name'], ...rows]);
}

const order = [
  'will_send',
  'deferred',
  'suppressed',
  'unreachable',
  'capped',
  'passed',
  'duplicate',
] as const;

/** The number before a launch, and what it is made of. */
export function breakdownLines(
  printer: Printer,
  breakdown: Breakdown,
  samples?: Readonly<Record<Verdict, readonly SamplePerson[]>>,
  shared: PreviewOfBroadcast['shared_addresses'] = null,
): string[] {
  return numberLines(printer, { breakdown, words: before, samples, shared });
}

interface Words {
  readonly matched: string;
  readonly toSend: string;
  readonly meanings: Readonly<Record<Verdict, string>>;
  readonly late: string;
  readonly without: string;
}

const before: Words = {
  matched: 'match',
  toSend: 'will be sent to',
  late: 'the hour is over for',
  without: 'to be sent to have no',
  meanings: {
    will_send: 'will be sent to',
    deferred: 'will be sent to when their quiet hours are over',
    suppressed: 'may not be sent to',
    unreachable: 'cannot be reached by the channel',
    capped: 'were sent enough already',
    passed: 'are past the hour',
    duplicate: 'have the address of somebody who is sent to',
  },
};

// A launch may have been cancelled since, and a report must not promise what never comes.
const atLaunch: Words = {
  matched: 'matched at the launch',
  toSend: 'were to be sent to',
  late: 'the hour was over for',
  without: 'to be sent to had no',
  meanings: {
    will_send: 'were to be sent to',
    deferred: 'were to be sent to when their quiet hours were over',
    suppressed: 'might not be sent to',
    unreachable: 'could not be reached by the channel',
    capped: 'had been sent enough already',
    passed: 'were past the hour',
    duplicate: 'had the address of somebody who was to be sent to',
  },
};

function numberLines(
  printer: Printer,
  {
    breakdown,
    words,
    samples,
    shared,
  }: {
    readonly breakdown: Breakdown;
    readonly words: Words;
    readonly samples?: Readonly<Record<Verdict, readonly SamplePerson[]>> | undefined;
    readonly shared: PreviewOfBroadcast['shared_addresses'];
  },
): string[] {
  const { style } = printer;
  const counts = order.filter((verdict) => breakdown[verdict] > 0 || verdict === 'will_send');
  const rows = table(
    counts.map((verdict) => [
      number(breakdown[verdict]),
      words.meanings[verdict],
      namesIn(samples?.[verdict] ?? []),
    ]),
    [0],
  );
  const lines = [
    `${style('bold', people(breakdown.matched))} ${words.matched}, ${style('bold', number(breakdown.to_send))} of them ${words.toSend}`,
    ...rows.map((row) => `  ${cut(row.trimEnd(), printer.width - 2)}`),
  ];
  const { variants, variables, unknown_zone: unknownZone, late } = breakdown;
  if (variants.length > 1)
    lines.push(
      `  variants: ${variants.map(({ key, to_send: count }) => `${key} ${number(count)}`).join(', ')}`,
    );
  if (unknownZone > 0)
    lines.push(`  ${people(unknownZone)} by the zone of the workspace, because their own is unknown`);
  if (shared !== null && shared.people > 0)
    lines.push(
      style(
        'yellow',
        `  ${people(shared.people)} to be sent to share ${number(shared.addresses)} addresses; \`"dedupe": "address"\` sends once to each`,
      ),
    );
  if (late > 0) lines.push(`  ${words.late} ${people(late)}`);
  for (const { field, without } of variables)
    if (without > 0) lines.push(style('yellow', `  ${people(without)} ${words.without} ${plain(field)}`));
  if (breakdown.first_due_at !== null)
    lines.push(`  from ${breakdown.first_due_at} to ${breakdown.last_due_at ?? ''}`);
  return lines;
}

function namesIn(sample: readonly SamplePerson[]): string {
  return sample.map(({ user_id: id, name }) => plain(name ?? id ?? 'a visitor')).join(', ');
}

/** How a launch goes. */
export function reportLines(printer: Printer, report: BroadcastReport): string[] {
  const { style } = printer;
  const why = report.reason === null ? '' : `, ${report.reason.replace('_', ' ')}`;
  const detail = report.detail === null ? '' : `: ${plain(report.detail)}`;
  return [
    `${style('bold', report.key)} ${report.state}${why}${detail}`,
    `  launched ${timeText(report.launched_at)} UTC, finished ${timeText(report.finished_at)}`,
    '',
    ...numberLines(printer, { breakdown: report.breakdown, words: atLaunch, shared: null }),
    '',
    `  ${progressText(report.progress)}`,
    ...Object.entries(report.skipped).map(([reason, count]) => `  skipped: ${reason} ${number(count)}`),
    ...report.failures.map(({ error, count }) => `  failed: ${number(count)}  ${plain(error)}`),
    ...(report.variants.length > 1
      ? report.variants.map((variant) => `  variant ${variant.key}: ${progressText(variant)}`)
      : []),
    ...report.unknown.map(
      ({ user_id: id, delivery, reason }) => `  unknown: ${plain(id ?? '-')} ${delivery} ${plain(reason)}`,
    ),
  ];
}

function progressText({ recipients, sent, pending, skipped, failed, unknown }: Progress): string {
  const parts = { sent, pending, skipped, failed, unknown };
  const said = Object.entries(parts).map(([name, count]) => `${number(count)} ${name}`);
  return `${number(recipients)} recipients = ${said.join(' + ')}`;
}

/** Who was in the audience, and what became of each. */
export function recipientLines(printer: Printer, recipients: readonly Recipient[]): string[] {
  if (recipients.length === 0) return ['nobody'];
  const rows = recipients.map((each) => [
    plain(each.user_id ?? (each.anonymous_id === null ? 'erased' : `visitor ${each.anonymous_id}`)),
    each.state,
    each.variant,
    timeText(each.sent_at ?? each.due_at),
    plain(each.reason ?? '-'),
  ]);
  return tableLines(printer, [['person', 'state', 'variant', 'sent or due (UTC)', 'reason'], ...rows]);
}
