import { shown } from './context.js';

/** What is wrong with a JSON text, and where. */
export interface JsonFault {
  readonly code: 'filter_not_json' | 'duplicate_key';
  /** In words; for a duplicate, the key. */
  readonly reason: string;
  /** Such as `line 3, column 14 (offset 52)`, counted from 1, the offset from 0 in UTF-16 units. */
  readonly position: string;
}

const whitespace = /[ \t\n\r]*/y;
/** Everything from the space on, except the quote and the backslash. */
const plainText = /[ !#-[\]-\uffff]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const scalar = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** One open object or list; `keys` is null for a list. */
interface Open {
  readonly close: '}' | ']';
  readonly keys: Set<string> | null;
}

type Expectation = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma' | 'end';

const names: Readonly<Record<Expectation, string>> = {
  value: 'expected a value',
  'value or ]': 'expected a value or `]`',
  key: 'expected a key in double quotes',
  'key or }': 'expected a key in double quotes or `}`',
  colon: 'expected `:`',
  comma: 'expected `,` or a closing bracket',
  end: 'expected nothing more',
};

/**
 * Checks a JSON text (RFC 8259) for what `JSON.parse` does not tell: the place of the first fault in every version of
 * the runtime, and keys that stand twice. Without recursion, in one pass.
 */
export function jsonFault(json: string): JsonFault | null {
  const open: Open[] = [];
  let expected: Expectation = 'value';
  let offset = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = offset;
    const found = pattern.exec(json)?.[0] ?? '';
    offset += found.length;
    return found;
  };
  const fault = (reason: string, at = offset): JsonFault => ({
    code: 'filter_not_json',
    reason,
    position: positionOf(json, at),
  });
  const afterValue = (): Expectation => (open.length === 0 ? 'end' : 'comma');

  for (;;) {
    skip(whitespace);
    const character = json[offset];
    if (character === undefined) {
      return expected === 'end' ? null : fault(`the text ends, ${names[expected]}`);
    }
    const top = open.at(-1);
    const mayClose =
      expected === 'comma' || (expected === 'key or }' && character === '}') || expected === 'value or ]';
    if (top !== undefined && mayClose && character === top.close) {
      offset += 1;
      open.pop();
      expected = afterValue();
    } else if (expected === 'comma' && character === ',') {
      offset += 1;
      expected = top?.keys === null ? 'value' : 'key';
    } else if (expected === 'colon' && character === ':') {
      offset += 1;
      expected = 'value';
    } else if (character === '"' && expected !== 'comma' && expected !== 'colon' && expected !== 'end') {
      const start = offset;
      const broken = skipText();
      if (broken !== null) return broken;
      if (expected === 'key' || expected === 'key or }') {
        const key = String(JSON.parse(json.slice(start, offset)));
        if (top?.keys?.has(key) === true) {
          return { code: 'duplicate_key', reason: shown(key), position: positionOf(json, start) };
        }
        top?.keys?.add(key);
        expected = 'colon';
      } else {
        expected = afterValue();
      }
    } else if (expected === 'value' || expected === 'value or ]') {
      if (character === '{' || character === '[') {
        offset += 1;
        open.push(character === '{' ? { close: '}', keys: new Set() } : { close: ']', keys: null });
        expected = character === '{' ? 'key or }' : 'value or ]';
      } else if (skip(scalar) === '') {
        return fault(`${names[expected]}, but got \`${shown(character)}\``);
      } else {
        expected = afterValue();
      }
    } else {
      return fault(`${names[expected]}, but got \`${shown(character)}\``);
    }
  }

  function skipText(): JsonFault | null {
    const start = offset;
    offset += 1;
    for (;;) {
      skip(plainText);
      const character = json[offset];
      if (character === '"') {
        offset += 1;
        return null;
      }
      if (character === undefined) return fault('the text in quotes is never closed', start);
      if (character !== '\\') return fault('a control character must be escaped in text');
      if (skip(escape) === '') return fault('the escape is none that JSON has');
    }
  }
}

function positionOf(json: string, offset: number): string {
  let line = 1;
  let start = 0;
  for (let at = json.indexOf('\n'); at !== -1 && at < offset; at = json.indexOf('\n', start)) {
    line += 1;
    start = at + 1;
  }
  return `line ${line}, column ${offset - start + 1} (offset ${offset})`;
}
