import type { ErrorEntry } from './table.js';

export const traitsErrors = {} as const satisfies Record<string, ErrorEntry>;
