import { createHmac, timingSafeEqual } from 'node:crypto';
import { isList } from '../../filter/parse/context.js';

/** What a link to unsubscribe says: whose wish it is, and about what. No personal data, only ids and a salted hash. */
export interface UnsubscribeLink {
  readonly workspaceId: string;
  readonly endUserId: string;
  /** Of the address that the message went to: the wish holds for it when the person is gone or has another one. */
  readonly emailHash: Buffer;
  /** Null for a message about nothing in particular. */
  readonly topic: string | null;
}

/** Longer than every token of ours. */
const longestToken = 2048;

/** A signed token, fit for a path: what it says, then an HMAC of that. It has no end, because a wish must never come too late. */
export function signedToken(said: readonly (string | null)[], key: Buffer): string {
  const payload = Buffer.from(JSON.stringify(said)).toString('base64url');
  return `${payload}.${signatureOf(payload, key).toString('base64url')}`;
}

/** What a token says, before anybody has checked who signed it; null for a text that is no token. */
export function readToken(
  token: string,
): { readonly said: readonly unknown[]; isSignedBy(key: Buffer): boolean } | null {
  if (token.length > longestToken) return null;
  const [, payload, signature] = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  if (payload === undefined || signature === undefined) return null;
  const said = listIn(Buffer.from(payload, 'base64url').toString());
  if (said === null) return null;
  const given = Buffer.from(signature, 'base64url');
  return { said, isSignedBy: (key) => timingSafeEqual(given, signatureOf(payload, key)) };
}

export function unsubscribeToken(link: UnsubscribeLink, key: Buffer): string {
  const { workspaceId, endUserId, emailHash, topic } = link;
  return signedToken([workspaceId, endUserId, emailHash.toString('base64url'), topic], key);
}

export function unsubscribeLinkIn(said: readonly unknown[]): UnsubscribeLink | null {
  const [workspaceId, endUserId, hash, topic, ...more] = said;
  if (typeof workspaceId !== 'string' || typeof endUserId !== 'string' || typeof hash !== 'string')
    return null;
  if ((typeof topic !== 'string' && topic !== null) || more.length > 0) return null;
  if (!/^[0-9a-f-]{36}$/.test(endUserId)) return null;
  return { workspaceId, endUserId, emailHash: Buffer.from(hash, 'base64url'), topic };
}

function signatureOf(payload: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(payload).digest();
}

function listIn(text: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return isList(value) ? value : null;
  } catch {
    return null;
  }
}
