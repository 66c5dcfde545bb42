/** Where everybody in a launch stands, as its report says. */
export interface Progress {
  readonly recipients: number;
  readonly sent: number;
  readonly pending: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unknown: number;
}

const over = ['sent', 'skipped', 'failed', 'unknown'] as const;

/** What is wrong with a reading, and with its way from the one before it: it adds up, and nothing in it goes back. */
export function progressFaults(before: Progress | undefined, now: Progress): string[] {
  const { recipients, sent, pending, skipped, failed, unknown } = now;
  const sum = sent + pending + skipped + failed + unknown;
  const faults = sum === recipients ? [] : [`${recipients} recipients stand in ${sum} places`];
  if (before === undefined) return faults;
  if (before.recipients !== recipients) faults.push(`${before.recipients} recipients became ${recipients}`);
  const backwards = over
    .filter((state) => now[state] < before[state])
    .map((state) => `${state} went from ${before[state]} to ${now[state]}`);
  return [...faults, ...backwards];
}
