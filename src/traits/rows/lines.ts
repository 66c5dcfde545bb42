import { refuse } from '../../errors/index.js';
import { utf8Chunks } from './chunks.js';
import type { Source } from './source.js';

/** Bytes of one line or value; far beyond what the traits of one person may have. */
export const itemLimit = 1_048_576;

export interface JsonReading {
  readonly source: Source;
  readonly encoding: string;
  /** Gets the text of every item with the line it begins on; null in place of one that is too long to hold. */
  readonly onItem: (line: number, text: string | null) => void;
}

/** Collects the pieces of one item, and lets go of one that is too long. */
export class Held {
  #parts: Buffer[] = [];
  #bytes = 0;

  get empty(): boolean {
    return this.#bytes === 0;
  }

  hold(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= itemLimit) this.#parts.push(part);
    else this.#parts = [];
  }

  take(): string | null {
    const text = this.#bytes > itemLimit ? null : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }
}

/** Reads a file line by line, blank lines left out, as `readDelimited` does. */
export async function* readLines({ source, encoding, onItem }: JsonReading): AsyncGenerator<number> {
  const held = new Held();
  let line = 1;
  let found = false;
  const finish = (): void => {
    const text = held.take();
    if (text === null || text.trim() !== '') {
      found = true;
      onItem(line, text);
    }
    line += 1;
  };
  for await (const { bytes, read } of utf8Chunks(source, encoding)) {
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      held.hold(bytes.subarray(from, at));
      finish();
      from = at + 1;
    }
    if (from < bytes.length) held.hold(bytes.subarray(from));
    yield read;
  }
  if (!held.empty) finish();
  yield source.size;
  if (!found) refuse('import_empty', { file: source.name });
}
