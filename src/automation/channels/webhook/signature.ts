import { createHmac, randomBytes } from 'node:crypto';

const prefix = 'whsec_';
const fewestBytes = 24;
const mostBytes = 64;

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return prefix + randomBytes(32).toString('base64');
}

/** Whether a text is `whsec_` and 24 to 64 bytes in base64, with its padding. */
export function isSecret(text: string): boolean {
  const bytes = bytesOf(text);
  return (
    text === prefix + bytes.toString('base64') && bytes.length >= fewestBytes && bytes.length <= mostBytes
  );
}

export interface SignedParts {
  readonly id: string;
  /** Seconds since 1970 (UTC), of this attempt. */
  readonly timestamp: number;
  readonly body: Buffer;
}

/** The header `webhook-signature` of Standard Webhooks: one `v1` signature for each secret, in their order. */
export function signatures(secrets: readonly string[], { id, timestamp, body }: SignedParts): string {
  return secrets
    .map((secret) => {
      const hmac = createHmac('sha256', bytesOf(secret)).update(`${id}.${timestamp}.`).update(body);
      return `v1,${hmac.digest('base64')}`;
    })
    .join(' ');
}

function bytesOf(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}
