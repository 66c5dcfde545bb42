import type { DateOutlook } from '../series/date-outlook.js';
import type { SeriesDefinition, StepType } from '../series/model.js';
import type { SeriesState } from '../series/moves.js';
import { dateOf, hour, wallAt } from '../series/wall-clock.js';
import type { Span, Witness } from './person.js';

/** What became of the people at one step. Numbers count arrivals, not people: a loop brings somebody here again. */
export interface StepFunnel {
  readonly step: string;
  readonly type: StepType;
  arrived: number;
  /** Put off by quiet hours or the send window at least once. */
  deferred: number;
  delivered: number;
  failed: number;
  /** The channel could not reach them, as e-mail somebody without an address. */
  unreachable: number;
  capped: number;
  /** Waits that ended as asked, and those that timed out. */
  matched: number;
  timed_out: number;
  /** Left the series here, by the goal, the exit filter or an exit step. */
  left: number;
  /** Still here when the time was over. */
  waiting: number;
  /** Which way people went, by the arm's number; `otherwise` for none of them. */
  readonly arms: Record<string, number>;
}

/** Messages of one day, on the wall clock of the workspace. */
export interface CalendarDay {
  /** `2026-11-21` */
  readonly date: string;
  sends: number;
  /** By step. */
  readonly steps: Record<string, number>;
}

/** What a simulation found. */
export interface SimulationReport {
  readonly series: string;
  /** ISO 8601, UTC; `to` is not in the span any more. */
  readonly from: string;
  readonly to: string;
  readonly zone: string;
  readonly people: number;
  /** Where the dates of those in the audience stand at the start; null for another trigger than a date. */
  readonly dates: DateOutlook | null;
  /** Why the series started for nobody, in words; null where it did. */
  readonly why_nobody: string | null;
  /** Times that the series was started for somebody, and what came of it. */
  readonly triggered: number;
  readonly entered: number;
  readonly held_out: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly completed: number;
  readonly reached_goal: number;
  readonly exited: Readonly<Record<string, number>>;
  readonly still_inside: number;
  readonly sends: number;
  readonly steps: readonly StepFunnel[];
  /** Days with messages, in order. */
  readonly calendar: readonly CalendarDay[];
  /** Messages by hour of the day, 0 to 23, on the wall clock of the workspace. */
  readonly hours: readonly number[];
  /** Moves from step to step, and into and out of the series. */
  readonly transitions: number;
}

/** What the witness hears of; the rest of the report is about the people as they come. */
export type Counted = Omit<SimulationReport, 'dates' | 'why_nobody'>;

/** Counts what the witness hears; `report` may be asked for at any time. */
export function tally(
  { key, steps }: SeriesDefinition,
  zone: string,
): Witness & { person(): void; report(span: Span): Counted } {
  const funnel = new Map<string, StepFunnel>(
    steps.map(({ key: step, type }) => [step, { step, type, ...nothing(), arms: {} }]),
  );
  const days = new Map<number, CalendarDay>();
  const hours = Array.from({ length: 24 }, () => 0);
  const refused: Record<string, number> = {};
  const exited: Record<string, number> = {};
  const counts = {
    people: 0,
    triggered: 0,
    entered: 0,
    held_out: 0,
    completed: 0,
    reached_goal: 0,
    still_inside: 0,
    sends: 0,
    transitions: 0,
  };
  return {
    person() {
      counts.people += 1;
    },
    entered(state) {
      counts.triggered += 1;
      counts.transitions += 1;
      if (state.status === 'refused') add(refused, state.reason);
      else if (state.status === 'held_out') counts.held_out += 1;
      else counts.entered += 1;
    },
    walked(trail) {
      for (const { step, what, detail } of trail) {
        const at = funnel.get(step);
        if (what === 'arrived') counts.transitions += 1;
        if (at === undefined) continue;
        if (what === 'took_arm') add(at.arms, detail ?? '');
        else if (what === 'exited' || what === 'reached_goal') at.left += 1;
        else if (what !== 'waited' && what !== 'set_trait' && what !== 'suppressed') at[what] += 1;
      }
    },
    ended(state) {
      counts.transitions += 1;
      countEnd(state, counts, exited);
    },
    left({ step }) {
      counts.still_inside += 1;
      const at = funnel.get(step);
      if (at !== undefined) at.waiting += 1;
    },
    delivered(step, _channel, now) {
      const wall = wallAt(now, zone);
      const date = dateOf(wall);
      let day = days.get(date);
      if (day === undefined) {
        day = { date: new Date(date).toISOString().slice(0, 10), sends: 0, steps: {} };
        days.set(date, day);
      }
      day.sends += 1;
      add(day.steps, step);
      const slot = Math.floor((wall - date) / hour);
      hours[slot] = (hours[slot] ?? 0) + 1;
      counts.sends += 1;
    },
    report: ({ from, to }) => ({
      series: key,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      zone,
      ...counts,
      refused: { ...refused },
      exited: { ...exited },
      steps: [...funnel.values()],
      calendar: [...days.entries()].toSorted(([a], [b]) => a - b).map(([, day]) => day),
      hours,
    }),
  };
}

function nothing(): Omit<StepFunnel, 'step' | 'type' | 'arms'> {
  return {
    arrived: 0,
    deferred: 0,
    delivered: 0,
    failed: 0,
    unreachable: 0,
    capped: 0,
    matched: 0,
    timed_out: 0,
    left: 0,
    waiting: 0,
  };
}

function countEnd(
  state: SeriesState,
  counts: { completed: number; reached_goal: number },
  exited: Record<string, number>,
): void {
  if (state.status === 'exited') add(exited, state.reason);
  if (state.status !== 'completed') return;
  if (state.reason === 'goal') counts.reached_goal += 1;
  else counts.completed += 1;
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
