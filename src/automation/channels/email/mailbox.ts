import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import { isAddress } from '../reach.js';

/** An address with the name that is shown for it. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

const longestName = 200;

/** Reads `Ada Lovelace <ada@example.com>` or `ada@example.com`; null for anything else. */
export function mailboxOf(text: string): Mailbox | null {
  // What would end a header is no part of a name.
  if (/[\p{Cc}\p{Surrogate}]/u.test(text) || text.length > 1000) return null;
  const [first, ...more] = addressparser(text);
  if (first === undefined || more.length > 0 || !('address' in first)) return null;
  const { name, address = '' } = first;
  if (!isAddress(address) || name.length > longestName) return null;
  return { name, address };
}

/** The domain as mail servers write it. */
export function domainOf({ address }: Pick<Mailbox, 'address'>): string {
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1));
}

/** An address as it goes into an envelope, its domain in ASCII; null where the domain cannot be written so. */
export function envelopeAddress(address: string): string | null {
  const domain = domainOf({ address });
  return domain === '' ? null : `${address.slice(0, address.lastIndexOf('@'))}@${domain}`;
}
