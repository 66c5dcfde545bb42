import { access, constants, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';

/** `csv` and `tsv` are one format with another usual separator; `json` is a list of objects. */
export const fileFormats = ['csv', 'tsv', 'ndjson', 'json'] as const;
export type FileFormat = (typeof fileFormats)[number];

const formats: ReadonlyMap<string, FileFormat> = new Map([
  ['.csv', 'csv'],
  ['.txt', 'csv'],
  ['.tsv', 'tsv'],
  ['.tab', 'tsv'],
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
  ['.json', 'json'],
]);

/** The format that a file's name tells, or undefined. */
export function formatOf(name: string): FileFormat | undefined {
  return formats.get(extname(name).toLowerCase());
}

/** A file that is read twice and must not change in between. */
export interface Source {
  readonly path: string;
  /** How messages call it: its name in backticks, or words where the caller had no file. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly changedAt: number;
}

/**
 * @param given how messages call the file; default its name without the folder, and its path where it cannot be read
 *
 * Errors: `import_unreadable`, `import_empty`.
 */
export async function openSource(path: string, given?: string): Promise<Source> {
  const found = await lookAt(path, given ?? `\`${shown(path)}\``);
  const name = given ?? `\`${shown(basename(path))}\``;
  if (found.size === 0) return refuse('import_empty', { file: name });
  return { path, name, ...found };
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
  ['ENAMETOOLONG', 'its name is longer than the system allows'],
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
  if (!(error instanceof Error) || !('code' in error)) throw error;
  // The system's own refusals have the call that failed; what else went wrong is none of the file's doing.
  const reason = reasons.get(error.code) ?? ('syscall' in error ? error.message : undefined);
  if (reason === undefined) throw error;
  return refuse(code, { file, reason }, { cause: error });
}
