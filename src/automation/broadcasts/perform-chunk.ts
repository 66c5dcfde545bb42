import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from '../../database/pool.js';
import type { Channel } from '../channels/channel.js';
import { errorText } from '../loop.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import { persistent } from '../persistent.js';
import type { Gate } from '../work/gate.js';
import type { Lease } from '../work/leases.js';
import type { RenderedMessage } from '../work/render.js';
import { untilDue } from '../work/until-due.js';
import { asFrequencyCaps } from '../workspace-caps.js';
import { beginBatch } from './begin-batch.js';
import type { BeginRecipient } from './begin-batch.js';
import type { BeginBatch, Begun } from './begin-batch.js';
import { batchSize } from './batch-size.js';
import { messageOf, recipientOf } from './chunk-task.js';
import type { ChunkTask } from './chunk-task.js';
import type { Chunk } from './claim-chunk.js';
import { deliveryId } from './delivery-id.js';
import { endChunk } from './end-chunk.js';
import type { ChunkEnd } from './end-chunk.js';
import { finishBatch } from './finish-batch.js';
import type { BatchEnd, RecipientEnd } from './finish-batch.js';
import { launchedReader } from './launched.js';
import { batchOf, spacingOf, takePlace } from './pace.js';
import { readBatch } from './read-batch.js';
import type { Candidate } from './read-batch.js';
import { callsUnder } from './call-channel.js';
import { takeUpSending } from './take-up.js';

export interface PerformChunkOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  /** Milliseconds that one call of a channel may take. */
  readonly deliverTimeout: number;
  /** Lets calls of channels through. */
  readonly calls: Gate;
  /** Calls under way at once. */
  readonly concurrency: number;
  /** A number from 0 (included) to 1 (excluded). */
  readonly jitter: () => number;
  readonly isStopping: () => boolean;
  readonly observe?: Observer | undefined;
}

/** The longest that a broadcast leaves a provider alone at once; it asks again then. */
const longestQuiet = 60_000;

/**
 * Sends to the recipients of a chunk, some at a time: reads them, writes down who is about to be sent to, calls the channel
 * for each, writes down what became of it. Whoever may be tried again stays pending, and the chunk comes back for them.
 *
 * Never throws for what a channel or a message does; errors of Postgres are the caller's.
 */
export function chunkPerformer(
  options: PerformChunkOptions,
): (chunk: Chunk, lease: Lease) => Promise<ChunkEnd> {
  const { pool, logger, channels, maxAttempts, calls, concurrency, observe } = options;
  const launchedOf = launchedReader();
  const begin = persistent((batch: BeginBatch) => beginBatch(pool, batch));
  const finish = persistent((batch: BatchEnd) => finishBatch(pool, batch));

  const attemptsOf = ({ waits }: Channel): number => (waits === undefined ? maxAttempts : waits.length + 1);

  const send = async (
    task: ChunkTask,
    candidate: Candidate,
    begun: Begun,
    delay: number,
  ): Promise<RecipientEnd & { quiet: number }> => {
    const { chunk, channel, lease } = task;
    const { number, attempt } = begun;
    const name = channel.name;
    const end = (state: RecipientEnd['state'], reason: string | null, more: object = {}) => {
      return { number, state, reason, wait: 0, counts: true, unsure: false, quiet: 0, ...more };
    };
    const waits = channel.waits;
    const attempts = attemptsOf(channel);
    const again = (reason: string, unsure = false): RecipientEnd & { quiet: number } =>
      attempt >= attempts
        ? end('failed', reason, { unsure })
        : end('pending', reason, { unsure, wait: waits?.[attempt - 1] ?? options.wait(attempt) });
    let message: RenderedMessage;
    try {
      message = begun.message ?? messageOf(task, candidate);
    } catch (error) {
      return end('failed', `the message cannot be rendered: ${errorText(error)}`);
    }
    const outgoing = {
      workspaceId: chunk.workspace,
      endUserId: candidate.endUser ?? '',
      userId: candidate.person.user_id ?? null,
      series: chunk.broadcast,
      step: candidate.variant,
      createdAt: chunk.launchedAt,
      ...message,
    };
    const key = deliveryId(chunk.deliveryBase, number);
    // Under a rate limit the messages of a batch begin one after the other.
    if (delay >= 1) await sleep(delay);
    const called = await calls.through(async () => {
      if (lease.signal.aborted) return null;
      const since = performance.now();
      const delivered = await task.call(channel, outgoing, key);
      observe?.delivery?.(name, delivered.kind, performance.now() - since);
      return delivered;
    });
    // Never called: it is as if it had not been written down.
    if (called === null) return end('pending', null, { counts: false });
    if (called.kind === 'delivered') return end('sent', null);
    if (called.kind === 'refused') return end('failed', called.reason);
    if (called.kind === 'unreachable') return end('skipped', called.code, { counts: false });
    if (called.kind === 'unconfirmed' && begun.parks) return end('unknown', called.reason);
    if (called.kind === 'unconfirmed') return again(called.reason, true);
    if (called.retryAfter === 0) return again(called.reason);
    const { reason, retryAfter } = called;
    return end('pending', reason, { wait: retryAfter, counts: false, quiet: retryAfter });
  };

  /** One batch. False where the chunk cannot go on now. */
  const sendBatch = async (
    task: ChunkTask,
    candidates: readonly Candidate[],
    recipients: readonly BeginRecipient[],
    spacing: number,
  ): Promise<boolean> => {
    const { chunk, launched, channel, lease } = task;
    const { topic } = launched.definition;
    lease.sending = true;
    const begun = await begin({
      chunk,
      channel: channel.name,
      topic,
      maxAttempts: attemptsOf(channel),
      recipients,
    });
    if (begun.stopped) return false;
    for (const reason of begun.skipped) {
      if (reason === 'suppressed' || reason === 'capped' || reason === 'unreachable')
        observe?.delivery?.(channel.name, reason);
    }
    const known = new Map(candidates.map((candidate) => [candidate.number, candidate]));
    const ends = await Promise.all(
      begun.sending.flatMap((each, index) => {
        const candidate = known.get(each.number);
        return candidate === undefined ? [] : [send(task, candidate, each, index * spacing)];
      }),
    );
    const quiet = Math.min(Math.max(0, ...ends.map((each) => each.quiet)), longestQuiet);
    const written = await finish({ chunk, ends, quiet });
    lease.sending = false;
    return written === ends.length && quiet === 0;
  };

  const sendAll = async (task: ChunkTask): Promise<number> => {
    const { chunk, launched, lease } = task;
    const { rateLimit } = launched.definition;
    const size = batchSize({ least: concurrency, attempt: chunk.attempt });
    while (!lease.signal.aborted && !options.isStopping()) {
      const limit = rateLimit === null ? size.next() : Math.min(size.next(), batchOf(rateLimit));
      const needs = { ...launched.needs, zone: task.caps.length > 0 };
      const found = await readBatch(pool, chunk, needs, limit);
      if (found.length === 0) return 0;
      const all = await Promise.all(found.map((candidate) => recipientOf(task, candidate)));
      // What was written down and not called would be parked with a killed process.
      const parks = all.some((recipient) => recipient.parks);
      if (parks) size.limit(concurrency);
      const [candidates, recipients] = parks
        ? [found.slice(0, concurrency), all.slice(0, concurrency)]
        : [found, all];
      const spacing = rateLimit === null ? 0 : spacingOf(rateLimit);
      if (spacing > 0) {
        const away = await takePlace(pool, chunk, candidates.length, spacing, lease.signal);
        // The places that are left are for those who are further ahead.
        if (away > 0) return away + options.jitter() * 500 * spacing;
      }
      const since = performance.now();
      if (!(await sendBatch(task, candidates, recipients, spacing))) return 0;
      size.took(candidates.length, performance.now() - since);
    }
    return 0;
  };

  return async (chunk, lease) => {
    const begun = performance.now();
    const launched = launchedOf(chunk);
    const { channel: name } = launched.definition;
    const channel = channels.get(name);
    if (channel === undefined) {
      logger.error(
        { workspace: chunk.workspace, broadcast: chunk.broadcast },
        `no channel \`${name}\` runs here`,
      );
      return endChunk(pool, chunk, options.wait(1));
    }
    if (!(await untilDue(chunk, lease))) return 'lost';
    await takeUpSending(pool, chunk, channel.onLostConfirmation === 'park');
    const now = (): number => Math.round(chunk.now + performance.now() - begun);
    const call = callsUnder(lease, options.deliverTimeout);
    const ofWorkspace = chunk.test ? [] : asFrequencyCaps(chunk.workspaceCaps);
    const caps = [...launched.definition.frequencyCaps, ...ofWorkspace];
    const notBefore = await sendAll({ chunk, launched, caps, channel, lease, call, now });
    return endChunk(pool, chunk, notBefore);
  };
}
