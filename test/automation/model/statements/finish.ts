import type { DeferRequest } from '../../../../src/automation/work/defer.js';
import type { FinishRequest } from '../../../../src/automation/work/finish.js';
import type { Database, EnrollmentRow, WorkRow } from '../database.js';
import { found, insertTrail, insertWork } from '../database.js';

/** As `finishWork` for one claim. */
export function finish(db: Database, request: FinishRequest): boolean {
  const row = heldRow(db, request);
  if (row === null) return false;
  row.state = request.state;
  row.token = null;
  row.leaseUntil = null;
  row.lastError = request.error;
  recordDelivery(db, row, request);
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  const isInside = enrollment.state === 'active';
  if (isInside) goOn(db, enrollment, request);
  const isTold = isInside || !db.guards.has('finish tells only where people went');
  insertTrail(
    db,
    enrollment.id,
    request.trail.filter(({ visit, what }) => isTold || (visit === row.visit && outcomes.has(what))),
  );
  return true;
}

/** What may be told of whoever has left meanwhile. */
const outcomes: ReadonlySet<string> = new Set(['delivered', 'failed', 'unreachable', 'suppressed', 'capped']);

/** As `deferWork` for one claim. */
export function defer(db: Database, request: DeferRequest): boolean {
  const row = heldRow(db, request);
  if (row === null) return false;
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  row.state = enrollment.state === 'active' ? 'pending' : 'cancelled';
  row.token = null;
  row.leaseUntil = null;
  row.lastError = null;
  row.attempts = 0;
  row.listening = request.listens;
  row.dueAt = dueAt(db, isPoked(db, enrollment, request), request);
  insertTrail(db, enrollment.id, request.trail);
  return true;
}

function heldRow(
  db: Database,
  request: { readonly workspace: string; readonly work: string; readonly token: string },
): WorkRow | null {
  const row = db.work.get(request.work);
  if (row === undefined || row.workspace !== request.workspace || row.state !== 'claimed') return null;
  const isHolder = row.token === request.token;
  if (db.guards.has('finish checks the token') && !isHolder) return null;
  db.journal.push({ what: 'finished', work: row.id, isHolder });
  return row;
}

function recordDelivery(db: Database, row: WorkRow, { delivery, contact, error }: FinishRequest): void {
  const written = db.deliveries.get(row.delivery);
  if (written === undefined || (delivery === null && written.state !== 'sending')) return;
  written.state = delivery ?? 'unknown';
  written.lastError = delivery === null ? 'the person moved on before it was confirmed' : error;
  written.deliveredAt = delivery === 'delivered' ? (written.deliveredAt ?? db.now) : null;
  const person = db.people.get(written.person);
  if (contact && written.deliveredAt !== null && person !== undefined) person.contacted = true;
}

function goOn(db: Database, enrollment: EnrollmentRow, request: FinishRequest): void {
  const { to } = request;
  const poked = isPoked(db, enrollment, request);
  enrollment.state = to.state;
  if (to.state !== 'active') {
    enrollment.reason = to.reason;
    enrollment.step = null;
    return;
  }
  enrollment.reason = null;
  enrollment.step = to.step;
  enrollment.visit = to.visit;
  enrollment.since = to.since;
  const { workspace, id, series } = enrollment;
  const { step, visit, listens: listening } = to;
  insertWork(db, { workspace, series, enrollment: id, step, visit, dueAt: dueAt(db, poked, to), listening });
}

function isPoked(db: Database, { pokes }: EnrollmentRow, request: { readonly pokes: number }): boolean {
  return db.guards.has('finish sees what happened meanwhile') && pokes !== request.pokes;
}

function dueAt(
  { now }: Database,
  poked: boolean,
  to: { readonly dueAt: number; readonly listens: boolean },
): number {
  return poked && to.listens ? Math.min(to.dueAt, now) : to.dueAt;
}
