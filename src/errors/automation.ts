import type { ErrorEntry } from './table.js';

export const automationErrors = {} as const satisfies Record<string, ErrorEntry>;
