import type { SmtpFailure } from './session.js';

/**
 * What a server's answer is to a delivery. `later`: another attempt may succeed, because the answer is one for now, or one
 * about us and not about the message. `refused`: none can. `unknown_user`: none can, and to this address none ever will.
 */
export type SmtpVerdict = 'later' | 'refused' | 'unknown_user';

/** Enhanced codes (RFC 3463) that say that there is no such mailbox, or no such domain. */
const noMailbox = /^5\.1\.(?:0|1|2|3|6|10)$/;
/**
 * Without an enhanced code 550 is also said of policy, and 553 of how an address is written: only words that say that there
 * is no such mailbox count, because a suppression loses a reader for good and a refusal only a message.
 */
const saysNoMailbox =
  /\b(?:user|recipient|mailbox|address|account|addressee)\b[^.;:]{0,60}\b(?:unknown|not found|does ?n[o']t exist|not exist|not known|no longer (?:exists|valid))\b|\b(?:unknown|no such|invalid|non-?existent) (?:local )?(?:user|recipient|mailbox|address|account|person)\b|\bno mailbox\b|\bnot a (?:known|valid) (?:user|recipient|mailbox)\b/i;
const saysPolicy = /\b(?:policy|spam|blocked|block ?list|black ?list|denied|relay|reputation|quota|full)\w*/i;

export function verdictOf({ status, command, answer, tooLarge }: SmtpFailure): SmtpVerdict {
  if (tooLarge) return 'refused';
  // Until the sender is named it is about the connection, the password or us: somebody can mend that.
  if (status === null || status < 500 || !/^(?:MAIL FROM|RCPT TO|DATA)/.test(command)) return 'later';
  if (!command.startsWith('RCPT TO')) return 'refused';
  const enhanced = /^\d{3}[ -](5\.\d{1,3}\.\d{1,3})\b/.exec(answer)?.[1];
  const isUnknown =
    enhanced === undefined
      ? saysNoMailbox.test(answer) && !saysPolicy.test(answer)
      : noMailbox.test(enhanced);
  return isUnknown ? 'unknown_user' : 'refused';
}
