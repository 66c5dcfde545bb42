import type { SeriesDefinition } from '../../../src/automation/series/model.js';
import type { Footprint } from '../../../src/automation/series/moves.js';
import type { RenderedMessage } from '../../../src/automation/work/render.js';
import { allGuards } from './guards.js';
import type { Guards } from './guards.js';

/** A model of Postgres: the tables that the queue protocol reads and writes, one clock, and statements that are atomic. */

export interface SeriesRow {
  readonly workspace: string;
  readonly key: string;
  state: 'active' | 'paused' | 'archived';
  readonly definition: SeriesDefinition;
}

export interface PersonRow {
  readonly workspace: string;
  readonly id: string;
  readonly userId: string;
  readonly traits: Record<string, unknown>;
  suppressed: boolean;
  contacted: boolean;
}

export interface EnrollmentRow {
  readonly workspace: string;
  readonly id: string;
  readonly series: string;
  readonly person: string;
  state: 'active' | 'completed' | 'exited' | 'held_out';
  reason: string | null;
  step: string | null;
  visit: number;
  since: number;
  readonly enteredAt: number;
  pokes: number;
}

export interface WorkRow {
  readonly workspace: string;
  readonly id: string;
  readonly series: string;
  readonly enrollment: string;
  readonly step: string;
  readonly visit: number;
  readonly delivery: string;
  dueAt: number;
  state: 'pending' | 'enqueued' | 'claimed' | 'done' | 'unknown' | 'failed' | 'cancelled';
  held: boolean;
  epoch: number;
  enqueuedAt: number | null;
  token: string | null;
  leaseUntil: number | null;
  attempts: number;
  lastError: string | null;
  listening: boolean;
}

export interface DeliveryRow {
  readonly workspace: string;
  readonly id: string;
  readonly work: string;
  readonly channel: string;
  readonly kind: 'send' | 'webhook';
  readonly person: string;
  readonly message: RenderedMessage;
  readonly createdAt: number;
  state: 'sending' | 'delivered' | 'failed' | 'unknown';
  attempts: number;
  lastError: string | null;
  deliveredAt: number | null;
}

export interface TrailRow extends Footprint {
  readonly enrollment: string;
  readonly at: number;
}

/** What the laws are judged by, in the order in which it was committed. */
export type Entry =
  | { readonly what: 'claimed'; readonly work: string; readonly early: number; readonly paused: boolean }
  | {
      readonly what: 'begun';
      readonly work: string;
      readonly place: string;
      readonly enrollment: string;
      readonly visit: number;
      /** Milliseconds left of the lease when the statement began. */
      readonly lease: number;
      /** What was committed, when the statement began, that forbids a message. */
      readonly forbidden: string | null;
    }
  | { readonly what: 'finished'; readonly work: string; readonly isHolder: boolean };

export interface Database {
  /** Milliseconds since 1970 (UTC); the only clock that leases and due times go by. */
  now: number;
  readonly guards: Guards;
  readonly series: Map<string, SeriesRow>;
  readonly people: Map<string, PersonRow>;
  readonly enrollments: Map<string, EnrollmentRow>;
  readonly work: Map<string, WorkRow>;
  readonly deliveries: Map<string, DeliveryRow>;
  readonly trail: TrailRow[];
  /** The lives of each queue's Redis. */
  readonly incarnations: Map<string, number>;
  /** People to whom something happened that nobody has been told about. */
  readonly outbox: string[];
  readonly journal: Entry[];
  ids: number;
}

export function emptyDatabase(now: number, guards: Guards = allGuards): Database {
  return {
    now,
    guards,
    series: new Map(),
    people: new Map(),
    enrollments: new Map(),
    work: new Map(),
    deliveries: new Map(),
    trail: [],
    incarnations: new Map(),
    outbox: [],
    journal: [],
    ids: 0,
  };
}

/** Where a step is taken: no two of an enrolment are alike. */
export function placeOf({ enrollment, step, visit }: Pick<WorkRow, 'enrollment' | 'step' | 'visit'>): string {
  return `${enrollment}/${step}/${visit}`;
}

export function seriesOf(db: Database, workspace: string, key: string): SeriesRow | undefined {
  return db.series.get(`${workspace}/${key}`);
}

/** What must be there by a foreign key. */
export function found<T>(row: T | undefined, what: string): T {
  if (row === undefined) throw new Error(`the model has no such ${what}`);
  return row;
}

export interface NewWork {
  readonly workspace: string;
  readonly series: string;
  readonly enrollment: string;
  readonly step: string;
  readonly visit: number;
  readonly dueAt: number;
  readonly listening: boolean;
}

/** Adds a row, unless that place has one. */
export function insertWork(db: Database, row: NewWork): void {
  for (const each of db.work.values()) if (placeOf(each) === placeOf(row)) return;
  db.ids += 1;
  const id = String(db.ids);
  db.work.set(id, {
    ...row,
    id,
    delivery: `delivery-${id}`,
    state: 'pending',
    held: false,
    epoch: 0,
    enqueuedAt: null,
    token: null,
    leaseUntil: null,
    attempts: 0,
    lastError: null,
  });
}

/** Writes footprints down; the same thing at the same arrival is one row. */
export function insertTrail(db: Database, enrollment: string, trail: readonly Footprint[]): void {
  for (const step of trail) {
    const isThere = db.trail.some(
      (row) =>
        row.enrollment === enrollment &&
        row.visit === step.visit &&
        row.what === step.what &&
        row.detail === step.detail,
    );
    if (!isThere) db.trail.push({ ...step, enrollment, at: db.now });
  }
}
