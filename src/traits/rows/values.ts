import { refuse } from '../../errors/index.js';
import { utf8Chunks } from './chunks.js';
import { Held } from './lines.js';
import type { JsonReading } from './lines.js';

const [newline, quote, backslash, comma] = [10, 34, 92, 44];
const isSpace = (byte: number): boolean => byte === 32 || byte === 9 || byte === 13 || byte === newline;
const isOpening = (byte: number): boolean => byte === 123 || byte === 91;
const isClosing = (byte: number): boolean => byte === 125 || byte === 93;

interface State {
  list: 'none' | 'open' | 'closed';
  /** What may come next between items. */
  next: 'first' | 'item' | 'comma';
  found: boolean;
}

/**
 * Reads JSON values one after another, or the items of one list, whatever their line breaks. Only brackets, quotes and
 * commas are looked at, so that one item is in memory at a time; whether an item is JSON is for who gets it to see.
 *
 * Error: `import_malformed` where brackets or commas are missing or too many, at which no item after can be trusted.
 */
export async function* readValues({ source, encoding, onItem }: JsonReading): AsyncGenerator<number> {
  const held = new Held();
  let line = 1;
  let begins = 1;
  /** Brackets open inside the item. */
  let depth = 0;
  let inText = false;
  let escaped = false;
  const state: State = { list: 'none', next: 'first', found: false };

  const refuseHere = (reason: string): never =>
    refuse('import_malformed', { file: source.name, line, reason }, { hint: malformedHint });
  const finish = (): void => {
    onItem(begins, held.take());
    state.found = true;
    state.next = 'comma';
  };
  /** A byte between items. Whether an item begins with it. */
  const between = (byte: number): boolean => {
    if (isSpace(byte)) return false;
    if (state.list === 'closed') return refuseHere('something follows the end of the list');
    if (byte === 91 && state.list === 'none' && !state.found) {
      state.list = 'open';
      return false;
    }
    if (byte === comma) {
      if (state.list === 'none' || state.next !== 'comma') refuseHere('a comma stands where an item should');
      state.next = 'item';
      return false;
    }
    if (byte === 93 && state.list === 'open') {
      if (state.next === 'item') refuseHere('a comma stands before the end of the list');
      state.list = 'closed';
      return false;
    }
    if (isClosing(byte)) refuseHere('a bracket is closed that was not opened');
    if (state.list === 'open' && state.next === 'comma') refuseHere('a comma is missing between two items');
    return true;
  };

  for await (const { bytes, read } of utf8Chunks(source, encoding)) {
    /** Where the item that is being read goes on in this piece, or -1 between items. */
    let from = held.empty ? -1 : 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === newline) line += 1;
      if (from === -1) {
        if (!between(byte)) continue;
        begins = line;
        from = at;
      }
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inText = false;
        continue;
      }
      if (byte === quote) inText = true;
      else if (isOpening(byte)) depth += 1;
      else if (isClosing(byte) && depth > 0) {
        depth -= 1;
        if (depth > 0) continue;
        held.hold(bytes.subarray(from, at + 1));
        from = -1;
        finish();
      } else if (depth === 0 && (byte === comma || isSpace(byte) || isClosing(byte))) {
        // The end of a number, a word or a text, which is none of its own.
        held.hold(bytes.subarray(from, at));
        from = -1;
        finish();
        between(byte);
      }
    }
    if (from !== -1) held.hold(bytes.subarray(from));
    yield read;
  }
  if (!held.empty && depth === 0 && !inText) finish();
  if (!held.empty || state.list === 'open')
    refuseHere('the file ends in the middle of an item or of the list');
  yield source.size;
  if (!state.found) refuse('import_empty', { file: source.name });
}

const malformedHint =
  'check the brackets and commas there; a list is [{...}, {...}], and NDJSON has one object a line';
