import type { Pool } from '../../database/pool.js';
import { momentOf } from '../../filter/time.js';
import type { Channel } from '../channels/channel.js';
import { reachability, speaksToPerson } from '../channels/properties.js';
import { errorText } from '../loop.js';
import type { Logger } from '../logger.js';
import { microBatch } from '../micro-batch.js';
import type { BatchOptions } from '../micro-batch.js';
import type { Observer } from '../observer.js';
import { persistent } from '../persistent.js';
import { advance } from '../series/advance.js';
import { capInWords, capSince } from '../series/cap-since.js';
import type { FrequencyCap, SeriesDefinition } from '../series/model.js';
import type { Advance, DeliveryEffect, Facts, Outcome } from '../series/moves.js';
import { asFrequencyCaps } from '../workspace-caps.js';
import { beginDeliveries } from './begin-delivery.js';
import type { BeginRequest, Begun } from './begin-delivery.js';
import type { Claim } from './claim.js';
import { committer, isHere, quietly } from './commit.js';
import type { Ending } from './commit.js';
import { deliver } from './deliver.js';
import { parkWork, postponeWork } from './give-back.js';
import type { Lease } from './leases.js';
import type { Prepared } from './prepare.js';
import { rendered } from './render.js';
import { skipped } from './resolve.js';
import { traceDelivery } from './trace-step.js';
import { takingTurns } from './turns.js';
import { untilDue } from './until-due.js';

export interface PerformOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  /** Calls of channels under way at once. */
  readonly concurrency: number;
  /** Milliseconds that one call of a channel may take. */
  readonly deliverTimeout: number;
  readonly batch: BatchOptions;
  /** Milliseconds ahead of its time that work goes to Redis. */
  readonly horizon: number;
  /** Hears of each next step that is due within the horizon, so that the relay need not wait for its next poll. */
  readonly onNext: () => void;
  readonly observe?: Observer | undefined;
}

/**
 * What became of a claim. `moved`: the machine went on or waits, and nothing was to be delivered. `lost`: somebody else
 * holds it now, and nothing was written.
 */
export type Performed = 'done' | 'moved' | 'failed' | 'postponed' | 'unknown' | 'lost';

/** A claim that can be performed, with the clock of Postgres. */
interface Task {
  readonly claim: Claim;
  readonly definition: SeriesDefinition;
  readonly facts: Facts;
  readonly now: () => number;
}

/** What a broken person or definition is left with: nothing more happens to them. */
const broken: Advance = {
  state: { status: 'exited', reason: 'broken' },
  effects: [],
  wakeAt: null,
  listens: false,
  trail: [],
};

/**
 * Does what a claimed work row is for: asks the machine, and either commits its move, or writes the delivery down, calls
 * the channel with the delivery's id as the idempotency key, and ends the row together with the move that follows.
 *
 * Never throws for what a channel or a definition does; errors of Postgres are the caller's.
 */
export function performer(options: PerformOptions): (prepared: Prepared, lease: Lease) => Promise<Performed> {
  const { pool, logger, channels, maxAttempts, wait } = options;
  const begin = persistent(
    microBatch((requests: readonly BeginRequest[]) => beginDeliveries(pool, requests), options.batch),
  );
  const write = committer(pool, options.batch);
  const takeTurn = takingTurns(options.concurrency);

  const commit = async (claim: Claim, move: Advance, ending: Ending): Promise<boolean> => {
    const kept = await write(claim, move, ending);
    if (!kept) return false;
    const { workspace, work } = claim;
    if (ending.state === 'failed')
      logger.error({ workspace, work, error: ending.error }, 'a step was given up');
    // By the clock of this process, which only makes it a little early or late.
    if (move.wakeAt !== null && move.wakeAt <= claim.now + options.horizon) options.onNext();
    return true;
  };

  /** The move after a delivery, or after one that was not allowed. */
  const end = async (
    { claim, definition, facts, now }: Task,
    result: Outcome['result'],
    ending: Ending,
    detail: string | null = null,
  ): Promise<Performed> => {
    const { step, visit } = claim.state;
    const known = { ...facts, suppressed: facts.suppressed || result === 'suppressed' };
    let move = broken;
    try {
      move = advance(definition, claim.state, { ...known, outcome: { step, visit, result, detail } }, now());
    } catch (error) {
      // What was delivered is delivered: the row must not come back for want of a next step.
      logger.error(
        { workspace: claim.workspace, work: claim.work, error: errorText(error) },
        'a series could not go on',
      );
    }
    if (!(await commit(claim, move, ending))) return 'lost';
    return ending.delivery === null ? 'moved' : ending.state;
  };

  const giveUp = (task: Task, error: string): Promise<Performed> =>
    end(task, 'failed', { state: 'failed', error, delivery: 'failed', contact: false });

  const later = async (claim: Claim, milliseconds: number, error: string): Promise<Performed> =>
    (await postponeWork(pool, claim, milliseconds, error)) ? 'postponed' : 'lost';

  /** What cannot be decided is tried again, for another version of Muster may read it, and in the end given up. */
  const undecided = async (claim: Claim, error: string): Promise<Performed> => {
    if (claim.attempt < maxAttempts) return later(claim, wait(claim.attempt), error);
    const ending = { state: 'failed', error, delivery: null, contact: false } as const;
    return (await commit(claim, broken, ending)) ? 'failed' : 'lost';
  };

  const send = async (task: Task, effect: DeliveryEffect, lease: Lease): Promise<Performed> => {
    const { claim, definition, facts, now } = task;
    const { state, workspace, work, token, endUser } = claim;
    const name = effect.kind === 'webhook' ? 'webhook' : effect.channel;
    const channel = channels.get(name);
    const waits = channel?.waits;
    const attempts = waits === undefined ? maxAttempts : waits.length + 1;
    const tryAgain = (error: string, atLeast = 0): Promise<Performed> =>
      claim.attempt >= attempts
        ? giveUp(task, error)
        : later(claim, Math.max(atLeast, waits?.[claim.attempt - 1] ?? wait(claim.attempt)), error);

    if (claim.attempt > skipped) {
      return end(task, 'failed', {
        state: 'done',
        error: claim.lastError,
        delivery: 'failed',
        contact: false,
      });
    }
    // Attempts are counted when claimed, so a step that kills its process each time comes to an end as well.
    if (claim.attempt > attempts) return giveUp(task, claim.lastError ?? 'it was tried too often');
    if (channel === undefined) return tryAgain(`no channel \`${name}\` runs here`);
    // What was tried once went to where the person was then; the channel knows what to make of it.
    const unreachable = claim.attempt === 1 ? reachability(name, facts.person) : null;
    if (unreachable !== null) {
      options.observe?.delivery?.(name, 'unreachable');
      return end(task, 'unreachable', quietly, unreachable);
    }
    const contact = speaksToPerson(name);
    const { topic } = claim;
    const about = { workspaceId: workspace, endUserId: endUser, user: facts.person, topic };
    const terms = await channel.terms?.(about);
    const onLost = terms?.onLostConfirmation ?? channel.onLostConfirmation;
    const own = terms?.tags ?? {};
    const writeDown = (): Promise<Begun> =>
      begin({
        workspace,
        work,
        token,
        kind: contact ? 'send' : 'webhook',
        channel: name,
        message: rendered(effect, {
          channel: name,
          user: facts.person,
          moment: { now: now(), zone: claim.workspaceZone },
          own,
        }),
        endUser,
        topic,
        parks: onLost === 'park',
        caps: contact ? capsOf(definition, claim, now()) : [],
      });
    const called = await takeTurn({ onLostConfirmation: onLost }, writeDown, async (begun) => {
      if (lease.signal.aborted) return { verdict: 'lost' } as const;
      lease.sending = true;
      const message = {
        workspaceId: workspace,
        endUserId: endUser,
        userId: claim.user.user_id ?? null,
        series: claim.series,
        step: state.step,
        createdAt: begun.createdAt,
        ...begun.message,
      };
      const since = performance.now();
      const delivered = await traceDelivery(claim, name, () =>
        deliver(channel, message, claim.delivery, lease, options.deliverTimeout),
      );
      options.observe?.delivery?.(name, delivered.kind, performance.now() - since);
      return delivered;
    });
    if ('verdict' in called) {
      switch (called.verdict) {
        case 'suppressed':
          options.observe?.delivery?.(name, 'suppressed');
          return end(task, 'suppressed', quietly);
        case 'capped':
          options.observe?.delivery?.(name, 'capped');
          return end(task, 'capped', quietly, allCaps(definition, claim).map(capInWords).join(' or '));
        case 'delivered':
          return end(task, 'delivered', { state: 'done', error: null, delivery: 'delivered', contact });
        case 'lost':
          return 'lost';
      }
    }
    if (called.kind === 'delivered')
      return end(task, 'delivered', { state: 'done', error: null, delivery: 'delivered', contact });
    if (called.kind === 'refused') return giveUp(task, called.reason);
    if (called.kind === 'unreachable') {
      const ending = { state: 'done', error: called.reason, delivery: 'failed', contact: false } as const;
      return end(task, 'unreachable', ending, called.code);
    }
    if (called.kind === 'failed') return tryAgain(called.reason, called.retryAfter);
    if (onLost === 'retry_same_key') return tryAgain(called.reason);
    return (await parkWork(pool, claim, called.reason)) ? 'unknown' : 'lost';
  };

  return async (prepared, lease) => {
    const { claim } = prepared;
    const begun = performance.now();
    const now = (): number => Math.round(claim.now + performance.now() - begun);
    if (!(await untilDue(claim, lease))) return 'lost';
    if ('fault' in prepared) return undecided(claim, prepared.fault);
    const { definition, facts } = prepared;
    let move: Advance;
    try {
      move = advance(definition, claim.state, facts, now());
    } catch (error) {
      return undecided(claim, `the series could not go on: ${errorText(error)}`);
    }
    const effect = move.effects.find((each): each is DeliveryEffect => each.kind !== 'set_trait');
    // What is to be delivered at another place than this row's gets a row of its own, with this move.
    const here = move.state.status === 'active' && isHere(claim, move.state);
    if (effect !== undefined && here) return send({ claim, definition, facts, now }, effect, lease);
    if (claim.attempt > maxAttempts) return undecided(claim, claim.lastError ?? 'it was tried too often');
    return (await commit(claim, move, quietly)) ? 'moved' : 'lost';
  };
}

/** How many messages may have been sent since when, by the caps of a series and of its workspace. */
function capsOf(definition: SeriesDefinition, claim: Claim, now: number): BeginRequest['caps'] {
  const caps = allCaps(definition, claim);
  if (caps.length === 0) return [];
  const moment = momentOf(now, claim.zone);
  return caps.map((cap) => ({ messages: cap.messages, since: capSince(cap, moment) }));
}

function allCaps({ frequencyCaps }: SeriesDefinition, { workspaceCaps }: Claim): FrequencyCap[] {
  return [...frequencyCaps, ...asFrequencyCaps(workspaceCaps)];
}
