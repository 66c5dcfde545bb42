import type { Client } from '../../database/pool.js';
import { changedKey } from '../../filter/dependencies.js';
import { fieldsOf, nameOf } from './happenings.js';
import type { OutboxRow } from './happenings.js';

/** What happened to one person. */
export interface Touched {
  readonly workspace: string;
  readonly endUser: string;
  /** Fields that changed, as the outbox names them. */
  readonly fields: ReadonlySet<string>;
  /** Events, by name. */
  readonly events: ReadonlySet<string>;
  /** Whether it is not told what changed: they were made known only now. */
  readonly whole: boolean;
  /** Whether it may have moved them to another zone: then every wait of theirs is reckoned anew. */
  readonly zone: boolean;
}

/** The people whom these rows tell of, each once. A row that is left for one series was told to the others before. */
export async function touchedBy(client: Client, rows: readonly OutboxRow[]): Promise<Touched[]> {
  const telling = rows.flatMap((row) =>
    row.endUser === null || row.series !== null ? [] : [{ row, endUser: row.endUser }],
  );
  if (telling.length === 0) return [];
  const workspaces = [...new Set(telling.map(({ row }) => row.workspace))];
  const { rows: known } = await client.query<{ workspace: string; field: string }>(readZoneFields, [
    workspaces,
  ]);
  const zoneFields = new Map(known.map(({ workspace, field }) => [workspace, field]));
  const people = new Map<string, Touched & { fields: Set<string>; events: Set<string> }>();
  for (const { row, endUser } of telling) {
    const { workspace } = row;
    const key = `${workspace}\n${endUser}`;
    const before = people.get(key) ?? {
      workspace,
      endUser,
      fields: new Set<string>(),
      events: new Set<string>(),
      whole: false,
      zone: false,
    };
    const fields = fieldsOf(row);
    for (const field of fields) before.fields.add(field);
    const name = nameOf(row);
    if (row.kind === 'event' && name !== null) before.events.add(name);
    const zoneField = changedKey(zoneFields.get(workspace) ?? 'timezone');
    people.set(key, {
      ...before,
      whole: before.whole || row.kind === 'user_created',
      zone: before.zone || row.kind === 'user_created' || fields.includes(zoneField),
    });
  }
  return [...people.values()];
}

const readZoneFields = `
  SELECT w.workspace_id AS workspace, w.person_zone_field AS field FROM workspaces w WHERE w.workspace_id = ANY ($1::text[])`;
