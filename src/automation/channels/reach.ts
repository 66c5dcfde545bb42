import { escapeLiteral } from 'pg';
import type { UserRecord } from '../../filter/record.js';

/**
 * Why a channel cannot reach somebody. `anonymous`: a visitor whom nobody has identified. `no_email`: there is no address.
 * `bad_email`: what stands in its place is none.
 */
export type Unreachable = 'anonymous' | 'no_email' | 'bad_email';

/**
 * Whom a channel reaches, told twice: of one person in memory, and of all in SQL. Both give the same answer for
 * everybody, which a test holds them to.
 */
export interface Reach {
  /** Null where the person can be reached. */
  readonly of: (user: UserRecord) => Unreachable | null;
  /** The same as a text or NULL, over a row of `end_users` under this alias. */
  readonly sql: (alias: string) => string;
}

export const everybody: Reach = { of: () => null, sql: () => 'NULL::text' };

export const identified: Reach = {
  of: ({ user_id: id }) => (id === null || id === undefined ? 'anonymous' : null),
  sql: (alias) => `CASE WHEN ${alias}.user_id IS NULL THEN 'anonymous' END`,
};

/** Bytes of an address, after RFC 5321. */
const longestAddress = 254;

// Letters of every script but those in the planes beyond the first, without the spaces and marks that nobody sees. Written
// so that JavaScript and Postgres read it alike.
const letters =
  '\\u00a1-\\u1fff\\u2010-\\u2027\\u2030-\\u205e\\u2070-\\u2fff\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufefe\\uff01-\\uffdc';
const atom = `[A-Za-z0-9!#$%&'*+/=?^_\`{|}~${letters}-]+`;
const label = `[A-Za-z0-9${letters}](?:[A-Za-z0-9${letters}-]*[A-Za-z0-9${letters}])?`;
const addressPattern = `^${atom}(?:\\.${atom})*@${label}(?:\\.${label})+$`;
const address = new RegExp(addressPattern, 'u');

/**
 * Whoever has an e-mail address: one plain address with a domain of two labels or more, at most 254 bytes, outer spaces
 * apart. Quoted local parts and addresses of machines (`[192.0.2.1]`) are none here.
 */
export const byEmail: Reach = {
  of: ({ email }) => {
    if (typeof email !== 'string' || trimmed(email) === '') return 'no_email';
    return isAddress(trimmed(email)) ? null : 'bad_email';
  },
  sql: (alias) => `CASE
      WHEN coalesce(btrim(${alias}.email), '') = '' THEN 'no_email'
      WHEN octet_length(btrim(${alias}.email)) > ${longestAddress} THEN 'bad_email'
      WHEN btrim(${alias}.email) COLLATE "C" !~ ${escapeLiteral(addressPattern)} THEN 'bad_email'
    END`,
};

export function isAddress(text: string): boolean {
  return Buffer.byteLength(text) <= longestAddress && address.test(text);
}

/** The address that a person is written to; null where `byEmail` does not reach them. */
export function addressOf(user: UserRecord): string | null {
  return byEmail.of(user) === null && typeof user.email === 'string' ? trimmed(user.email) : null;
}

/** As `btrim` of Postgres does it: spaces only. */
function trimmed(text: string): string {
  return text.replace(/^ +| +$/g, '');
}
