import type { ErrorEntry } from './table.js';

export const embeddedErrors = {} as const satisfies Record<string, ErrorEntry>;
