import type { TextMatch, TextOperator } from '../tree.js';
import type { Condition } from './condition.js';
import { all, atom, nobody } from './condition.js';
import type { Scope } from './scope.js';
import { foldedText, isText, textOfJson } from './scope.js';

/** No function here knows wildcards. Each is true for the empty text. */
const matches: Readonly<Record<TextOperator, (text: string, value: string) => string>> = {
  contains: (text, value) => `strpos(${text}, ${value}) > 0`,
  starts_with: (text, value) => `starts_with(${text}, ${value})`,
  ends_with: (text, value) => `right(${text}, length(${value})) = ${value}`,
};

/** `contains` `starts_with` `ends_with`. Missing, null and what is not a text: never true. */
export function textMatch(node: TextMatch, scope: Scope): Condition {
  const { field, lower } = node.subject;
  if (field.kind === 'derived' || (field.kind === 'column' && field.type !== 'text')) return nobody;
  const value = `${scope.parameters.bind(node.text)}::text`;
  const match = matches[node.operator];
  if (field.kind === 'column') return atom(match(foldedText(`${scope.row}.${field.name}`, lower), value));
  const text = foldedText(textOfJson(scope.row, field), lower);
  return all([atom(isText(scope.row, field)), atom(match(text, value))]);
}
