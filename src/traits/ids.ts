import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { described, shown } from '../filter/parse/context.js';
import { textFault } from './json.js';
import { traitLimits } from './known-traits.js';

/** An id without the blanks around it, no-break spaces included: how it is stored, and what a signature is about. */
export function trimmedId(id: string): string {
  return id.trim();
}

/**
 * Texts that programs write for a value that is not there. People who share such an id would become one person. `0`,
 * `true` and `anonymous` are ids like any other: products have accounts of these names. The browser script
 * refuses most of them itself (`src/sdk/values.ts`).
 */
const missingValue = /^(?:undefined|null|nan|none|nil|n\/a|#n\/a|\[object [a-z]+\])$/i;
/** Parts of a template that was never rendered, of the usual template languages. */
const unrendered = /\{\{.*\}\}|[$#]\{.*\}|<%.*%>|\{%.*%\}/s;

/**
 * Checks a `user_id`, `anonymous_id` or `company_id` under which something is to be stored: text of 1 to 512 bytes. `under`
 * is the pointer of the object that holds it. Errors: `bad_user_id`, `id_missing_value`.
 *
 * @returns the trimmed id, under which it is stored; empty where it was refused
 */
export function collectId(key: string, value: unknown, problems: Problem[], under = ''): string {
  const id = typeof value === 'string' ? trimmedId(value) : value;
  if (!isStorable(key, id, problems, under)) return '';
  const path = `${under}/${key}`;
  if (missingValue.test(id) || unrendered.test(id)) {
    problems.push(problem('id_missing_value', { key, got: shown(id) }, { path }));
    return '';
  }
  if (id === '.' || id === '..') {
    const expected = 'an id that can stand in an address';
    const hint = 'no address can hold this id, because `.` and `..` name folders there; send another one';
    problems.push(problem('bad_user_id', { key, expected, got: `\`${id}\`` }, { path, hint }));
    return '';
  }
  return id;
}

/**
 * Checks an id by which somebody is looked up: any that may ever have been stored, so that who came in under an id that is
 * refused by now can still be read, suppressed and erased. Error: `bad_user_id`.
 */
export function collectKnownId(key: string, value: unknown, problems: Problem[], under = ''): void {
  isStorable(key, value, problems, under);
}

function isStorable(key: string, value: unknown, problems: Problem[], under: string): value is string {
  const got = faultOf(value);
  if (got === null) return true;
  const expected = `text of 1 to ${traitLimits.idBytes} bytes`;
  problems.push(problem('bad_user_id', { key, expected, got }, { path: `${under}/${key}` }));
  return false;
}

function faultOf(value: unknown): string | null {
  if (typeof value !== 'string') return described(value);
  if (value === '') return 'an empty text';
  const fault = textFault(value);
  if (fault !== null) return `a text with ${fault}`;
  const count = Buffer.byteLength(value);
  return count > traitLimits.idBytes ? `${count} bytes` : null;
}
