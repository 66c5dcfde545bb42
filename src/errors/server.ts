import type { ErrorEntry } from './table.js';

export const serverErrors = {} as const satisfies Record<string, ErrorEntry>;
