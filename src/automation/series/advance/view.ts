import { zoneNamed } from '../../../filter/offsets.js';
import type { UserRecord } from '../../../filter/record.js';
import type { Moment } from '../../../filter/time.js';
import type { SeriesDefinition, Step, StepType } from '../model.js';
import type { Active, DeliveryEffect, ExitReason, Facts, Footprint, SetTraitEffect } from '../moves.js';
import type { Zones } from '../sending-hours.js';

/** What one call of the machine sees. */
export interface View {
  readonly definition: SeriesDefinition;
  readonly facts: Facts;
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
  /** As the facts have it, with what the series set on the way. */
  readonly person: UserRecord;
  readonly zones: Zones;
  /** The clock that filters go by. */
  readonly moment: Moment;
}

/** Where the person stands, and whether they came there in this very call. */
export interface Place extends Active {
  readonly isNew: boolean;
}

/** What a step makes of a person who is at it. */
export type Verdict =
  /** They stay until `wakeAt`, after now; `listens` where their data, their zone or an event could move them before. */
  | {
      readonly kind: 'rest';
      readonly wakeAt: number;
      readonly listens: boolean;
      readonly noted: Noted | null;
    }
  /** They stay until it is known what became of the delivery. */
  | { readonly kind: 'deliver'; readonly effect: DeliveryEffect }
  /** They go on to a step, or to the end where it is null. */
  | {
      readonly kind: 'go';
      readonly to: string | null;
      readonly noted: Noted;
      readonly sets?: { readonly effect: SetTraitEffect; readonly person: UserRecord };
    }
  | { readonly kind: 'leave'; readonly reason: ExitReason };

export type Noted = Pick<Footprint, 'what' | 'detail'>;

/** The step of one type, in a form that keeps a step and its type together. */
export type StepOf<T extends StepType> = {
  [P in T]: Extract<Step, { readonly type: P }> & { readonly type: P };
}[T];

/** What a step of a type means. */
export type Meaning<T extends StepType> = (step: StepOf<T>, place: Place, view: View) => Verdict;

export function viewOf(definition: SeriesDefinition, facts: Facts, now: number): View {
  const workspace = zoneNamed(facts.workspaceZone) ?? 'UTC';
  const person = zoneNamed(facts.zone) ?? workspace;
  const zones = { person, workspace };
  return { definition, facts, now, person: facts.person, zones, moment: momentAt(now, workspace) };
}

let last: Moment = { now: 0, zone: 'UTC' };

/** Thousands of people are asked about at one instant, and what is found out about a moment is kept with it. */
function momentAt(now: number, zone: string): Moment {
  if (last.now !== now || last.zone !== zone) last = { now, zone };
  return last;
}
