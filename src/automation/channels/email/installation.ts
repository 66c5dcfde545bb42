import { MusterError, problem } from '../../../errors/index.js';
import { settingsProblems } from './settings.js';
import type { EmailSettings, OnLost } from './settings.js';

/** The environment variable of each setting. */
export const emailVariables = {
  smtp_url: 'MUSTER_SMTP_URL',
  from: 'MUSTER_EMAIL_FROM',
  reply_to: 'MUSTER_EMAIL_REPLY_TO',
  footer: 'MUSTER_EMAIL_FOOTER',
  public_url: 'MUSTER_PUBLIC_URL',
  on_lost_confirmation: 'MUSTER_EMAIL_ON_LOST_CONFIRMATION',
} as const satisfies Record<keyof EmailSettings, string>;

/** What the installation sends e-mail with where a workspace has nothing of its own. Errors: `email_bad_setting`. */
export function installationEmail(environment: Readonly<Record<string, string | undefined>>): EmailSettings {
  const read = (key: keyof EmailSettings): string | null => {
    const text = environment[emailVariables[key]] ?? '';
    return text === '' ? null : text;
  };
  const onLost = read('on_lost_confirmation');
  const settings: EmailSettings = {
    smtp_url: read('smtp_url'),
    from: read('from'),
    reply_to: read('reply_to'),
    footer: read('footer'),
    public_url: read('public_url'),
    on_lost_confirmation: isOnLost(onLost) ? onLost : null,
  };
  const problems = settingsProblems(settings, {
    rules: null,
    named: (key) => ({ name: emailVariables[key], path: '' }),
  });
  if (onLost !== null && !isOnLost(onLost)) {
    const values = { key: emailVariables.on_lost_confirmation, reason: 'it is neither of two words' };
    problems.push(problem('email_bad_setting', { ...values, hint: 'write retry_same_key or park' }));
  }
  if (problems.length > 0) throw new MusterError(problems);
  return settings;
}

function isOnLost(text: string | null): text is OnLost {
  return text === 'retry_same_key' || text === 'park';
}
