import { styleText } from 'node:util';
import { visible } from '../filter/visible.js';

type Style = Parameters<typeof styleText>[0];
type Stream = NodeJS.WriteStream;

/** Writes to one of the two standard streams; colours only where a person reads it (and not with NO_COLOR). */
export interface Printer {
  /** Whether a person reads this stream. */
  readonly interactive: boolean;
  /** Characters a line, for layouts. */
  readonly width: number;
  readonly line: (text?: string) => void;
  readonly write: (text: string) => void;
  readonly style: (style: Style, text: string) => string;
}

/** Results. */
export const out: Printer = printerOn(process.stdout);
/** Everything else: progress, notes and errors. */
export const err: Printer = printerOn(process.stderr);

function printerOn(stream: Stream): Printer {
  // A reader that stops early, such as `head`, is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // Asked here, because Node 20 colours a list of styles on any stream.
  const coloured = stream.isTTY && stream.hasColors();
  return {
    interactive: stream.isTTY,
    width: stream.isTTY ? Math.max(40, stream.columns) : 100,
    line: (text = '') => void stream.write(`${text}\n`),
    write: (text) => void stream.write(text),
    style: (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** Stored text made safe to print: control and direction characters, which could repaint a terminal, are spelt out. */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as JSON, safe to print, with what cannot be seen in it as escapes. */
export function shown(value: unknown): string {
  return plain(visible(JSON.stringify(value) ?? 'nothing'));
}

export function number(value: number): string {
  return value.toLocaleString('en-US');
}

export function people(count: number): string {
  return count === 1 ? '1 person' : `${number(count)} people`;
}

export function rowsOf(count: number): string {
  return count === 1 ? '1 row' : `${number(count)} rows`;
}

/** `840 ms`, `2.4 s`. */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Rows as aligned columns; the last column is not padded. `right` lists the columns of numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
        if (right.includes(column)) return gap + cell;
        return column === row.length - 1 ? cell : cell + gap;
      })
      .join('   '),
  );
}

/** Cuts a line to the width, with an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of letters.segment(text)) {
    used += letterWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });
const wide =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u;

/** Columns that a terminal gives to the text. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of letters.segment(text)) width += letterWidth(segment);
  return width;
}

function letterWidth(letter: string): number {
  return wide.test(letter) ? 2 : 1;
}
