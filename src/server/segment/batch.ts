import { MusterError } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { pauses } from '../../loop/slices.js';
import { isObject } from '../../filter/parse/context.js';
import type { Refused } from '../../traits/bounds.js';
import { checkCompany } from '../../traits/company.js';
import { checkIdentify } from '../../traits/identify.js';
import { admitEvents, identifyCompanies, identifyMany, trackMany } from '../../traits/many.js';
import { linkedPeople } from '../../traits/statements/linked-people.js';
import { refusalsOf } from '../../traits/refusals.js';
import type { Refusal } from '../../traits/refusals.js';
import { checkTrack } from '../../traits/track.js';
import type { Caller } from '../identity/guard.js';
import { itemFault } from '../item.js';
import { admitted } from './apply.js';
import type { Parts } from './apply.js';
import { readMessage, segmentTypes } from './message.js';
import type { Message, Received } from './message.js';
import { operationOf, perform } from './operation.js';
import type { Operation } from './operation.js';
import { planWaves, visitorsOf } from './plan.js';
import type { Task, Wave } from './plan.js';

/** What became of a batch. */
export interface BatchOutcome {
  readonly accepted: number;
  /** Items that were refused, and what was left out of others. */
  readonly refusals: readonly Refusal[];
}

/** Calls about visitors, worked on at once; more would only wait for connections to the database. */
const lanes = 8;
/** Calls that one statement takes: enough that a commit costs little, and few enough that nobody waits long for their rows. */
const mostTogether = 500;

/**
 * Applies every item, with the same result as one after another: one that is refused does not stop the others. Calls that
 * do not touch each other go into one statement (see `planWaves`).
 *
 * Throws only what is not a refusal of an item, such as a lost database, so that the sender tries the whole batch again;
 * what is already in stays in, and is the same when it comes again: events that have a message id are stored once.
 */
export async function applyBatch(
  parts: Parts,
  caller: Caller,
  items: readonly unknown[],
  received: Received,
): Promise<BatchOutcome> {
  const receiver = { ...caller, names: await parts.access.personTraits(caller.workspaceId) };
  const outcome = { accepted: 0, refusals: new Array<Refusal>() };
  const itemOf = new Map<Operation, unknown>();
  // Calls that are applied together with others, and not refused so far.
  const operationsOf = new Map<unknown, Operation>();
  const tasks: Task[] = [];
  const read = async (item: unknown): Promise<Operation> => {
    const message = readItem(item, received);
    return admitted(parts.guard, caller, message, operationOf(receiver, message));
  };
  const pause = pauses();
  for (const item of items) {
    await pause();
    await unlessRefused(outcome.refusals, item, async () => {
      const operation = await read(item);
      const task = taskOf(operation);
      tasks.push(task);
      itemOf.set(operation, item);
      if ('checked' in task) operationsOf.set(task.checked, operation);
    });
  }
  for (const wave of planWaves(tasks, await linkedTo(parts, caller, tasks))) {
    const refused = await applyTogether(parts, caller, wave);
    // What was refused may be taken in part, by itself.
    const again = refused.flatMap((checked) => operationsOf.get(checked) ?? []);
    for (const checked of refused) operationsOf.delete(checked);
    await inLanes([...again, ...wave.single], async (operation) => {
      const item = itemOf.get(operation);
      await unlessRefused(outcome.refusals, item, async () => {
        accept(outcome, await perform(parts.pool, operation), item);
      });
    });
  }
  for (const operation of operationsOf.values()) accept(outcome, operation.refused, itemOf.get(operation));
  return outcome;
}

/** Errors: what is wrong with the item's shape. */
function readItem(item: unknown, received: Received): Message {
  const fault = itemFault(item);
  if (fault !== null) throw new MusterError(fault);
  return readMessage(item, received);
}

/** Errors: those of identify, identifyCompany and track; calls about visitors have theirs when they are applied. */
export function taskOf(operation: Operation): Task {
  if (operation.kind === 'track') return { kind: 'track', checked: checkTrack(operation.call) };
  if (operation.kind === 'company') return { kind: 'company', checked: checkCompany(operation.call) };
  if (operation.kind === 'visitor') return { kind: 'visitor', operation };
  // Joining a visitor takes several statements, one after another.
  if (operation.call.anonymousId !== undefined) return { kind: 'single', operation };
  return { kind: 'identify', checked: checkIdentify(operation.call) };
}

/** Whom the visitors that the calls name are joined with already. */
async function linkedTo(
  { pool }: Parts,
  { workspaceId }: Caller,
  tasks: readonly Task[],
): Promise<ReadonlyMap<string, string>> {
  const visitors = visitorsOf(tasks);
  return visitors.length === 0 ? new Map() : linkedPeople(pool, workspaceId, visitors);
}

/** Answers the calls that were refused only now, by a bound of somebody or of the workspace. */
async function applyTogether(
  { pool }: Parts,
  { workspaceId }: Caller,
  { identify, company, track }: Wave,
): Promise<unknown[]> {
  const refused: Refused<unknown>[] = [];
  for (const calls of chunks(identify)) refused.push(...(await identifyMany(pool, workspaceId, calls)));
  for (const calls of chunks(company)) refused.push(...(await identifyCompanies(pool, workspaceId, calls)));
  for (const by of ['user_id', 'anonymous_id'] as const) {
    for (const calls of chunks(track[by])) {
      const events = await admitEvents(pool, workspaceId, calls);
      refused.push(...events.refused);
      if (events.admitted.length > 0) await trackMany(pool, workspaceId, by, events.admitted);
    }
  }
  return refused.map(({ item }) => item);
}

function* chunks<T>(calls: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < calls.length; from += mostTogether) yield calls.slice(from, from + mostTogether);
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  await Promise.all(
    Array.from({ length: Math.min(lanes, items.length) }, async () => {
      for (const item of waiting) await work(item);
    }),
  );
}

async function unlessRefused(refusals: Refusal[], item: unknown, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MusterError) || error.status >= 500) throw error;
    refusals.push(...refusalsOf(error.problems, { call: typeIn(item), sent: item, whole: true }));
  }
}

function accept(
  outcome: { accepted: number; readonly refusals: Refusal[] },
  refused: readonly Problem[],
  item: unknown,
): void {
  outcome.accepted += 1;
  if (refused.length > 0)
    outcome.refusals.push(...refusalsOf(refused, { call: typeIn(item), sent: item, whole: false }));
}

function typeIn(item: unknown): string {
  const type = isObject(item) ? segmentTypes.find((each) => each === item['type']) : undefined;
  return type ?? 'batch';
}
