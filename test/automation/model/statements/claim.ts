import type { Claim, ClaimRequest } from '../../../../src/automation/work/claim.js';
import type { Database, WorkRow } from '../database.js';
import { found, seriesOf } from '../database.js';
import type { Guards } from '../guards.js';

/** What the statement read before it wrote: others may commit in between, and the write sees their rows. */
export interface ClaimVerdict {
  readonly request: ClaimRequest;
  readonly state: 'claimed' | 'pending' | 'cancelled';
  readonly archived: boolean;
  readonly paused: boolean;
  readonly since: number;
  readonly pokes: number;
  readonly now: number;
}

/** The reading half of `claimWork`; null where there is no such row. */
export function readClaim(db: Database, request: ClaimRequest): ClaimVerdict | null {
  const row = db.work.get(request.work);
  if (row === undefined || row.workspace !== request.workspace) return null;
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  const series = seriesOf(db, row.workspace, row.series);
  if (series === undefined) return null;
  const archived = series.state === 'archived';
  const paused = series.state === 'paused';
  const hasLeft =
    enrollment.state !== 'active' || enrollment.step !== row.step || enrollment.visit !== row.visit;
  const asks = db.guards.has('claim asks whether the series is paused');
  const state = hasLeft || archived ? 'cancelled' : paused && asks ? 'pending' : 'claimed';
  const { since, pokes } = enrollment;
  return { request, state, archived, paused, since, pokes, now: db.now };
}

/** The writing half; null where the job is a duplicate or stale, or its row is held or cancelled. */
export function writeClaim(db: Database, verdict: ClaimVerdict, lease: number): Claim | null {
  const { request, state, archived } = verdict;
  const row = db.work.get(request.work);
  if (row === undefined || !mayTake(db.guards, row, request)) return null;
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  // Asking again after an answer that was lost is no further attempt.
  const isFirst = row.token === null;
  row.state = state;
  row.held = state === 'pending';
  row.token = state === 'claimed' ? request.token : null;
  row.leaseUntil = state === 'claimed' ? verdict.now + lease : null;
  if (state === 'claimed' && isFirst) row.attempts += 1;
  if (archived && state === 'cancelled' && enrollment.state === 'active') {
    enrollment.state = 'exited';
    enrollment.reason = 'archived';
  }
  if (state !== 'claimed') return null;
  const early = Math.max(0, row.dueAt - verdict.now);
  db.journal.push({ what: 'claimed', work: row.id, early, paused: verdict.paused });
  const person = found(db.people.get(enrollment.person), 'person');
  const { workspace, series } = row;
  return {
    workspace,
    work: row.id,
    token: request.token,
    series,
    version: 1,
    enrollment: row.enrollment,
    state: { status: 'active', step: row.step, visit: row.visit, since: verdict.since },
    enteredAt: enrollment.enteredAt,
    pokes: verdict.pokes,
    attempt: row.attempts,
    lastError: row.lastError,
    delivery: row.delivery,
    endUser: person.id,
    user: { user_id: person.userId, custom_fields: { ...person.traits } },
    suppressed: person.suppressed,
    zone: 'UTC',
    workspaceZone: 'UTC',
    now: verdict.now,
    dueAt: row.dueAt,
    trace: null,
    topic: null,
    workspaceCaps: [],
  };
}

function mayTake(guards: Guards, { epoch, state, token }: WorkRow, request: ClaimRequest): boolean {
  if (guards.has('claim checks the epoch') && epoch !== request.epoch) return false;
  if (!guards.has('claim checks the state')) return true;
  return state === 'enqueued' || (state === 'claimed' && token === request.token);
}

/** As `claimWork` for one job. */
export function claim(db: Database, request: ClaimRequest, lease: number): Claim | null {
  const verdict = readClaim(db, request);
  return verdict === null ? null : writeClaim(db, verdict, lease);
}
