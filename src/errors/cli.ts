import type { ErrorEntry } from './table.js';

export const cliErrors = {} as const satisfies Record<string, ErrorEntry>;
