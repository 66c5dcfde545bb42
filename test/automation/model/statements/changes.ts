import { advance } from '../../../../src/automation/series/advance.js';
import { placeOf } from '../../../../src/automation/work/commit.js';
import type { Database, PersonRow } from '../database.js';
import { found, insertTrail, insertWork, seriesOf } from '../database.js';
import { factsOf } from '../facts.js';

/** What API, intake and operators commit while the queue runs. */

/** Lets a person in, as intake does. A place that listens is due at once. */
export function enter(db: Database, workspace: string, key: string, person: string): void {
  const { definition } = found(seriesOf(db, workspace, key), 'series');
  const facts = factsOf(found(db.people.get(person), 'person'));
  const move = advance(definition, { status: 'entering' }, facts, db.now);
  if (move.state.status === 'refused') return;
  const place = placeOf(move);
  db.ids += 1;
  const id = String(db.ids);
  const inside = place.state === 'active' ? place : null;
  db.enrollments.set(id, {
    workspace,
    id,
    series: key,
    person,
    state: place.state,
    reason: place.state === 'active' ? null : place.reason,
    step: inside?.step ?? null,
    visit: inside?.visit ?? 1,
    since: inside?.since ?? db.now,
    enteredAt: db.now,
    pokes: 0,
  });
  insertTrail(db, id, move.trail);
  if (inside === null) return;
  const { step, visit, listens: listening } = inside;
  const dueAt = listening ? Math.min(inside.dueAt, db.now) : inside.dueAt;
  insertWork(db, { workspace, series: key, enrollment: id, step, visit, dueAt, listening });
}

/** No message may be sent to the person from now on. */
export function unsubscribe(person: PersonRow): void {
  person.suppressed = true;
}

/** Sets a trait; those inside a series hear of it when intake comes to the outbox. */
export function setTrait(db: Database, person: PersonRow, key: string, value: unknown): void {
  person.traits[key] = value;
  db.outbox.push(person.id);
}

/** As `poke`: whoever is inside is counted, and what listens is due now. */
export function poke(db: Database): number {
  let woken = 0;
  for (const person of new Set(db.outbox.splice(0))) {
    for (const enrollment of db.enrollments.values()) {
      if (enrollment.person !== person || enrollment.state !== 'active') continue;
      enrollment.pokes += 1;
      for (const row of db.work.values()) {
        if (row.enrollment !== enrollment.id || row.state !== 'pending') continue;
        if (!row.listening || row.dueAt <= db.now) continue;
        row.dueAt = db.now;
        woken += 1;
      }
    }
  }
  return woken;
}

/** As `removeFromSeries`: what a worker holds is left to it. */
export function remove(db: Database, workspace: string, key: string, person: string): void {
  for (const enrollment of db.enrollments.values()) {
    if (enrollment.workspace !== workspace || enrollment.series !== key) continue;
    if (enrollment.person !== person || enrollment.state !== 'active') continue;
    enrollment.state = 'exited';
    enrollment.reason = 'removed';
    for (const row of db.work.values()) {
      if (row.enrollment !== enrollment.id) continue;
      if (row.state !== 'pending' && row.state !== 'enqueued') continue;
      row.state = 'cancelled';
      row.held = false;
    }
  }
}

/** Pauses, resumes or archives a series. */
export function setSeriesState(
  db: Database,
  workspace: string,
  key: string,
  state: 'active' | 'paused' | 'archived',
): void {
  const series = found(seriesOf(db, workspace, key), 'series');
  if (series.state === state || series.state === 'archived') return;
  series.state = state;
  if (state === 'paused') return;
  for (const row of db.work.values()) if (row.workspace === workspace && row.series === key) row.held = false;
}
