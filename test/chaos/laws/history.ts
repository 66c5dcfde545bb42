import type { Launch, Watched } from '../broadcasts.js';
import type { OracleCall } from '../oracle.js';
import type { Pause, Person } from '../people.js';
import type { Begin, Move } from '../witness.js';

/** Everything that is known after a run, all of it plain data. */
export interface History {
  readonly calls: readonly OracleCall[];
  readonly moves: readonly Move[];
  readonly begins: readonly Begin[];
  readonly people: readonly Person[];
  /** Those of the crowd who were changed, forbidden or erased. */
  readonly crowd: readonly Person[];
  readonly pauses: readonly Pause[];
  readonly enrollments: readonly EnrollmentRow[];
  /** Steps of series. */
  readonly work: readonly WorkRow[];
  /** Ids of the deliveries that count as made. */
  readonly delivered: readonly string[];
  /** Who was turned away at an entrance, with the reason on record. */
  readonly refusals: readonly Refusal[];
  /** Happenings that nobody took in. */
  readonly outbox: number;
  /** Sending steps of each series, in order. */
  readonly steps: ReadonlyMap<string, readonly string[]>;
  /** The series that an event lets people into, each with its event. */
  readonly events: ReadonlyMap<string, string>;
  /** The series that is paused; its entrance is closed meanwhile. */
  readonly stopped: string;
  /** The step that kills whoever takes it, and its attempts. */
  readonly deadly: Deadly;
  /** Ids of the deliveries that are shown as given up. */
  readonly shown: readonly string[];
  readonly broadcasts: BroadcastHistory;
}

export interface BroadcastHistory {
  readonly launches: readonly Launch[];
  readonly watched: Watched;
  readonly runs: readonly { readonly run: string; readonly state: string }[];
  readonly recipients: readonly RecipientRow[];
  readonly chunks: readonly { readonly id: string; readonly run: string; readonly state: string }[];
}

export interface RecipientRow {
  readonly run: string;
  readonly number: number;
  /** Null once they are erased. */
  readonly person: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly delivery: string;
}

export interface Deadly {
  readonly series: string;
  readonly step: string;
  readonly attempts: number;
}

export interface EnrollmentRow {
  readonly id: string;
  readonly series: string;
  readonly person: string;
  readonly state: string;
}

export interface Refusal {
  readonly series: string;
  readonly person: string;
}

export interface WorkRow {
  readonly id: string;
  readonly enrollment: string;
  readonly step: string;
  readonly visit: number;
  readonly delivery: string;
  readonly state: string;
  readonly held: boolean;
  readonly error: string | null;
}
