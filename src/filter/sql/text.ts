import { refuse } from '../../errors/index.js';
import type { TextMatch, TextOperator } from '../tree.js';
import type { Condition } from './condition.js';
import { all, atom, nobody } from './condition.js';
import { columnIndex, textIndex } from './indexes.js';
import type { Scope } from './scope.js';
import { foldedText, isText, textOfJson } from './scope.js';

/** No function here knows wildcards. Each is true for the empty text. */
export const textMatches: Readonly<Record<TextOperator, (text: string, value: string) => string>> = {
  contains: (text, value) => `strpos(${text}, ${value}) > 0`,
  starts_with: (text, value) => `starts_with(${text}, ${value})`,
  ends_with: (text, value) => `right(${text}, length(${value})) = ${value}`,
  matches: () => refuse('page_only', { name: 'matches' }),
};

/** `contains` `starts_with` `ends_with`. Missing, null and what is not a text: never true. */
export function textMatch(node: TextMatch, scope: Scope): Condition {
  const { field, lower } = node.subject;
  if (field.kind === 'derived' || (field.kind === 'column' && field.type !== 'text')) return nobody;
  const value = `${scope.parameters.bind(node.text)}::text`;
  const isColumn = field.kind === 'column';
  const text = foldedText(isColumn ? `${scope.row}.${field.name}` : textOfJson(scope.row, field), lower);
  const match = atom(textMatches[node.operator](text, value));
  // The guard stands last: conditions of one cost run as they are written, and it is needed only where the text matches.
  const guard = isColumn ? [] : [atom(isText(scope.row, field))];
  const parts = [match];
  const next = node.operator === 'starts_with' ? textAfter(node.text) : null;
  if (next !== null) {
    const end = scope.parameters.bind(next);
    const indexes = isColumn
      ? columnIndex(scope.entity, lower ? `lower(${field.name})` : field.name)
      : textIndex(field, lower);
    parts.push({
      text: `${text} >= ${value} COLLATE "C" AND ${text} < ${end}::text COLLATE "C"`,
      joint: 'and',
      indexes,
    });
  }
  return all([...parts, ...guard]);
}

/** The least text after every text that starts with this one, by code point, or null: it makes a prefix a range, which an index serves. */
function textAfter(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // The code points of surrogates are no characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
