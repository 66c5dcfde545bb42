import { X509Certificate, createVerify } from 'node:crypto';
import { isObject } from '../../../filter/values.js';
import { refuse } from '../../../errors/index.js';
import { errorText } from '../../loop.js';
import type { Get } from '../webhook/get.js';

/**
 * Amazon SNS asks whether an address wants a topic's messages before it sends any. Muster says yes by itself, but only to a
 * message that Amazon signed, and only by calling Amazon: anything else could make it call an address of somebody's choice.
 */
export interface SnsSubscription {
  readonly topic: string;
  /** Where it is confirmed. */
  readonly confirmAt: URL;
  readonly certificateAt: URL;
  /** What is signed, in the form that is signed. */
  readonly text: string;
  readonly signature: string;
  /** `1` is SHA-1, `2` SHA-256. */
  readonly version: '1' | '2';
}

/** Hosts of SNS, of every region, China's too. */
const snsHost = /^sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?$/;
/** What is signed of a confirmation, in this order. */
const signedKeys = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const;

/** Whether the body is one of the messages about a subscription. */
export function isSnsSubscription(body: unknown): boolean {
  return (
    isObject(body) &&
    (body['Type'] === 'SubscriptionConfirmation' || body['Type'] === 'UnsubscribeConfirmation')
  );
}

/**
 * Reads a request to confirm a subscription. Null for one about its end, which needs no answer.
 *
 * Errors: `sns_not_amazon` where it is no complete message of SNS, or names addresses that are not Amazon's.
 */
export function snsSubscriptionOf(body: unknown): SnsSubscription | null {
  if (!isObject(body)) return refuse('sns_not_amazon', { fault: 'it is no object' });
  if (body['Type'] === 'UnsubscribeConfirmation') return null;
  const text = (key: string): string => {
    const value = body[key];
    return typeof value === 'string' ? value : refuse('sns_not_amazon', { fault: `it has no \`${key}\`` });
  };
  const topic = text('TopicArn');
  const confirmAt = amazonUrl(text('SubscribeURL'), 'SubscribeURL');
  const certificateAt = amazonUrl(text('SigningCertURL'), 'SigningCertURL');
  const { searchParams: asked } = confirmAt;
  if (asked.get('Action') !== 'ConfirmSubscription' || asked.get('TopicArn') !== topic)
    refuse('sns_not_amazon', { fault: 'its `SubscribeURL` confirms something else' });
  const version = text('SignatureVersion');
  if (version !== '1' && version !== '2')
    return refuse('sns_not_amazon', { fault: 'its `SignatureVersion` is not known' });
  return {
    topic,
    confirmAt,
    certificateAt,
    text: signedKeys.map((key) => `${key}\n${text(key)}\n`).join(''),
    signature: text('Signature'),
    version,
  };
}

function amazonUrl(text: string, key: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isAmazon =
    url !== null &&
    url.protocol === 'https:' &&
    snsHost.test(url.hostname) &&
    url.port === '' &&
    url.username === '' &&
    url.password === '';
  return isAmazon ? url : refuse('sns_not_amazon', { fault: `its \`${key}\` is no address of Amazon SNS` });
}

/** How long a certificate is taken from memory, in milliseconds. */
const certificateFresh = 24 * 3_600_000;
const mostCertificates = 50;

/**
 * Confirms subscriptions. Errors of what it answers with: `sns_not_signed`, `sns_not_confirmed` where Amazon cannot be asked; SNS
 * asks again then.
 */
export function snsConfirmer(get: Get, clock: () => number): (asked: SnsSubscription) => Promise<void> {
  const known = new Map<string, { readonly at: number; readonly certificate: X509Certificate }>();

  const ask = async (url: URL): Promise<Buffer> => {
    try {
      const { status, body } = await get(url);
      if (status !== 200) throw new Error(`it answered ${status}`);
      return body;
    } catch (error) {
      return refuse('sns_not_confirmed', { host: url.hostname, reason: errorText(error) }, { cause: error });
    }
  };

  const certificateOf = async ({ certificateAt }: SnsSubscription): Promise<X509Certificate> => {
    const found = known.get(certificateAt.href);
    if (found !== undefined && clock() - found.at < certificateFresh) return found.certificate;
    const certificate = parsed(await ask(certificateAt));
    if (known.size >= mostCertificates) known.clear();
    known.set(certificateAt.href, { at: clock(), certificate });
    return certificate;
  };

  return async (asked) => {
    const certificate = await certificateOf(asked);
    const now = clock();
    const isValid = now >= Date.parse(certificate.validFrom) && now <= Date.parse(certificate.validTo);
    const verify = createVerify(asked.version === '1' ? 'RSA-SHA1' : 'RSA-SHA256').update(asked.text, 'utf8');
    if (!isValid || !verify.verify(certificate.publicKey, asked.signature, 'base64'))
      refuse('sns_not_signed', { topic: asked.topic });
    await ask(asked.confirmAt);
  };
}

function parsed(bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    return refuse('sns_not_amazon', { fault: 'its certificate cannot be read' }, { cause: error });
  }
}
