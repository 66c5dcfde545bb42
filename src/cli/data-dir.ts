import { resolve } from 'node:path';

/** The folder of the embedded servers and the local keys: `MUSTER_DATA`, or `.muster` in the working directory. */
export function dataDir(): string {
  const named = process.env.MUSTER_DATA;
  return resolve(named === undefined || named === '' ? '.muster' : named);
}
