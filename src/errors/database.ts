import type { ErrorEntry } from './table.js';

export const databaseErrors = {} as const satisfies Record<string, ErrorEntry>;
