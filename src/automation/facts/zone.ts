import { zoneNamed } from '../../filter/offsets.js';
import type { UserRecord } from '../../filter/record.js';

/** The zone that a person's custom field names; the workspace's where it names none. */
export function zoneOfPerson(
  { custom_fields: fields }: UserRecord,
  field: string,
  workspaceZone: string,
): string {
  if (fields === null || fields === undefined || !Object.hasOwn(fields, field)) return workspaceZone;
  const text = fields[field];
  return (typeof text === 'string' ? zoneNamed(text) : null) ?? workspaceZone;
}
