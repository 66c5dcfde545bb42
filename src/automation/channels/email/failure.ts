import type { SmtpFailure } from './session.js';

/**
 * What a server's answer is to a delivery. `later`: another attempt may succeed, because the answer is one for now, or one
 * about us and not about the message. `refused`: none can. `unknown_user`: none can, and to this address none ever will.
 */
export type SmtpVerdict = 'later' | 'refused' | 'unknown_user';

/** Enhanced codes (RFC 3463) that say that there is no such mailbox, or no such domain. */
const noMailbox = /^5\.1\.(?:0|1|2|3|6|10)$/;
/** What says so where a server gives no enhanced code. */
const unknownUser: readonly number[] = [550, 551, 553];

export function verdictOf({ status, command, answer, tooLarge }: SmtpFailure): SmtpVerdict {
  if (tooLarge) return 'refused';
  // Until the sender is named it is about the connection, the password or us: somebody can mend that.
  if (status === null || status < 500 || !/^(?:MAIL FROM|RCPT TO|DATA)/.test(command)) return 'later';
  if (!command.startsWith('RCPT TO')) return 'refused';
  const enhanced = /^\d{3}[ -](5\.\d{1,3}\.\d{1,3})\b/.exec(answer)?.[1];
  const isUnknown = enhanced === undefined ? unknownUser.includes(status) : noMailbox.test(enhanced);
  return isUnknown ? 'unknown_user' : 'refused';
}
