import { momentOf } from '../filter/time.js';
import type { UserRecord } from '../filter/record.js';
import type { SeriesDefinition } from './series/model.js';
import type { Footprint, SeriesState } from './series/moves.js';
import { later } from './series/wall-clock.js';
import { datesOf, whyNobody } from './simulate/nobody.js';
import { live } from './simulate/person.js';
import type { Fate, Witness } from './simulate/person.js';
import { tally } from './simulate/report.js';
import type { SimulationReport } from './simulate/report.js';

export type { CalendarDay, SimulationReport, StepFunnel } from './simulate/report.js';
export type { Fate } from './simulate/person.js';

export interface SimulateOptions {
  readonly series: SeriesDefinition;
  /**
   * Who lives through it. Their `events` happen at their times; whoever has no `created_at` is created at the start.
   */
  readonly people: Iterable<UserRecord>;
  /** The first instant: a Date, milliseconds since 1970 or ISO 8601. */
  readonly from: Date | number | string;
  /** Days on the wall clock of the zone. */
  readonly days: number;
  /** Zone of the workspace; default UTC. A person's own is in their trait `timezone`. */
  readonly zone?: string;
  /** What becomes of a delivery; by default every one is delivered. */
  readonly fate?: Fate;
  /** Hears of every single thing that happens to anybody. */
  readonly onStory?: (entry: SimulatedMove) => void;
}

/** One thing that happened to one person, in virtual time. */
export interface SimulatedMove {
  readonly userId: string | null;
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
  readonly what: Footprint['what'] | SeriesState['status'];
  readonly step: string | null;
  readonly detail: string | null;
}

/**
 * Runs a series over a span of virtual time by the machine that runs in production, and counts what happens: nothing is
 * sent, no clock is read, and the same input gives the same answer.
 *
 * A series that starts with a segment is started once for everybody, at the start, because what the segment holds is not
 * known here. Errors: `bad_now`, `bad_zone`.
 */
export function simulate(options: SimulateOptions): SimulationReport {
  const { series, zone = 'UTC', onStory } = options;
  const { now: from } = momentOf(options.from, zone);
  const span = { from, to: later(from, { amount: options.days, unit: 'days' }, zone) };
  const counted = tally(series, zone);
  const fate = options.fate ?? (() => 'delivered');
  const dates = datesOf(series, from, zone);
  for (const person of options.people) {
    counted.person();
    dates?.look(person);
    const witness = onStory === undefined ? counted : told(counted, person.user_id ?? null, onStory);
    live(series, person, { span, zone, fate, witness });
  }
  const report = { ...counted.report(span), dates: dates?.result() ?? null };
  return { ...report, why_nobody: whyNobody(series, report) };
}

function told(witness: Witness, userId: string | null, tell: (entry: SimulatedMove) => void): Witness {
  return {
    ...witness,
    entered(state, at) {
      witness.entered(state, at);
      // Whoever came in leaves traces of their own.
      if (state.status !== 'refused' && state.status !== 'held_out') return;
      tell({ userId, at, what: state.status, step: null, detail: 'reason' in state ? state.reason : null });
    },
    walked(trail, at) {
      witness.walked(trail, at);
      for (const { step, what, detail } of trail) tell({ userId, at, what, step, detail });
    },
    ended(state, at) {
      witness.ended(state, at);
      // How somebody left is in the trail already.
      if (state.status === 'completed' && state.reason === 'end') {
        tell({ userId, at, what: 'completed', step: null, detail: null });
      }
    },
  };
}
