import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { refuse } from '../../errors/index.js';

export type ImportFormat = 'csv' | 'tsv' | 'ndjson';

const formats: ReadonlyMap<string, ImportFormat> = new Map([
  ['.csv', 'csv'],
  ['.tsv', 'tsv'],
  ['.tab', 'tsv'],
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
]);

/** A file that is read twice and must not change in between. */
export interface Source {
  readonly path: string;
  /** The name for messages; never the whole path of a server's folder. */
  readonly name: string;
  readonly format: ImportFormat;
  /** Bytes. */
  readonly size: number;
  readonly changedAt: number;
}

/** Errors: `import_unreadable`, `import_format`, `import_empty`. */
export async function openSource(path: string, format?: ImportFormat): Promise<Source> {
  const name = basename(path);
  const found = await lookAt(path, name);
  const known = format ?? formats.get(extname(path).toLowerCase());
  if (known === undefined) return refuse('import_format', { file: name });
  if (found.size === 0) return refuse('import_empty', { file: name });
  return { path, name, format: known, ...found };
}

async function lookAt(path: string, name: string): Promise<{ size: number; changedAt: number }> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return refuse('import_unreadable', { file: name, reason: 'it is a folder' });
    // It is read twice, which a pipe or a device cannot be.
    if (!found.isFile())
      return refuse('import_unreadable', { file: name, reason: 'it is not a regular file' });
    await access(path, constants.R_OK);
    return { size: found.size, changedAt: found.mtimeMs };
  } catch (error) {
    return refuseFile('import_unreadable', name, error);
  }
}

/** Refuses when the file is no longer what the first pass read. Error: `import_changed`. */
export async function checkUnchanged(source: Source): Promise<void> {
  const { size, changedAt } = await lookAt(source.path, source.name);
  if (size !== source.size || changedAt !== source.changedAt) refuse('import_changed', { file: source.name });
}

/** Refuses before anything is loaded when rejected rows could not be kept. Error: `import_rejects_unwritable`. */
export async function checkRejectsPath(path: string, source: Source): Promise<void> {
  const file = basename(path);
  if (resolve(path) === resolve(source.path)) {
    refuse('import_rejects_unwritable', { file, reason: 'it is the file being imported' });
  }
  try {
    await access(dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    refuseFile('import_rejects_unwritable', file, error);
  }
}

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'this account may not use it'],
  ['EPERM', 'this account may not use it'],
  ['EROFS', 'the disk is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['ENOSPC', 'the disk is full'],
  ['ERR_INVALID_ARG_VALUE', 'the path holds the character NUL'],
]);

/** Turns an error of the file system into a refusal; passes everything else on. */
export function refuseFile(
  code: 'import_unreadable' | 'import_rejects_unwritable',
  file: string,
  error: unknown,
): never {
  const cause = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const reason = reasons.get(cause);
  if (reason === undefined) throw error;
  return refuse(code, { file, reason }, { cause: error });
}

const chunkBytes = 262_144;

/**
 * The file's bytes in order, refused at the first that are not UTF-8: a letter replaced by U+FFFD could not be told
 * from one that was sent. A byte order mark is left out. Error: `import_encoding`.
 */
export async function* utf8Chunks(source: Source): AsyncGenerator<Buffer> {
  let position = 0;
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(source.path, { highWaterMark: chunkBytes })) {
      const read: unknown = chunk;
      if (!Buffer.isBuffer(read)) throw new TypeError('a file is read as bytes');
      let bytes = held.length === 0 ? read : Buffer.concat([held, read]);
      const cut = wholeCharacters(bytes);
      held = bytes.subarray(cut);
      bytes = bytes.subarray(0, cut);
      if (!isUtf8(bytes))
        refuse('import_encoding', { file: source.name, position: faultIn(bytes, position) });
      yield position === 0 ? withoutMark(bytes) : bytes;
      position += bytes.length;
    }
  } catch (error) {
    refuseFile('import_unreadable', source.name, error);
  }
  if (held.length > 0) refuse('import_encoding', { file: source.name, position });
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
