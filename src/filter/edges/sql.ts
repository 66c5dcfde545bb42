import { mayBeDay } from '../fields.js';
import type { Field } from '../fields.js';
import type { Index } from '../sql/indexes.js';
import { columnIndex, timeIndex } from '../sql/indexes.js';
import { quoteIdentifier } from '../sql/quote.js';
import { isDayText, writtenTime } from '../sql/range.js';
import type { EdgeSource } from '../edges.js';

/** Where the stored times of a source lie in the database. Its text names no value; the statement binds them. */
export interface EdgePlace {
  /** Tables, with the person's internal id as `person`, whose rows have the times. */
  readonly people: string;
  /** The same without the way to the person, for a look at the times alone. */
  readonly rows: string;
  /** Condition on the workspace, `$1`, and the event's name, `$2`, where the source is one of events. */
  readonly where: string;
  /** Internal id of the person. */
  readonly person: string;
  /** The stored time, or NULL. */
  readonly value: string;
  /** Whether it is a day, false or NULL where not; null where none of them can be. */
  readonly isDay: string | null;
  /** Name of the event that is bound as `$2`; null where the text has no `$2`. */
  readonly event: string | null;
  /** The index that finds the times. */
  readonly index: Index | null;
}

export function edgePlace(source: EdgeSource): EdgePlace {
  if (source.kind !== 'field') {
    const occurred = source.kind === 'event';
    return {
      people: 'events e',
      rows: 'events e',
      where: 'e.workspace_id = $1 AND e.event = $2',
      person: 'e.end_user_id',
      value: occurred ? 'e.occurred_at' : timeOf('e', source.field),
      isDay: occurred ? null : dayOf('e', source.field),
      event: source.event,
      index: indexOf(source),
    };
  }
  const { field } = source;
  if (field.entity === 'company') {
    return {
      people:
        'companies c JOIN end_users u ON u.workspace_id = c.workspace_id AND u.company_id = c.company_id',
      rows: 'companies c',
      where: 'c.workspace_id = $1',
      person: 'u.id',
      value: timeOf('c', field),
      isDay: dayOf('c', field),
      event: null,
      index: indexOf(source),
    };
  }
  return {
    people: 'end_users u',
    rows: 'end_users u',
    where: 'u.workspace_id = $1',
    person: 'u.id',
    value: timeOf('u', field),
    isDay: dayOf('u', field),
    event: null,
    index: indexOf(source),
  };
}

function timeOf(row: string, field: Field): string {
  if (field.kind === 'custom') return writtenTime(row, field);
  if (field.kind === 'derived') return `COALESCE(${row}.signed_up_at, ${row}.created_at)`;
  return `${row}.${quoteIdentifier(field.name)}`;
}

function dayOf(row: string, field: Field): string | null {
  // A signup may be a day; what stands in for it never is.
  if (field.kind === 'derived') return isDayText(`${row}.signed_up_at`);
  return mayBeDay(field) ? isDayText(timeOf(row, field)) : null;
}

function indexOf(source: EdgeSource): Index | null {
  const field = source.kind === 'event' ? null : source.field;
  const [hint] =
    field === null
      ? columnIndex('event', 'event')
      : field.kind === 'custom'
        ? timeIndex(field)
        : field.kind === 'derived'
          ? columnIndex(field.entity, 'days_since_signup', 'COALESCE(signed_up_at, created_at)')
          : columnIndex(field.entity === 'page' ? 'user' : field.entity, field.name);
  return hint ?? null;
}
