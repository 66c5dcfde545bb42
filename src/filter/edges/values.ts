import { instantOfStored } from '../day.js';
import { occurrencesOf } from '../did.js';
import { mayBeDay } from '../fields.js';
import type { Field } from '../fields.js';
import type { UserRecord } from '../record.js';
import { columnInstant, signupOf, storedReaderOf, textInstant } from '../values.js';
import type { EdgeSource } from '../edges.js';

/**
 * The instants of a person's stored times of a source, in milliseconds since 1970 (UTC): of a day its first moment in the
 * zone. What is no time is left out.
 */
export function storedInstants(source: EdgeSource, user: UserRecord, zone: string): number[] {
  const { kind } = source;
  if (kind === 'field') return times([fieldInstant(source.field, user, zone)]);
  return times(
    occurrencesOf(source.event, user).map(({ instant, record }) =>
      kind === 'event' ? instant : fieldInstant(source.field, record, zone),
    ),
  );
}

/** The instant of a field's time, or NaN; of `days_since_signup` the one that it counts from. */
export function fieldInstant(field: Field, user: UserRecord, zone: string): number {
  if (field.kind === 'derived') {
    const row = field.entity === 'user' ? user : user.company;
    return (row && signupOf(row, zone)) ?? Number.NaN;
  }
  const value = storedReaderOf(field)(user);
  const time = field.kind === 'custom' ? textInstant(value) : columnInstant(value);
  return mayBeDay(field) ? instantOfStored(time, zone) : time;
}

function times(instants: readonly number[]): number[] {
  return instants.filter((instant) => !Number.isNaN(instant));
}
