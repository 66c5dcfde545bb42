import type { ErrorEntry } from './table.js';

export const audienceErrors = {} as const satisfies Record<string, ErrorEntry>;
