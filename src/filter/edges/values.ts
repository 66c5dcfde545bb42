import { occurrencesOf } from '../did.js';
import { derived } from '../fields.js';
import type { Field } from '../fields.js';
import type { UserRecord } from '../record.js';
import { columnInstant, readerOf, textInstant } from '../values.js';
import type { EdgeSource } from '../edges.js';

/** A person's stored times of a source, in milliseconds since 1970 (UTC); what is no time is left out. */
export function storedTimes(source: EdgeSource, user: UserRecord): number[] {
  if (source.kind === 'field') return times([fieldInstant(source.field, user)]);
  return times(
    occurrencesOf(source.event, user).map(({ instant, record }) =>
      source.kind === 'event' ? instant : textInstant(readerOf(source.field, 0)(record)),
    ),
  );
}

function fieldInstant(field: Field, user: UserRecord): number {
  if (field.kind !== 'derived') {
    const value = readerOf(field, 0)(user);
    return field.kind === 'custom' ? textInstant(value) : columnInstant(value);
  }
  const { from, fallback } = derived[field.name];
  const row = field.entity === 'user' ? user : user.company;
  return columnInstant(row?.[from] ?? row?.[fallback]);
}

function times(instants: readonly number[]): number[] {
  return instants.filter((instant) => !Number.isNaN(instant));
}
