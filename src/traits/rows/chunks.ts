import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { refuse } from '../../errors/index.js';
import { decoderOf } from './encodings.js';
import { refuseFile } from './source.js';
import type { Source } from './source.js';

/** A piece is read in one go, and its rows with it: small rows that are all refused take 50 ms then. */
const chunkBytes = 65_536;

/** A piece of a file as UTF-8, and the bytes of the file that are read with it. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly read: number;
}

/**
 * The file in order as UTF-8, without a byte order mark. It is refused at the first bytes that are no text of its
 * encoding: a letter replaced by U+FFFD could not be told from one that was sent. Error: `import_encoding`.
 */
export async function* utf8Chunks(source: Source, encoding: string): AsyncGenerator<Chunk> {
  const chunks = encoding === 'utf-8' ? checked(source) : decoded(source, encoding);
  let first = true;
  for await (const { bytes, read } of chunks) {
    yield { bytes: first ? withoutMark(bytes) : bytes, read };
    if (bytes.length > 0) first = false;
  }
}

async function* pieces(source: Source): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(source.path, { highWaterMark: chunkBytes })) {
      const read: unknown = chunk;
      if (!Buffer.isBuffer(read)) throw new TypeError('a file is read as bytes');
      yield read;
    }
  } catch (error) {
    refuseFile('import_unreadable', source.name, error);
  }
}

async function* checked(source: Source): AsyncGenerator<Chunk> {
  let position = 0;
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of pieces(source)) {
    let bytes = held.length === 0 ? piece : Buffer.concat([held, piece]);
    const cut = wholeCharacters(bytes);
    held = bytes.subarray(cut);
    bytes = bytes.subarray(0, cut);
    if (!isUtf8(bytes)) refuseBytes(source, 'utf-8', faultIn(bytes, position));
    position += bytes.length;
    yield { bytes, read: position };
  }
  if (held.length > 0) refuseBytes(source, 'utf-8', position);
}

async function* decoded(source: Source, encoding: string): AsyncGenerator<Chunk> {
  const decoder = decoderOf(encoding);
  let read = 0;
  const decode = (bytes: Buffer, stream: boolean): Buffer => {
    try {
      return Buffer.from(decoder.decode(bytes, { stream }), 'utf8');
    } catch (error) {
      if (error instanceof TypeError) return refuseBytes(source, encoding, read);
      throw error;
    }
  };
  for await (const piece of pieces(source)) {
    const bytes = decode(piece, true);
    read += piece.length;
    yield { bytes, read };
  }
  yield { bytes: decode(Buffer.alloc(0), false), read };
}

function refuseBytes(source: Source, encoding: string, position: number): never {
  return refuse('import_encoding', { file: source.name, encoding: encoding.toUpperCase(), position });
}

/** Bytes before the character that the end cuts in two; all of them when it does not. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? bytes.length - back : bytes.length;
    }
    if (byte < 0x80) break;
  }
  return bytes.length;
}

function faultIn(bytes: Buffer, position: number): number {
  const stride = 64;
  for (let at = 0; at < bytes.length; at += stride) {
    const end = at + stride >= bytes.length ? bytes.length : wholeCharacters(bytes.subarray(0, at + stride));
    if (!isUtf8(bytes.subarray(0, end))) return position + at;
  }
  return position;
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
