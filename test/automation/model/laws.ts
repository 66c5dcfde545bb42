import { placeOf } from './database.js';
import type { Database, EnrollmentRow, WorkRow } from './database.js';
import type { Call } from './provider.js';
import { isLive, quiesce } from './quiesce.js';
import type { World } from './world.js';

/**
 * What must hold of every history once faults have stopped and time has gone on. Each answers what is wrong, beginning
 * with the law's name.
 */
export function lawsBrokenBy(world: World): string[] {
  const ended = quiesce(world);
  return [
    ...(ended ? [] : ['stuck: time went on, and work was left']),
    ...world.broken,
    ...stuck(world),
    ...happened(world),
    ...distinct(world),
    ...order(world),
    ...journal(world),
  ];
}

/** No row is left between two states, and nobody is inside a series without one. */
function stuck({ db, parks }: World): string[] {
  const wrong: string[] = [];
  const waiting = new Set<string>();
  for (const row of db.work.values()) {
    if (isLive(row.state)) wrong.push(`stuck: ${placeOf(row)} is ${row.state}`);
    // What an operator is to decide was really tried.
    if (row.state === 'unknown') {
      waiting.add(row.enrollment);
      if (!parks || !db.deliveries.has(row.delivery)) wrong.push(`stuck: ${placeOf(row)} is unknown`);
    }
  }
  for (const { id, state, step } of db.enrollments.values())
    if (state === 'active' && !waiting.has(id)) wrong.push(`stuck: ${id} stands at ${String(step)}`);
  return wrong;
}

/** Every step that somebody came to happened, unless they were not to get it or it was given up in the open. */
function happened({ db, provider, maxAttempts }: World): string[] {
  const wrong: string[] = [];
  const got = new Set(provider.effects.map(({ place }) => place));
  const refused = new Set(
    provider.calls.filter(({ state }) => state === 'refused').map(({ place }) => place),
  );
  for (const enrollment of db.enrollments.values()) {
    const arrivals = db.trail.filter((row) => row.enrollment === enrollment.id && row.what === 'arrived');
    for (const [index, { step, visit }] of arrivals.entries()) {
      const place = placeOf({ enrollment: enrollment.id, step, visit });
      if (visit !== index + 1) wrong.push(`happened: ${place} is arrival ${index + 1}`);
      if (!step.startsWith('send') || got.has(place)) continue;
      const row = [...db.work.values()].find((each) => placeOf(each) === place);
      const excused =
        (row !== undefined && isGivenUp(row, maxAttempts, refused)) || leftAt(db, enrollment, visit, row);
      if (!excused) wrong.push(`happened: ${place} was due and never sent`);
    }
  }
  return wrong;
}

function isGivenUp(row: WorkRow, maxAttempts: number, refused: ReadonlySet<string>): boolean {
  if (row.state === 'unknown') return true;
  return row.state === 'failed' && (row.attempts >= maxAttempts || refused.has(placeOf(row)));
}

/** They were told nothing because they had unsubscribed or were taken out. */
function leftAt(
  { trail }: Database,
  { id, state, reason }: EnrollmentRow,
  visit: number,
  row: WorkRow | undefined,
): boolean {
  if (state !== 'exited') return false;
  // The story never names a step that they did not stand at.
  if (reason === 'removed') return row?.state === 'cancelled' || row?.state === 'done';
  const last = trail.filter(({ enrollment }) => enrollment === id).at(-1);
  return reason === 'suppressed' && last?.what === 'exited' && last.visit === visit;
}

/** All calls for one place carry one key and one content, no other place has it, and the person gets one message. */
function distinct({ provider }: World): string[] {
  const wrong: string[] = [];
  const first = new Map<string, Call>();
  const places = new Map<string, string>();
  for (const call of provider.calls) {
    const before = first.get(call.place) ?? call;
    first.set(call.place, before);
    if (before.key !== call.key) wrong.push(`distinct: ${call.place} has two keys`);
    if (before.message.text !== call.message.text) wrong.push(`distinct: ${call.place} says two things`);
    if ((places.get(call.key) ?? call.place) !== call.place)
      wrong.push(`distinct: ${call.key} stands for two places`);
    places.set(call.key, call.place);
  }
  const got = new Set<string>();
  for (const { place } of provider.effects) {
    if (got.has(place)) wrong.push(`distinct: ${place} was sent twice`);
    got.add(place);
  }
  return wrong;
}

/**
 * The steps of an enrolment come one after the other: none begins once a later one has begun, and none arrives after a
 * later one, unless it had been given up and its provider was late.
 */
function order({ db, provider }: World): string[] {
  const wrong: string[] = [];
  const begun = new Map<string, number>();
  for (const entry of db.journal) {
    if (entry.what !== 'begun') continue;
    const latest = begun.get(entry.enrollment) ?? 0;
    if (entry.visit < latest) wrong.push(`order: ${entry.place} began after visit ${latest}`);
    begun.set(entry.enrollment, Math.max(latest, entry.visit));
  }
  const givenUp = new Set(
    [...db.work.values()].filter(({ state }) => state === 'failed').map((row) => placeOf(row)),
  );
  const arrived = new Map<string, number>();
  for (const { enrollment, visit, place } of provider.effects) {
    const latest = arrived.get(enrollment) ?? 0;
    if (visit < latest && !givenUp.has(place)) wrong.push(`order: ${place} arrived after visit ${latest}`);
    arrived.set(enrollment, Math.max(latest, visit));
  }
  return wrong;
}

/** What must hold at the very moment in which a statement commits. */
function journal({ db }: World): string[] {
  return db.journal.flatMap((entry): string[] => {
    if (entry.what === 'claimed') {
      return [
        ...(entry.early > 0 ? [`early: ${entry.work} was taken ${entry.early} ms before its time`] : []),
        ...(entry.paused ? [`paused: ${entry.work} was taken while its series was paused`] : []),
      ];
    }
    if (entry.what === 'finished')
      return entry.isHolder ? [] : [`holder: ${entry.work} was ended by somebody who had lost it`];
    return [
      ...(entry.forbidden === null ? [] : [`forbidden: ${entry.place} began, ${entry.forbidden}`]),
      ...(entry.lease > 0 ? [] : [`lease: ${entry.place} began under a lease that was over`]),
    ];
  });
}
