import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { refuse } from '../errors/index.js';
import { reasonOf } from './filter-input.js';

/**
 * Writes text as it is made to a file, or to standard output without one, and gives back what the maker returns. A file that
 * could not be finished is removed. Error: `file_not_writable`, and those of the maker.
 *
 * @param wrote hears each piece that was taken
 */
export async function writeLines<T>(
  lines: AsyncGenerator<string, T>,
  file: string | undefined,
  wrote: (piece: string) => void,
): Promise<T> {
  const ended: { value?: T } = {};
  async function* pieces(): AsyncGenerator<string> {
    for (;;) {
      const next = await lines.next();
      if (next.done === true) {
        ended.value = next.value;
        return;
      }
      yield next.value;
      wrote(next.value);
    }
  }
  const source = Readable.from(pieces());
  if (file === undefined) {
    await pipeline(source, process.stdout, { end: false });
  } else {
    const target = createWriteStream(file);
    try {
      await pipeline(source, target);
    } catch (error) {
      if (!target.pending) await rm(file, { force: true });
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
      refuse('file_not_writable', { file, reason: reasonOf(error) }, { cause: error });
    }
  }
  if (!('value' in ended)) throw new Error('the text ended before its maker did');
  return ended.value;
}
