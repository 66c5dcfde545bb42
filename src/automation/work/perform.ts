import type { Pool } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import type { Channel } from '../channels/channel.js';
import { DeliveryRefused } from '../channels/channel.js';
import { errorText } from '../loop.js';
import type { Logger } from '../logger.js';
import { microBatch } from '../micro-batch.js';
import type { BatchOptions } from '../micro-batch.js';
import type { SeriesDefinition } from '../series/definition.js';
import { advance } from '../series/machine.js';
import type { SendEffect } from '../series/machine.js';
import { renderTemplate } from '../templates.js';
import { persistent } from '../persistent.js';
import { beginDeliveries } from './begin-delivery.js';
import type { BeginRequest } from './begin-delivery.js';
import type { Claim } from './claim.js';
import { finishWork } from './finish.js';
import type { FinishRequest } from './finish.js';
import { parkWork, postponeWork } from './give-back.js';
import type { Lease } from './leases.js';

export interface PerformOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly channels: ReadonlyMap<string, Channel>;
  /** The definition that a claim's enrolment entered with. */
  readonly definitionOf: (claim: Claim) => Promise<SeriesDefinition>;
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  /** Milliseconds that one call of a channel may take. */
  readonly deliverTimeout: number;
  readonly batch: BatchOptions;
  /** Hears of each next step, so that the relay need not wait for its next poll. */
  readonly onNext: () => void;
}

/** What became of a claim. `lost`: somebody else holds it now, and nothing was written. */
export type Performed = 'done' | 'failed' | 'postponed' | 'unknown' | 'lost';

/**
 * Does what a claimed work row is for: names the effect, writes the delivery down, calls the channel with the delivery's
 * id as the idempotency key, and ends the row together with the enrolment's next move. Never throws for what the channel
 * does; errors of Postgres are the caller's.
 */
export function performer(options: PerformOptions): (claim: Claim, lease: Lease) => Promise<Performed> {
  const { pool, logger, channels, maxAttempts, wait } = options;
  const begin = persistent(
    microBatch((requests: readonly BeginRequest[]) => beginDeliveries(pool, requests), options.batch),
  );
  const finish = persistent(
    microBatch((requests: readonly FinishRequest[]) => finishWork(pool, requests), options.batch),
  );

  const end = async (
    claim: Claim,
    definition: SeriesDefinition,
    state: 'done' | 'failed',
    error: string | null,
    now: number,
  ): Promise<Performed> => {
    const { step, visit } = claim;
    const outcome = { step, visit, result: state === 'done' ? 'delivered' : 'failed' } as const;
    const move = advance(definition, { status: 'active', step, visit }, { outcome }, now);
    const { status } = move.state;
    const next =
      move.state.status === 'active' && move.wakeAt !== null
        ? { step: move.state.step, visit: move.state.visit, dueAt: move.wakeAt }
        : null;
    const kept = await finish({
      workspace: claim.workspace,
      work: claim.work,
      token: claim.token,
      state,
      error,
      enrollment: status === 'entering' ? 'active' : status,
      next,
    });
    if (!kept) return 'lost';
    if (state === 'failed') {
      logger.error({ workspace: claim.workspace, work: claim.work, error }, 'a step was given up');
    }
    if (next !== null) options.onNext();
    return state;
  };

  const tryAgain = async (
    claim: Claim,
    definition: SeriesDefinition,
    error: string,
    now: number,
  ): Promise<Performed> => {
    if (claim.attempt >= maxAttempts) return end(claim, definition, 'failed', error, now);
    const kept = await postponeWork(pool, claim, wait(claim.attempt), error);
    return kept ? 'postponed' : 'lost';
  };

  /** A definition that this Muster refuses, though it was accepted once: another version may read it in time. */
  const unreadable = async (claim: Claim, reason: string): Promise<Performed> => {
    const error = `the series cannot be read: ${reason}`;
    if (claim.attempt < maxAttempts) {
      return (await postponeWork(pool, claim, wait(claim.attempt), error)) ? 'postponed' : 'lost';
    }
    const { workspace, work, token } = claim;
    const kept = await finish({
      workspace,
      work,
      token,
      state: 'failed',
      error,
      enrollment: 'exited',
      next: null,
    });
    return kept ? 'failed' : 'lost';
  };

  return async (claim, lease) => {
    const begun = performance.now();
    const now = (): number => Math.round(claim.now + performance.now() - begun);
    let definition: SeriesDefinition;
    try {
      definition = await options.definitionOf(claim);
    } catch (error) {
      if (error instanceof MusterError) return unreadable(claim, error.message);
      throw error;
    }
    // Attempts are counted when claimed, so a step that kills its process each time comes to an end as well.
    if (claim.attempt > maxAttempts) {
      return end(claim, definition, 'failed', claim.lastError ?? 'it was tried too often', now());
    }
    const { step, visit } = claim;
    const [effect] = advance(
      definition,
      { status: 'active', step, visit },
      { outcome: null },
      claim.now,
    ).effects;
    if (effect === undefined) return end(claim, definition, 'failed', 'the series has no such step', now());
    const channel = channels.get(effect.channel);
    if (channel === undefined)
      return tryAgain(claim, definition, `no channel \`${effect.channel}\` runs here`, now());

    const message = await begin({
      workspace: claim.workspace,
      work: claim.work,
      token: claim.token,
      channel: effect.channel,
      message: rendered(effect, claim),
    });
    if (message === null || lease.signal.aborted) return 'lost';
    lease.sending = true;
    const { signal } = lease;
    const { deliverTimeout } = options;
    const timer = setTimeout(() => lease.abort(`no answer within ${deliverTimeout} ms`), deliverTimeout);
    try {
      await untilAborted(
        channel.deliver(
          {
            workspaceId: claim.workspace,
            endUserId: claim.endUser,
            userId: claim.user.user_id ?? null,
            series: claim.series,
            step,
            ...message,
          },
          { idempotencyKey: claim.delivery, signal },
        ),
        signal,
      );
    } catch (error) {
      const reason = errorText(error);
      if (error instanceof DeliveryRefused) return await end(claim, definition, 'failed', reason, now());
      // Cut off in the middle: the channel may have taken it.
      if (signal.aborted && channel.onLostConfirmation === 'park') {
        return (await parkWork(pool, claim, reason)) ? 'unknown' : 'lost';
      }
      return await tryAgain(claim, definition, reason, now());
    } finally {
      clearTimeout(timer);
    }
    return end(claim, definition, 'done', null, now());
  };
}

function rendered(effect: SendEffect, claim: Claim): { title: string | null; text: string } {
  const { title, text } = effect.message;
  return {
    title: title === null ? null : renderTemplate(title, claim.user, claim.now),
    text: renderTemplate(text, claim.user, claim.now),
  };
}

/** A channel that does not listen to its signal must not hold the worker for ever. */
async function untilAborted(sending: Promise<void>, signal: AbortSignal): Promise<void> {
  // It may still fail when nobody waits for it any more; whoever waits hears of it through the race below.
  sending.catch(() => undefined);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([sending, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
