import { exampleSeries, loadSeries } from '../src/automation/series/file.js';
import { simulate } from '../src/automation/simulate.js';
import type { UserRecord } from '../src/filter/record.js';
import { median, printTable } from './table.js';
import type { Row } from './table.js';

/**
 * How many moves a second the machine makes over virtual time, by each example series: by the clock, and by the processor
 * time of the process, its garbage collection included, which tells the same where something else runs.
 */

const from = Date.parse('2026-03-02T08:00:00Z');
const day = 86_400_000;
const json = process.argv.includes('--json');
const small = process.argv.includes('--small');
const count = small ? 500 : 20_000;
const rounds = small ? 1 : 5;

/** People who differ in what the examples ask about: role, plan, dates, zone, and whether they come back. */
const crowd: UserRecord[] = Array.from({ length: count }, (_, index) => ({
  user_id: `user_${index}`,
  name: `User ${index}`,
  signed_up_at: new Date(from - (index % 9) * day),
  renewal_date: new Date(from + (30 + (index % 60)) * day),
  contract_term: index % 4 === 0 ? 'monthly' : 'annual',
  custom_fields: {
    ...(index % 5 === 0 ? {} : { role: ['owner', 'admin', 'member'][index % 3] }),
    onboarding_step: index % 7,
    trial_ends_at: new Date(from + (5 + (index % 20)) * day).toISOString(),
    timezone: ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'UTC'][index % 4],
  },
  events:
    index % 6 === 0
      ? [{ event: 'login', occurred_at: new Date(from + (index % 20) * day).toISOString() }]
      : [],
}));

const rows: Row[] = [];
for (const [key, file] of Object.entries(exampleSeries)) {
  const series = await loadSeries(file);
  const run = (): ReturnType<typeof simulate> =>
    simulate({ series, people: crowd, from, days: 90, zone: 'Europe/Berlin' });
  const first = run();
  check(first);
  const rates = Array.from({ length: rounds }, () => {
    const started = performance.now();
    const used = process.cpuUsage();
    const report = run();
    const { user, system } = process.cpuUsage(used);
    const seconds = (performance.now() - started) / 1000;
    if (JSON.stringify(report) !== JSON.stringify(first)) throw new Error(`${key} differs from run to run`);
    return {
      byClock: report.transitions / seconds,
      byProcessor: (report.transitions / (user + system)) * 1e6,
    };
  });
  rows.push({
    series: key,
    people: count,
    entered: first.entered,
    sends: first.sends,
    moves: first.transitions,
    'moves/s': Math.round(median(rates.map(({ byClock }) => byClock))),
    'moves per processor second': Math.round(median(rates.map(({ byProcessor }) => byProcessor))),
  });
}
printTable('series over 90 days of virtual time', rows, json);

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0);
}

function check(report: ReturnType<typeof simulate>): void {
  const ended = report.completed + report.reached_goal + sum(report.exited) + report.still_inside;
  if (report.sends === 0 || ended !== report.entered) throw new Error(`${report.series} does not add up`);
}
