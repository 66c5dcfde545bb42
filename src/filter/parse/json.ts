import { shown } from './context.js';

/** What is wrong with a JSON text, and where. */
export interface JsonFault {
  readonly code: 'filter_not_json' | 'duplicate_key';
  /** In words; for a duplicate, the key. */
  readonly reason: string;
  /** Such as `line 3, column 14 (offset 52)`, counted from 1, the offset from 0 in UTF-16 units. */
  readonly position: string;
}

const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const scalar = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** One open object or list. Most objects of a filter have one key, so a set is made only for the second. */
interface Open {
  readonly close: '}' | ']';
  first: string | null;
  more: Set<string> | null;
}

/** Whether the key is new to the object; it is noted. */
function isNew(key: string, object: Open): boolean {
  if (object.first === null) {
    object.first = key;
    return true;
  }
  object.more ??= new Set([object.first]);
  if (object.more.has(key)) return false;
  object.more.add(key);
  return true;
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
    while (isWhitespace(json.charCodeAt(offset))) offset += 1;
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
      expected = top?.close === ']' ? 'value' : 'key';
    } else if (expected === 'colon' && character === ':') {
      offset += 1;
      expected = 'value';
    } else if (character === '"' && expected !== 'comma' && expected !== 'colon' && expected !== 'end') {
      const start = offset;
      const broken = skipText();
      if (broken !== null) return broken;
      if (expected === 'key' || expected === 'key or }') {
        const quoted = json.slice(start, offset);
        const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
        if (top !== undefined && !isNew(key, top)) {
          return { code: 'duplicate_key', reason: shown(key), position: positionOf(json, start) };
        }
        expected = 'colon';
      } else {
        expected = afterValue();
      }
    } else if (expected === 'value' || expected === 'value or ]') {
      if (character === '{' || character === '[') {
        offset += 1;
        open.push({ close: character === '{' ? '}' : ']', first: null, more: null });
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
      while (isPlain(json.charCodeAt(offset))) offset += 1;
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

function isWhitespace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** Whether text in quotes may hold it unescaped: all from the space on, but for the quote and the backslash. */
function isPlain(unit: number): boolean {
  return unit >= 0x20 && unit !== 0x22 && unit !== 0x5c;
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
