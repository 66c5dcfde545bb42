import { expect } from 'vitest';

// Vitest types its own as `any`, which would switch the checker off where they are used.

export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}
