import type { Pool } from '../../database/pool.js';
import { silentLogger } from '../logger.js';
import type { Logger } from '../logger.js';
import { errorText } from '../loop.js';
import { unlessAborted } from './abort.js';
import { DeliveryPostponed, DeliveryRefused } from './channel.js';
import type { Channel, OutgoingMessage } from './channel.js';
import { noteFailure, noteSuccess } from './webhook/health.js';
import { networkRules } from './webhook/networks.js';
import type { AllowedNetworks } from './webhook/networks.js';
import { poster } from './webhook/post.js';
import type { Answer, PosterOptions } from './webhook/post.js';
import { retryAfter } from './webhook/retry-after.js';
import { signatures } from './webhook/signature.js';
import { readTarget } from './webhook/target.js';
import type { Target } from './webhook/target.js';

export interface WebhookOptions extends Pick<PosterOptions, 'resolve' | 'ca'> {
  readonly pool: Pool;
  /** Hears when an endpoint's failures cannot be counted. Default: silent. */
  readonly logger?: Logger;
  /** Networks that may be called although they are private; only they may be called by plain http. Default: none. */
  readonly allowedNetworks?: AllowedNetworks;
  /** Milliseconds that the receiver may take to answer. Default 15,000. */
  readonly timeout?: number;
}

/** Bytes of a body. Receivers expect less than 20,000. */
export const webhookBodyLimit = 262_144;

const minute = 60_000;
const hour = 60 * minute;
/** Three days in ten attempts, the schedule that Standard Webhooks suggests. */
const waits = [5000, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];

/**
 * Webhooks after Standard Webhooks (https://www.standardwebhooks.com): a signed POST to an endpoint of the workspace.
 * Only 2xx is a delivery. 410 disables the endpoint, and so do ten failures in a row over three days; what is still to be
 * sent there is refused. 429 and 503 with `Retry-After` postpone. Everything else, other 4xx and redirects included, is
 * tried again, because a receiver can be mended. Only public addresses are called.
 *
 * The open window: the receiver may have taken a call although its answer was lost (`DeliveryUncertain`). The repeat
 * carries the same `webhook-id` and the same body to the byte, and receivers drop what they know by it.
 *
 * Errors: `webhook_bad_network`.
 */
export function webhookChannel(options: WebhookOptions): Channel {
  const { pool, logger = silentLogger, allowedNetworks, timeout = 15_000, resolve, ca } = options;
  const { post, close } = poster({
    rules: networkRules(allowedNetworks),
    timeout,
    ...(resolve === undefined ? {} : { resolve }),
    ...(ca === undefined ? {} : { ca }),
  });
  /** Whether the count can be written changes nothing about what became of the message. */
  const counting = async (
    endpoint: Counted,
    signal: AbortSignal,
    count: () => Promise<void>,
  ): Promise<void> => {
    try {
      await unlessAborted(signal, count);
    } catch (error) {
      const { workspaceId: workspace, key } = endpoint;
      logger.warn(
        { workspace, endpoint: key, error: errorText(error) },
        "a webhook endpoint's failures could not be counted",
      );
    }
  };

  return {
    name: 'webhook',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'marked',
    waits,
    async deliver(message, { idempotencyKey, signal }) {
      const { workspaceId, endpoint: key } = message;
      if (key === undefined) throw new DeliveryRefused('the message names no endpoint');
      const target = await unlessAborted(signal, () => readTarget(pool, workspaceId, key));
      // It may be made yet; one that was disabled was disabled on purpose.
      if (target === null) throw new Error(`there is no webhook endpoint \`${key}\``);
      if (!target.enabled) throw new DeliveryRefused(`the endpoint \`${key}\` is disabled: ${why(target)}`);
      const body = bodyOf(message);
      if (body.length > webhookBodyLimit) {
        throw new DeliveryRefused(`the body has ${body.length} bytes, the limit is ${webhookBodyLimit}`);
      }
      const endpoint = { workspaceId, key, url: target.url };
      let failure: Failure | null;
      try {
        const headers = headersOf(target, idempotencyKey, body);
        const answer = await post({ url: new URL(target.url), headers, body, signal });
        failure = failureOf(answer, target.now);
      } catch (error) {
        // Cut off by us, which says nothing about the receiver.
        if (signal.aborted) throw error;
        failure = { error: error instanceof Error ? error : new Error(String(error)), counts: true };
      }
      if (failure === null) {
        if (target.failing) await counting(endpoint, signal, () => noteSuccess(pool, endpoint));
        return;
      }
      if (failure.counts) {
        const { error } = failure;
        const gone = error instanceof DeliveryRefused;
        const failed = { ...endpoint, error: errorText(error), gone };
        await counting(endpoint, signal, () => noteFailure(pool, failed));
      }
      throw failure.error;
    },
    close: async () => close(),
  };
}

interface Counted {
  readonly workspaceId: string;
  readonly key: string;
}

interface Failure {
  readonly error: Error;
  /** Whether it is held against the endpoint. */
  readonly counts: boolean;
}

function failureOf({ status, retryAfter: header }: Answer, now: number): Failure | null {
  if (status >= 200 && status < 300) return null;
  const text = `the endpoint answered ${status}`;
  if (status === 410) return { error: new DeliveryRefused(`${text}: it is gone`), counts: true };
  if (status >= 300 && status < 400) {
    return { error: new Error(`${text}: redirects are not followed`), counts: true };
  }
  const later = status === 429 || status === 503 ? retryAfter(header, now) : null;
  return {
    error: later === null ? new Error(text) : new DeliveryPostponed(text, later),
    // Whoever counts our calls is there.
    counts: status !== 429,
  };
}

/** Made of what is kept with the delivery and nothing else: no clock, and nothing that may change between attempts. */
function bodyOf(message: OutgoingMessage): Buffer {
  const { series, step, endUserId, userId, title, text, payload, createdAt } = message;
  // A webhook step has no text, and may have no payload either.
  const isMessage = payload === undefined && text !== '';
  const content = isMessage ? { title, text } : payload === undefined ? {} : { payload };
  return Buffer.from(
    JSON.stringify({
      type: isMessage ? 'series.message' : 'series.webhook',
      ...(createdAt === undefined ? {} : { timestamp: new Date(createdAt).toISOString() }),
      data: { series, step, user: { id: endUserId, user_id: userId }, ...content },
    }),
  );
}

function headersOf(target: Target, id: string, body: Buffer): Record<string, string> {
  const timestamp = Math.floor(target.now / 1000);
  return {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'accept-encoding': 'identity',
    'user-agent': 'Muster-Webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures(target.secrets, { id, timestamp, body }),
  };
}

function why({ disabled_reason: reason }: Target): string {
  if (reason === 'gone') return 'it answered 410';
  return reason === 'failing' ? 'it has failed for days' : 'by hand';
}
