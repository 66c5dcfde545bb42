import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { basename } from 'node:path';
import type { Problem } from '../../errors/index.js';
import { csvLine } from '../csv.js';
import { refuseFile } from '../rows/source.js';

/** A row that was not loaded. */
export interface Reject {
  /** Line of the file that the row begins on, from 1. */
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** How many rejected rows an answer lists; the file has them all. */
const listed = 100;

export interface Rejects {
  add(line: number, problems: readonly [Problem, ...Problem[]], cells: readonly string[]): void;
  readonly count: number;
  readonly first: readonly Reject[];
  /** Waits until what was added so far is on its way to the disk. */
  flush(): Promise<void>;
  /** Ends the file. Resolves with its path, or null when nothing was rejected or no path was given. */
  close(): Promise<string | null>;
}

/**
 * Collects rejected rows and writes them to a CSV file: line, code, message, then the row as it came. The file is made
 * at the first rejected row, in place of an older one of that name. Error: `import_rejects_unwritable`.
 */
export function openRejects(path: string | undefined, header: readonly string[]): Rejects {
  const first: Reject[] = [];
  let count = 0;
  let pending = '';
  let file: WriteStream | null = null;
  let failure: Error | null = null;
  const check = (): void => {
    if (failure !== null) refuseFile('import_rejects_unwritable', basename(path ?? ''), failure);
  };
  const flush = async (): Promise<void> => {
    check();
    if (path === undefined || pending === '') return;
    if (file === null) {
      file = createWriteStream(path);
      file.on('error', (error) => {
        failure = error;
      });
      pending = csvLine(['line', 'code', 'message', ...header]) + pending;
    }
    const text = pending;
    pending = '';
    if (!file.write(text)) await once(file, 'drain').catch(() => undefined);
    check();
  };
  return {
    add(line, problems, cells) {
      const message = problems.map((each) => each.message).join('; ');
      const code = problems[0].code;
      count += 1;
      if (first.length < listed) first.push({ line, code, message });
      if (path !== undefined) pending += csvLine([String(line), code, message, ...cells]);
    },
    get count() {
      return count;
    },
    first,
    flush,
    async close() {
      await flush();
      if (file === null || path === undefined) return null;
      file.end();
      await finished(file).catch(() => undefined);
      check();
      return path;
    },
  };
}
