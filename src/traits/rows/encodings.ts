import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';

/** Decodes pieces of a file in order; the last call is without `stream`. Throws a TypeError at bytes that are no text. */
export interface Decoder {
  decode(bytes: Buffer, options: { readonly stream: boolean }): string;
}

/**
 * The name of the encoding that a label means, as the Encoding Standard has it: `latin1` and `iso-8859-1` mean
 * `windows-1252`. Error: `import_unknown_encoding`.
 */
export function encodingNamed(label: string): string {
  try {
    return new TextDecoder(label.trim().toLowerCase()).encoding;
  } catch (error) {
    return refuse('import_unknown_encoding', { encoding: shown(label) }, { cause: error });
  }
}

/**
 * The encoding of a file that begins with these bytes. A byte order mark decides, then what was declared, then the zero
 * bytes that UTF-16 puts beside every ASCII character; everything else is UTF-8.
 */
export function encodingOf(head: Buffer, declared: string | undefined): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8';
  if (declared !== undefined) return encodingNamed(declared);
  if (head.length >= 4 && head[0] !== 0 && head[1] === 0 && head[2] !== 0 && head[3] === 0) return 'utf-16le';
  if (head.length >= 4 && head[0] === 0 && head[1] !== 0 && head[2] === 0 && head[3] !== 0) return 'utf-16be';
  return 'utf-8';
}

export function decoderOf(encoding: string): Decoder {
  return encoding === 'windows-1252' ? windows1252 : new TextDecoder(encoding, { fatal: true });
}

/** What 0x80 to 0x9f stand for; the five bytes without a character are controls, as in browsers. */
const upper = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Own, because Node's decoder of that name reads ISO 8859-1 in several versions, 20 among them. */
const windows1252: Decoder = {
  decode: (bytes) =>
    bytes
      .toString('latin1')
      .replace(/[\x80-\x9f]/g, (character) => upper[character.charCodeAt(0) - 0x80] ?? character),
};
