import { open } from 'node:fs/promises';
import { refuse } from '../../errors/index.js';
import { decoderOf, encodingOf } from './encodings.js';
import { formatOf, refuseFile } from './source.js';
import type { FileFormat, Source } from './source.js';

/** What is known of a file before it is read; what is left out is detected. */
export interface FileHints {
  readonly format?: FileFormat | undefined;
  /** One character, or `comma`, `semicolon`, `tab`, `pipe`. */
  readonly delimiter?: string | undefined;
  /** A label of the Encoding Standard, such as `windows-1252`. A byte order mark wins over it. */
  readonly encoding?: string | undefined;
}

export interface Detected {
  /** `values`: JSON values one after another, each over any number of lines, or one list of them. */
  readonly shape: 'delimited' | 'lines' | 'values';
  readonly format: FileFormat;
  readonly encoding: string;
  /** Null where the file is JSON. */
  readonly delimiter: string | null;
  /** Bytes of a `sep=` line in UTF-8, which is not part of the table; 0 where there is none. */
  readonly preamble: number;
  /** Whether lines below the first have more cells than it: it is a title and no header. */
  readonly titled: boolean;
}

const headBytes = 65_536;

/** What a file of rejects begins with. It comes back with the options of the file that its rows are from. */
export const rejectsMark = 'muster:line';
const rejects = new RegExp(`^${rejectsMark}([,;\\t|])`);

/** Looks at the beginning of a file. Errors: `import_unreadable` `import_unknown_encoding` `import_bad_delimiter` `import_not_text`. */
export async function detect(source: Source, hints: FileHints): Promise<Detected> {
  const head = await headOf(source);
  refuseBinary(head, source);
  const encoding = encodingOf(head, hints.encoding);
  const text = textOf(head, encoding);
  const separator = rejects.exec(text)?.[1];
  if (separator !== undefined) return table(encoding, separator);
  const asked = hints.format ?? formatOf(source.path);
  const shape = shapeOf(text, asked);
  if (shape !== 'delimited') {
    const format = shape === 'lines' ? 'ndjson' : 'json';
    return { shape, format, encoding, delimiter: null, preamble: 0, titled: false };
  }
  const sep = /^"?sep=([^\r\n])"?[ \t,;|]*(?:\r\n|\n|\r)/i.exec(text);
  const preamble = sep?.[0] ?? '';
  const usual = asked === 'tsv' ? '\t' : ',';
  const { delimiter, titled } = sniff(text.slice(preamble.length), usual);
  const chosen = hints.delimiter === undefined ? (sep?.[1] ?? delimiter) : delimiterNamed(hints.delimiter);
  return table(encoding, chosen, Buffer.byteLength(preamble), titled);
}

function table(encoding: string, delimiter: string, preamble = 0, titled = false): Detected {
  const format = delimiter === '\t' ? 'tsv' : 'csv';
  return { shape: 'delimited', format, encoding, delimiter, preamble, titled };
}

async function headOf(source: Source): Promise<Buffer> {
  try {
    const file = await open(source.path);
    try {
      const head = Buffer.alloc(Math.min(headBytes, source.size));
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      return head.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return refuseFile('import_unreadable', source.name, error);
  }
}

/** The beginnings of files that people send as if they were tables, and what to do with each. */
const binaries: readonly (readonly [string, string, string])[] = [
  [
    '504b0304',
    'an Excel workbook or another zip archive',
    'save the sheet as "CSV UTF-8" and import that file',
  ],
  ['d0cf11e0', 'an old Excel workbook', 'save the sheet as "CSV UTF-8" and import that file'],
  ['1f8b', 'compressed with gzip', 'unpack it first, for example with `gunzip`'],
  ['25504446', 'a PDF', 'export the table as CSV and import that file'],
];

function refuseBinary(head: Buffer, source: Source): void {
  // What a copy leaves behind that reserved the room and was cut off.
  if (head.length > 0 && head.every((byte) => byte === 0)) {
    const hint =
      'its first 64 KiB hold nothing but zero bytes, as of a copy that broke off; export or copy the file again';
    refuse('import_not_text', { file: source.name, what: 'bytes that are all zero' }, { hint });
  }
  const start = head.subarray(0, 4).toString('hex');
  const found = binaries.find(([magic]) => start.startsWith(magic));
  if (found === undefined) return;
  const [, what, hint] = found;
  refuse('import_not_text', { file: source.name, what }, { hint });
}

function textOf(head: Buffer, encoding: string): string {
  // The end may cut a character in two, and bytes that are no text are found by the reading itself.
  const text =
    encoding === 'windows-1252'
      ? decoderOf(encoding).decode(head, { stream: false })
      : new TextDecoder(encoding).decode(head);
  return text.replace(/^\ufeff/, '');
}

function shapeOf(text: string, format: FileFormat | undefined): Detected['shape'] {
  if (format === 'csv' || format === 'tsv') return 'delimited';
  const start = text.trimStart();
  const line = firstLine(start);
  if (start.startsWith('[') && (format !== 'ndjson' || !parses(line))) return 'values';
  // A line that opens an object and no more is what formatted JSON begins with.
  if (line.trim() === '{' || (format === 'json' && !parses(line))) return 'values';
  return format !== undefined || start.startsWith('{') ? 'lines' : 'delimited';
}

function firstLine(text: string): string {
  return text.split(/\r\n|\n|\r/, 1)[0] ?? '';
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const names: ReadonlyMap<string, string> = new Map([
  ['comma', ','],
  ['semicolon', ';'],
  ['tab', '\t'],
  ['\\t', '\t'],
  ['pipe', '|'],
]);

function delimiterNamed(text: string): string {
  const delimiter = names.get(text.toLowerCase()) ?? text;
  if (delimiter.length === 1 && !/["\r\n\w]/.test(delimiter)) return delimiter;
  return refuse('import_bad_delimiter', { delimiter: text });
}

const candidates = [',', ';', '\t', '|'] as const;
const linesLookedAt = 50;

/**
 * The separator under which the lines agree best with the first one. Quoted cells may hold any of them. Where none occurs
 * in the first line the usual one stands, and the file has one column.
 */
function sniff(text: string, usual: string): { delimiter: string; titled: boolean } {
  let best = { delimiter: usual, score: 0, width: 1 };
  let titled = false;
  for (const delimiter of [usual, ...candidates]) {
    const [first = 1, ...widths] = widthsOf(text, delimiter);
    const most = widths.filter((width) => width > 1 && width === widths[0]).length;
    if (first <= 1) {
      titled ||= most >= 1 && most === widths.length;
      continue;
    }
    const agreeing = widths.filter((width) => width === first).length;
    const score = widths.length === 0 ? 1 : agreeing / widths.length;
    const better = score > best.score || (score === best.score && first > best.width);
    if (better || best.width === 1) best = { delimiter, score, width: first };
  }
  return { delimiter: best.delimiter, titled: titled && best.width === 1 };
}

/**
 * How many cells each of the first lines has, blank lines left out; 0 where a quote stands inside a cell, which the right
 * separator rarely leaves. The last line may be cut and does not count.
 */
function widthsOf(text: string, delimiter: string): number[] {
  const widths: number[] = [];
  let line = newLine();
  let quoted = false;
  const finish = (): void => {
    if (!line.blank) widths.push(line.stray ? 0 : line.width);
    line = newLine();
  };
  for (let at = 0; at < text.length && widths.length < linesLookedAt; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character !== '"') continue;
      if (text[at + 1] === '"') at += 1;
      else quoted = false;
      continue;
    }
    if (character === '\n' || character === '\r') {
      finish();
      continue;
    }
    line.blank = false;
    if (character === delimiter) {
      line.width += 1;
      line.begins = true;
    } else if (character === '"') {
      if (line.begins) quoted = true;
      else line.stray = true;
      line.begins = false;
    } else if (character !== ' ') {
      line.begins = false;
    }
  }
  const isWhole = text.length < headBytes / 4;
  if (isWhole || widths.length === 0) finish();
  return widths;
}

interface Line {
  width: number;
  blank: boolean;
  stray: boolean;
  /** Whether a cell begins here. */
  begins: boolean;
}

function newLine(): Line {
  return { width: 1, blank: true, stray: false, begins: true };
}
