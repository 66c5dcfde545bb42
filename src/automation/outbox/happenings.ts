import type { Client } from '../../database/pool.js';
import type { Happening } from '../series/moves.js';

/** One row of the outbox as intake takes it. */
export interface OutboxRow {
  readonly workspace: string;
  readonly id: string;
  readonly kind: Happening['kind'] | 'user_updated';
  readonly endUser: string | null;
  /** Set where the row is left for this series alone. */
  readonly series: string | null;
  readonly attempts: number;
  readonly payload: unknown;
  readonly at: Date;
  /** The span that it happened in, as W3C writes it; null where nobody traced. */
  readonly trace: string | null;
}

/** Name of the event, or key of the segment, that a row tells of; null where it has none. */
export function nameOf({ kind, payload }: OutboxRow): string | null {
  if (kind === 'event') return textAt(payload, 'event');
  return kind === 'segment_entered' || kind === 'segment_left' ? textAt(payload, 'segment') : null;
}

/** The `var`s of what a row says that it changed. */
export function fieldsOf({ payload }: OutboxRow): readonly string[] {
  const fields = valueAt(payload, 'fields');
  return Array.isArray(fields) ? fields.filter((field): field is string => typeof field === 'string') : [];
}

/** The properties of the events that rows tell of, by row; a row whose event is gone has none. */
export async function propertiesOf(
  client: Client,
  rows: readonly OutboxRow[],
): Promise<Map<string, Readonly<Record<string, unknown>>>> {
  const events = rows.flatMap((row) => {
    const event = textAt(row.payload, 'event_id');
    const at = textAt(row.payload, 'occurred_at');
    return row.kind !== 'event' || event === null || at === null ? [] : [{ row, event, at }];
  });
  if (events.length === 0) return new Map();
  const { rows: found } = await client.query<{ id: string; properties: Record<string, unknown> }>(
    readProperties,
    [
      events.map(({ row }) => row.workspace),
      events.map(({ row }) => row.id),
      events.map(({ event }) => event),
      events.map(({ at }) => at),
    ],
  );
  return new Map(found.map(({ id, properties }) => [id, properties]));
}

const readProperties = `
  SELECT told.outbox_id AS id, e.properties
  FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::timestamptz[]) AS told (workspace_id, outbox_id, event_id, occurred_at)
  CROSS JOIN LATERAL (
    SELECT e.properties FROM events e
    WHERE e.workspace_id = told.workspace_id AND e.id = told.event_id
      AND e.occurred_at = told.occurred_at
    OFFSET 0
  ) AS e`;

function textAt(payload: unknown, key: string): string | null {
  const value = valueAt(payload, key);
  return typeof value === 'string' ? value : null;
}

function valueAt(payload: unknown, key: string): unknown {
  if (typeof payload !== 'object' || payload === null) return undefined;
  return Object.entries(payload).find(([name]) => name === key)?.[1];
}
