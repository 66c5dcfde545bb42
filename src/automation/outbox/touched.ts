import type { Client } from '../../database/pool.js';
import { fieldsOf } from './happenings.js';
import type { OutboxRow } from './happenings.js';
import type { Touched } from './poke.js';

/** The people whom these rows tell of. A row that is left for one series was told to the others before. */
export async function touchedBy(client: Client, rows: readonly OutboxRow[]): Promise<Touched[]> {
  const telling = rows.flatMap((row) =>
    row.endUser === null || row.series !== null ? [] : [{ row, endUser: row.endUser }],
  );
  if (telling.length === 0) return [];
  const workspaces = [...new Set(telling.map(({ row }) => row.workspace))];
  const { rows: known } = await client.query<{ workspace: string; field: string }>(readZoneFields, [
    workspaces,
  ]);
  const fields = new Map(known.map(({ workspace, field }) => [workspace, field]));
  return telling.map(({ row, endUser }) => ({
    workspace: row.workspace,
    endUser,
    zone: fieldsOf(row).includes(varOf(fields.get(row.workspace) ?? 'timezone')),
  }));
}

/** How the outbox names a custom field, as in a filter. */
function varOf(key: string): string {
  const pointer = key === '' || key.startsWith('/');
  return pointer ? `custom:/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` : `custom:${key}`;
}

const readZoneFields = `
  SELECT w.workspace_id AS workspace, w.person_zone_field AS field FROM workspaces w WHERE w.workspace_id = ANY ($1::text[])`;
