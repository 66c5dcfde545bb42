import type { Client, Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { noteTraits, setTraits } from '../../traits/set-traits.js';
import { microBatch } from '../micro-batch.js';
import type { BatchOptions } from '../micro-batch.js';
import { persistent } from '../persistent.js';
import type { Advance, SetTraitEffect } from '../series/moves.js';
import type { Claim } from './claim.js';
import { deferWork } from './defer.js';
import type { DeferRequest } from './defer.js';
import { finishWork } from './finish.js';
import type { FinishRequest, Place } from './finish.js';

/** What else is known of a claim that is about to end. */
export interface Ending {
  readonly state: 'done' | 'failed';
  readonly error: string | null;
  readonly delivery: 'delivered' | 'failed' | null;
  readonly contact: boolean;
}

export const quietly: Ending = { state: 'done', error: null, delivery: null, contact: false };

/** Writes a move of the machine down, guarded by the claim's token. False where the claim is no longer held. */
export type Commit = (claim: Claim, move: Advance, ending: Ending) => Promise<boolean>;

/** Commits, many moves in one statement. Moves that set traits share transactions of their own. */
export function committer(pool: Pool, batch: BatchOptions): Commit {
  const finish = persistent(
    microBatch((requests: readonly FinishRequest[]) => finishWork(pool, requests), batch),
  );
  const defer = persistent(
    microBatch((requests: readonly DeferRequest[]) => deferWork(pool, requests), batch),
  );
  const finishSetting = persistent(
    microBatch((requests: readonly Setting[]) => finishAndSet(pool, requests), batch),
  );
  return async (claim, move, ending) => {
    const { workspace, work, token, enrollment, pokes } = claim;
    const held = { workspace, work, token, enrollment, pokes, trail: move.trail };
    const to = placeOf(move);
    const traits = traitsOf(move);
    if (to.state === 'active' && isHere(claim, to) && traits === null) {
      return defer({ ...held, dueAt: to.dueAt, listens: to.listens });
    }
    const request = { ...held, ...ending, to };
    return traits === null ? finish(request) : finishSetting({ request, endUser: claim.endUser, traits });
  };
}

/** Whether the machine stays where the claim stands. */
export function isHere({ state }: Claim, place: { readonly step: string; readonly visit: number }): boolean {
  return place.step === state.step && place.visit === state.visit;
}

/** Errors: a `TypeError` for a move that leaves nobody inside. */
export function placeOf({ state, wakeAt, listens }: Advance): Place {
  if (state.status === 'completed' || state.status === 'exited')
    return { state: state.status, reason: state.reason };
  if (state.status === 'held_out') return { state: 'held_out', reason: 'holdout' };
  if (state.status !== 'active') throw new TypeError(`a person inside a series cannot be ${state.status}`);
  // A person inside with nothing to wait for would stay there for ever.
  if (wakeAt === null) return { state: 'exited', reason: 'broken' };
  const { step, visit, since } = state;
  return { state: 'active', step, visit, since, dueAt: wakeAt, listens };
}

/** All traits that a move sets, later ones over earlier ones; null where it sets none. */
export function traitsOf({ effects }: Advance): Record<string, unknown> | null {
  const setting = effects.filter((effect): effect is SetTraitEffect => effect.kind === 'set_trait');
  if (setting.length === 0) return null;
  const traits: Record<string, unknown> = { __proto__: null };
  for (const { traits: some } of setting) Object.assign(traits, some);
  return traits;
}

interface Setting {
  readonly request: FinishRequest;
  readonly endUser: string;
  readonly traits: Readonly<Record<string, unknown>>;
}

async function finishAndSet(pool: Pool, settings: readonly Setting[]): Promise<readonly boolean[]> {
  const kept = await inTransaction(pool, async (client) => {
    const held = await finishWork(
      client,
      settings.map(({ request }) => request),
    );
    await setKept(
      client,
      settings.filter((_, index) => held[index] === true),
    );
    return held;
  });
  await noteTraits(
    pool,
    settings
      .filter((_, index) => kept[index] === true)
      .map(({ request: { workspace }, traits }) => ({ workspace, traits })),
  );
  return kept;
}

/** A workspace at a time, and each person once in a statement: of two changes of one person the second builds on the first. */
async function setKept(client: Client, settings: readonly Setting[]): Promise<void> {
  let left = settings;
  while (left.length > 0) {
    const workspace = left[0]?.request.workspace ?? '';
    const people = new Map<string, Setting>();
    const later: Setting[] = [];
    for (const setting of left) {
      const { endUser, request } = setting;
      if (request.workspace !== workspace || people.has(endUser)) later.push(setting);
      else people.set(endUser, setting);
    }
    await setTraits(client, workspace, [...people.values()]);
    left = later;
  }
}
