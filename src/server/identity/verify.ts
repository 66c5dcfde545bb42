import { createHmac, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { ErrorCode } from '../../errors/index.js';
import type { IdentitySecret } from './settings.js';

/** What a browser may send to show that it acts for a user. */
export interface Signature {
  /** HMAC-SHA256 of the user id under an identity secret, in hexadecimal. */
  readonly hash?: string | undefined;
  /** A JWT (HS256) whose `sub` is the user id and whose `aud` is the workspace, which ends within an hour. */
  readonly token?: string | undefined;
}

export interface Claim extends Signature {
  readonly workspaceId: string;
  readonly userId: string;
}

/** Why a signature is refused. */
export type IdentityFault = Extract<ErrorCode, `identity_${string}`>;

/** Seconds that a token may last from now, and by which clocks may differ. */
export const tokenLife = 3600;
const tolerance = 60;

/**
 * What is wrong with a user's signature, or null. When both are sent, both have to hold. `now` is in milliseconds
 * since 1970 (UTC). Secrets whose overlap is over do not count.
 */
export async function signatureFault(
  claim: Claim,
  secrets: readonly IdentitySecret[],
  now: number,
): Promise<IdentityFault | null> {
  const { hash, token } = claim;
  if (hash === undefined && token === undefined) return 'identity_unsigned';
  const live = secrets.filter(({ validUntil }) => validUntil === null || now < validUntil.getTime());
  if (hash !== undefined && !live.some(({ secret }) => isHashOf(hash, claim.userId, secret))) {
    return 'identity_bad_hash';
  }
  return token === undefined ? null : tokenFault(token, claim, live, now);
}

/** The `user_hash` that a customer's server computes. */
export function hashOfUser(userId: string, secret: string): string {
  return createHmac('sha256', secret).update(userId, 'utf8').digest('hex');
}

function isHashOf(hash: string, userId: string, secret: string): boolean {
  const wanted = Buffer.from(hashOfUser(userId, secret), 'hex');
  // Read by its shape first: Buffer.from drops what is not hexadecimal, and a hash with a tail would pass.
  if (!/^[0-9a-f]{64}$/i.test(hash)) return false;
  return timingSafeEqual(Buffer.from(hash, 'hex'), wanted);
}

async function tokenFault(
  token: string,
  { workspaceId, userId }: Claim,
  secrets: readonly IdentitySecret[],
  now: number,
): Promise<IdentityFault | null> {
  let fault: IdentityFault = 'identity_bad_token';
  for (const { secret } of secrets) {
    try {
      const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
        algorithms: ['HS256'],
        audience: workspaceId,
        requiredClaims: ['exp', 'sub', 'aud'],
        currentDate: new Date(now),
        clockTolerance: tolerance,
      });
      if (payload.sub !== userId) return 'identity_other_user';
      const left = (payload.exp ?? Infinity) - now / 1000;
      return left <= tokenLife + tolerance ? null : 'identity_too_long';
    } catch (error) {
      // A token of another secret fails by its signature; the next secret may be its own.
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      if (error instanceof errors.JWTExpired) fault = 'identity_expired';
      else if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud')
        fault = 'identity_other_workspace';
      else if (!(error instanceof errors.JOSEError)) throw error;
      return fault;
    }
  }
  return fault;
}
