import { createHmac, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import type { ErrorCode } from '../../errors/index.js';
import type { IdentitySecret } from './settings.js';

/** What a browser may send to show that it acts for a user. */
export interface Signature {
  /** HMAC-SHA256 of the user id under an identity secret, in hexadecimal. */
  readonly hash?: string | undefined;
  /**
   * A JWT (HS256) whose `sub` is the user id and whose `aud` is the workspace, which ends within an hour. Its claim
   * `company_id` names the company that the user may speak for.
   */
  readonly token?: string | undefined;
}

export interface Claim extends Signature {
  readonly workspaceId: string;
  readonly userId: string;
}

/** What a caller wants to speak for: a company, alone or as the one that a user belongs to. */
export interface CompanyClaim extends Pick<Signature, 'token'> {
  readonly workspaceId: string;
  readonly companyId: string;
  readonly userId?: string | undefined;
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
  const { hash, token, userId } = claim;
  if (hash === undefined && token === undefined) return 'identity_unsigned';
  const live = liveOf(secrets, now);
  if (hash !== undefined && !live.some(({ secret }) => isHashOf(hash, userId, secret))) {
    return 'identity_bad_hash';
  }
  if (token === undefined) return null;
  const read = await readToken(token, claim.workspaceId, live, now);
  if (typeof read === 'string') return read;
  return read.sub === userId ? null : 'identity_other_user';
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

/**
 * What keeps a caller from speaking for a company, or null. Only a token can name one, by its claim `company_id`; with a
 * `userId` it has to be that user's token.
 */
export async function companyFault(
  { token, workspaceId, companyId, userId }: CompanyClaim,
  secrets: readonly IdentitySecret[],
  now: number,
): Promise<IdentityFault | null> {
  if (token === undefined) return 'identity_company_unsigned';
  const read = await readToken(token, workspaceId, liveOf(secrets, now), now);
  if (typeof read === 'string') return read;
  if (userId !== undefined && read.sub !== userId) return 'identity_other_user';
  return read['company_id'] === companyId ? null : 'identity_other_company';
}

function liveOf(secrets: readonly IdentitySecret[], now: number): IdentitySecret[] {
  return secrets.filter(({ validUntil }) => validUntil === null || now < validUntil.getTime());
}

/** The claims of a token that this workspace accepts now, or what is wrong with it. */
async function readToken(
  token: string,
  workspaceId: string,
  secrets: readonly IdentitySecret[],
  now: number,
): Promise<JWTPayload | IdentityFault> {
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
      const left = (payload.exp ?? Infinity) - now / 1000;
      return left <= tokenLife + tolerance ? payload : 'identity_too_long';
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
