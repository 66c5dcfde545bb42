import type { CustomField } from '../../fields.js';
import { jsonIn, textOfJson } from '../scope.js';
import { codeOf, firstOf } from './case.js';
import type { Looks } from './looks.js';

/** A custom field as the next step finds it. What nothing asks for is not read. */
export interface CustomLook {
  /** The value as text; NULL where it is missing, which JSON null is too. */
  readonly text: () => string;
  /** The value as jsonb; NULL or JSON null where it is missing. */
  readonly json: () => string;
  /** The same, looked up only where somebody gets so far: most texts are done before. */
  readonly rareJson: () => string;
  /** The instant that is written in it, or NULL. */
  readonly instant: () => string;
}

export function lookAt(field: CustomField, looks: Looks): CustomLook {
  const { row } = looks.rowOf(field.entity);
  const bag = `${row}.custom_fields`;
  return {
    text: () => looks.at(textOfJson(row, field)),
    json: () => looks.at(jsonIn(bag, field)),
    rareJson: () => jsonIn(looks.at(bag), field),
    instant: () => looks.at(`muster_time${jsonIn(bag, field)}`),
  };
}

/** What is told of a value, by its JSON type; of every other type it is a mismatch. */
export interface ByType {
  readonly string?: string;
  readonly number?: string;
  readonly boolean?: string;
  readonly array?: string;
}

export function byType({ text, json, rareJson }: CustomLook, told: ByType): string {
  const mismatch = codeOf('type_mismatch');
  const types = Object.entries(told);
  if (types.length === 1 && told.string !== undefined) {
    // The text of a number, boolean, list or object begins in one of few ways. Any other text was a text.
    const seen = text();
    const initial = `ascii(${seen})`;
    const perhaps = `(${initial} < 58 OR ${initial} = 91 OR ${initial} = 123 OR ${seen} = 'true' OR ${seen} = 'false')`;
    return firstOf(
      [
        [`${seen} IS NULL`, codeOf('missing')],
        [`${perhaps} AND jsonb_typeof(${rareJson()}) <> 'string'`, mismatch],
      ],
      told.string,
    );
  }
  const seen = json();
  const arms = types.map(([type, answer]) => `WHEN '${type}' THEN ${answer}`);
  arms.push(`WHEN 'null' THEN ${codeOf('missing')}`);
  return firstOf(
    [[`${seen} IS NULL`, codeOf('missing')]],
    `CASE jsonb_typeof(${seen}) ${arms.join(' ')} ELSE ${mismatch} END`,
  );
}

/** Told of a number. Beyond the doubles it is none of the language. */
export function ofNumber(number: string, condition: string): string {
  const beyond = `abs(${number}) > 1.7976931348623158e308`;
  // Who is asked for a number has one mostly, and hardly ever such a one.
  return `CASE WHEN ${condition} THEN CASE WHEN ${beyond} THEN ${codeOf('type_mismatch')} ELSE ${codeOf('matched')} END
    WHEN ${beyond} THEN ${codeOf('type_mismatch')} ELSE ${codeOf('different')} END`;
}
