import type { TextMatch } from '../../tree.js';
import { foldAscii } from '../../values.js';
import { signupOf } from '../days.js';
import { textMatches } from '../text.js';
import { codeOf, firstOf } from './case.js';
import { byType, lookAt } from './custom.js';
import type { Looks } from './looks.js';

/** Why `contains` `starts_with` `ends_with` holds or does not. */
export function reasonOfTextMatch({ operator, subject, text }: TextMatch, looks: Looks): string {
  const { field, lower } = subject;
  const { row, parameters } = looks.rowOf(field.entity);
  const holds = (value: string, part: string): string =>
    textMatches[operator](value, `${parameters.bind(part)}::text`);
  const told = (seen: string): string => {
    const folded = `lower(${seen} COLLATE "C")`;
    return firstOf(
      [
        [holds(lower ? folded : seen, text), codeOf('matched')],
        [holds(folded, foldAscii(text)), codeOf('case_mismatch')],
      ],
      codeOf('different'),
    );
  };
  if (field.kind === 'custom') {
    const look = lookAt(field, looks);
    return byType(look, { string: told(look.text()) });
  }
  const value = looks.at(
    field.kind === 'column' ? `${row}.${field.name}` : signupOf(looks.rowOf(field.entity)),
  );
  const answer = field.kind === 'column' && field.type === 'text' ? told(value) : codeOf('type_mismatch');
  return firstOf([[`${value} IS NULL`, codeOf('missing')]], answer);
}
