import { join } from 'node:path';
import { inject } from 'vitest';
import type { Program } from './build-programs.js';

/** The built file of a program, for `node` to run. */
export function programFile(program: Program): string {
  return join(inject('programs'), `${program}.mjs`);
}
