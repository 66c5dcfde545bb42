import type { BeginRequest, Begun } from '../../../../src/automation/work/begin-delivery.js';
import type { Database, EnrollmentRow, PersonRow, WorkRow } from '../database.js';
import { found, placeOf } from '../database.js';

/** What the statement read before it wrote; others may commit in between. */
export interface BeginVerdict {
  readonly request: BeginRequest;
  readonly row: WorkRow;
  readonly verdict: 'delivered' | 'suppressed' | 'send';
  readonly lease: number;
  readonly forbidden: string | null;
}

/** The reading half of `beginDeliveries`; null where the claim is no longer held, or the person has left. */
export function readBegin(db: Database, request: BeginRequest): BeginVerdict | null {
  const { guards } = db;
  const row = db.work.get(request.work);
  if (row === undefined || row.workspace !== request.workspace) return null;
  if (row.state !== 'claimed' || row.token !== request.token) return null;
  const lease = (row.leaseUntil ?? -Infinity) - db.now;
  if (guards.has('begin checks the lease') && lease <= 0) return null;
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  if (guards.has('begin asks whether the person is inside') && enrollment.state !== 'active') return null;
  const person = found(db.people.get(enrollment.person), 'person');
  const asks = guards.has('begin asks about suppression') && request.kind === 'send';
  const verdict =
    db.deliveries.get(row.delivery)?.state === 'delivered'
      ? 'delivered'
      : asks && person.suppressed
        ? 'suppressed'
        : 'send';
  return { request, row, verdict, lease, forbidden: forbiddenBy(enrollment, person) };
}

function forbiddenBy({ state, reason }: EnrollmentRow, { suppressed }: PersonRow): string | null {
  if (suppressed) return 'unsubscribed';
  return state === 'active' ? null : (reason ?? state);
}

/** The writing half. */
export function writeBegin(db: Database, { request, row, verdict, lease, forbidden }: BeginVerdict): Begun {
  if (verdict !== 'send') return { verdict };
  const before = db.deliveries.get(row.delivery);
  const enrollment = found(db.enrollments.get(row.enrollment), 'enrolment');
  const written = before ?? {
    workspace: row.workspace,
    id: row.delivery,
    work: row.id,
    channel: request.channel,
    kind: request.kind,
    person: enrollment.person,
    message: request.message,
    createdAt: db.now,
    state: 'sending' as const,
    attempts: 0,
    lastError: null,
    deliveredAt: null,
  };
  written.state = 'sending';
  written.attempts += 1;
  written.lastError = null;
  db.deliveries.set(row.delivery, written);
  const { id: work, visit } = row;
  const entry = { work, place: placeOf(row), enrollment: row.enrollment, visit, lease, forbidden };
  db.journal.push({ what: 'begun', ...entry });
  return { verdict, message: written.message, createdAt: written.createdAt };
}

/** As `beginDeliveries` for one request. */
export function begin(db: Database, request: BeginRequest): Begun {
  const verdict = readBegin(db, request);
  return verdict === null ? { verdict: 'lost' } : writeBegin(db, verdict);
}
