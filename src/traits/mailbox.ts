import { domainToASCII } from 'node:url';
import { foldAscii } from '../filter/values.js';

/**
 * An e-mail address as it is compared: outer spaces and ASCII case do not matter, nor how its domain is written. The same as
 * `muster_mailbox` in Postgres, for every address that a mail server could know.
 */
export function sameMailbox(address: string): string {
  // Spaces only, as `btrim` of Postgres has it.
  const text = address.replace(/^ +| +$/g, '');
  const at = text.lastIndexOf('@');
  const length = Buffer.byteLength(address);
  if (length === address.length || length > 254 || at < 0) return foldAscii(text);
  const domain = text.slice(at + 1);
  const ascii = domainToASCII(domain);
  return foldAscii(text.slice(0, at + 1)) + (ascii === '' ? foldAscii(domain) : ascii);
}
