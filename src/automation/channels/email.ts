import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { suppress } from '../../traits/suppression.js';
import { textFault } from '../../traits/json.js';
import { linkSecretReader } from '../links/secret.js';
import { unsubscribeToken } from '../links/token.js';
import { errorText } from '../loop.js';
import { silentLogger } from '../logger.js';
import type { Logger } from '../logger.js';
import { unlessAborted } from './abort.js';
import { DeliveryRefused, DeliveryUnreachable } from './channel.js';
import type { Channel, OutgoingMessage } from './channel.js';
import { contentOf } from './email/content.js';
import { verdictOf } from './email/failure.js';
import { envelopeAddress } from './email/mailbox.js';
import { smtpPool } from './email/pool.js';
import type { SmtpPool } from './email/pool.js';
import { openSession, SmtpFailure } from './email/session.js';
import { mailerOf, noSettings, readSettings } from './email/settings.js';
import type { EmailSettings, Mailer } from './email/settings.js';
import { addressOf } from './reach.js';
import { networkRules } from './webhook/networks.js';
import type { AllowedNetworks } from './webhook/networks.js';
import type { Resolve } from './webhook/post.js';

export interface EmailOptions {
  readonly pool: Pool;
  /** What is used where a workspace has nothing of its own. Default: nothing. */
  readonly installation?: EmailSettings;
  /** Networks in which a workspace's own server may stand although they are private. Default: none. */
  readonly allowedNetworks?: AllowedNetworks;
  readonly resolve?: Resolve;
  /** Certificates that are trusted beside those that Node trusts; PEM. */
  readonly ca?: string;
  /** Milliseconds for each of: connecting, the greeting, an answer. Default 15,000. */
  readonly timeout?: number;
  /** Hears when an address that bounced cannot be put on the list. Default: silent. */
  readonly logger?: Logger;
}

const minute = 60_000;
const hour = 60 * minute;
/** A greylisting server takes the second attempt after some minutes; one that is down comes back within a day. */
const waits = [minute, 10 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour];

/** Milliseconds for which a workspace's settings are taken from memory. */
const settingsFresh = 1000;

/**
 * E-mail over SMTP, with the workspace's server or the installation's. An answer of 4xx is tried again, 5xx is refused; an
 * address that the server does not know is suppressed besides (`hard_bounce`). A message has the delivery's id in its
 * Message-ID, and a link to unsubscribe in its header and beneath it.
 *
 * The open window: the server may have taken a message although its answer to the final dot was lost
 * (`DeliveryUncertain`). The repeat has the same Message-ID and is the same to the byte, so long as nobody changed the
 * settings: many receivers show it once, none can be made to. A workspace may have it parked instead.
 *
 * Errors: `webhook_bad_network`.
 */
export function emailChannel(options: EmailOptions): Channel {
  const { pool, installation = noSettings, allowedNetworks, timeout = 15_000, resolve, ca } = options;
  const { logger = silentLogger } = options;
  const rules = networkRules(allowedNetworks);
  const secrets = linkSecretReader(pool);
  const mailerFor = mailerReader(pool, installation);
  const pools = new Map<string, SmtpPool>();

  const poolOf = ({ server, isOurs }: Mailer): SmtpPool => {
    const key = JSON.stringify([isOurs, server]);
    let found = pools.get(key);
    if (found === undefined) {
      for (const [other, each] of pools) if (each.idle()) pools.delete(other);
      const session = { server, rules: isOurs ? null : rules, resolve, ca, timeout };
      found = smtpPool((signal) => openSession(session, signal));
      pools.set(key, found);
    }
    return found;
  };

  /** What becomes of the list changes nothing about what became of the message. */
  const noteUnknown = async (message: OutgoingMessage, to: string, signal: AbortSignal): Promise<void> => {
    const { workspaceId } = message;
    try {
      await unlessAborted(signal, () =>
        suppress(pool, { workspaceId, email: to, reason: 'hard_bounce', source: 'smtp' }),
      );
    } catch (error) {
      logger.warn(
        { workspace: workspaceId, error: errorText(error) },
        'an address that bounced could not be suppressed',
      );
    }
  };

  return {
    name: 'email',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'marked',
    waits,
    async terms({ workspaceId, endUserId, user, topic }) {
      const mailer = await mailerFor(workspaceId);
      const address = addressOf(user);
      if (mailer === null || address === null) return { onLostConfirmation: 'retry_same_key', tags: {} };
      const { keys, hashEmail } = await secrets.of(workspaceId);
      const link = { workspaceId, endUserId, emailHash: hashEmail(address), topic };
      const url = `${mailer.publicUrl}/u/${unsubscribeToken(link, keys.unsubscribe)}`;
      return { onLostConfirmation: mailer.onLost, tags: { unsubscribe_url: url } };
    },
    async deliver(message, { idempotencyKey, signal }) {
      const { to, title, text, html = '' } = message;
      if (to === undefined) throw new DeliveryRefused('the person has no e-mail address');
      const fault = textFault(`${title ?? ''}\n${text}\n${html}`);
      if (fault !== null) throw new DeliveryRefused(`the message cannot be sent: it holds ${fault}`);
      const mailer = await unlessAborted(signal, () => mailerFor(message.workspaceId));
      // It may be set up yet.
      if (mailer === null) throw new Error('e-mail is not set up in this workspace');
      const recipient = envelopeAddress(to);
      if (recipient === null) throw new DeliveryUnreachable('bad_email', 'no mail server has such a domain');
      const bytes = await contentOf(message, idempotencyKey, mailer);
      try {
        const from = envelopeAddress(mailer.from.address) ?? mailer.from.address;
        const mail = { from, to: recipient, bytes };
        await poolOf(mailer).use(signal, (session) => session.send(mail, signal));
      } catch (error) {
        if (!(error instanceof SmtpFailure)) throw error;
        const verdict = verdictOf(error);
        if (verdict === 'later') throw error;
        if (verdict === 'unknown_user') await noteUnknown(message, to, signal);
        throw new DeliveryRefused(`the mail server refused it: ${error.message}`, { cause: error });
      }
    },
    close: async () => {
      for (const each of pools.values()) each.close();
      pools.clear();
    },
  };
}

/** Reads what a workspace sends with, from memory for a second: a batch of messages has one look. */
function mailerReader(
  pool: Pool,
  installation: EmailSettings,
): (workspaceId: string) => Promise<Mailer | null> {
  const known = new Map<string, { readonly at: number; readonly mailer: Promise<Mailer | null> }>();
  return (workspaceId) => {
    const now = performance.now();
    const found = known.get(workspaceId);
    if (found !== undefined && now - found.at < settingsFresh) return found.mailer;
    const mailer = inWorkspace(pool, workspaceId, async (client) =>
      mailerOf(await readSettings(client, workspaceId), installation),
    );
    // A look that failed is not kept.
    mailer.catch(() => known.delete(workspaceId));
    if (known.size >= 1000) known.clear();
    known.set(workspaceId, { at: now, mailer });
    return mailer;
  };
}
