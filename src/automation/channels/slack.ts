import type { Pool } from '../../database/pool.js';
import { textFault } from '../../traits/json.js';
import { unlessAborted } from './abort.js';
import { DeliveryPostponed, DeliveryRefused } from './channel.js';
import type { Channel, OutgoingMessage } from './channel.js';
import { readSlackUrl } from './slack/webhooks.js';
import { networkRules } from './webhook/networks.js';
import type { AllowedNetworks } from './webhook/networks.js';
import { poster } from './webhook/post.js';
import type { Answer, PosterOptions } from './webhook/post.js';
import { retryAfter } from './webhook/retry-after.js';

export interface SlackOptions extends Pick<PosterOptions, 'resolve' | 'ca'> {
  readonly pool: Pool;
  /** Networks that may be called although they are private. Default: none. */
  readonly allowedNetworks?: AllowedNetworks;
  /** Milliseconds that Slack may take to answer. Default 15,000. */
  readonly timeout?: number;
}

/** Characters of a text that Slack shows whole; it cuts a longer one. */
const longestText = 40_000;

const minute = 60_000;
const waits = [5000, minute, 5 * minute, 30 * minute, 120 * minute];

/** Answers that the same message will get again: it is not understood, or there is no such webhook or room any more. */
const refusing: readonly number[] = [400, 403, 404, 405, 410, 413];

/**
 * Slack, by an incoming webhook of the workspace that the step names. It tells the customer's own people about somebody, and
 * is no message to that person. A title stands in bold above the text, which is Slack's mrkdwn.
 *
 * The open window: Slack knows no keys, and a message that it may have taken (`DeliveryUncertain`) would stand there twice.
 * It is parked as `unknown`, for somebody to look and decide.
 *
 * Errors: `webhook_bad_network`.
 */
export function slackChannel(options: SlackOptions): Channel {
  const { pool, allowedNetworks, timeout = 15_000, resolve, ca } = options;
  const { post, close } = poster({
    rules: networkRules(allowedNetworks),
    timeout,
    // A kept connection that was closed meanwhile would be tried again, and nobody here knows a repeat.
    keepAlive: false,
    ...(resolve === undefined ? {} : { resolve }),
    ...(ca === undefined ? {} : { ca }),
  });
  return {
    name: 'slack',
    onLostConfirmation: 'park',
    waits,
    async deliver(message, { signal }) {
      const { workspaceId, endpoint: key } = message;
      if (key === undefined) throw new DeliveryRefused('the message names no webhook of Slack');
      const text = textOf(message);
      const url = await unlessAborted(signal, () => readSlackUrl(pool, workspaceId, key));
      // It may be made yet.
      if (url === null) throw new Error(`there is no webhook of Slack \`${key}\``);
      const body = Buffer.from(JSON.stringify({ text }));
      const headers = {
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(body.length),
        'user-agent': 'Muster',
      };
      const failure = failureOf(await post({ url: new URL(url), headers, body, signal }), Date.now());
      if (failure !== null) throw failure;
    },
    close: async () => close(),
  };
}

function textOf({ title, text }: OutgoingMessage): string {
  const whole = title === null ? text : `*${title}*\n${text}`;
  const fault = textFault(whole);
  if (fault !== null) throw new DeliveryRefused(`the text cannot be sent: it holds ${fault}`);
  if (whole.length > longestText) {
    throw new DeliveryRefused(`the text has ${whole.length} characters, of which Slack shows ${longestText}`);
  }
  return whole;
}

/** `now` is in milliseconds since 1970 (UTC). */
function failureOf({ status, retryAfter: header }: Answer, now: number): Error | null {
  if (status >= 200 && status < 300) return null;
  const text = `Slack answered ${status}`;
  if (refusing.includes(status)) return new DeliveryRefused(text);
  const later = status === 429 || status === 503 ? retryAfter(header, now) : null;
  return later === null ? new Error(text) : new DeliveryPostponed(text, later);
}
