import { IANAZone } from 'luxon';
import type { UserRecord } from '../../filter/record.js';

/** Zone names that were looked at; beyond it all are forgotten. */
const mostRemembered = 2000;
const looked = new Map<string, boolean>();

/** The IANA zone that a person's custom field names; the workspace's where it names none. */
export function zoneOfPerson(
  { custom_fields: fields }: UserRecord,
  field: string,
  workspaceZone: string,
): string {
  if (fields === null || fields === undefined || !Object.hasOwn(fields, field)) return workspaceZone;
  const name = fields[field];
  return typeof name === 'string' && isZone(name) ? name : workspaceZone;
}

/** Luxon builds a formatter for each question, which costs more than all else about a person. */
function isZone(name: string): boolean {
  // Longer than every name there is; whatever people send would be remembered otherwise.
  if (name.length > 64) return false;
  let valid = looked.get(name);
  if (valid === undefined) {
    if (looked.size >= mostRemembered) looked.clear();
    valid = IANAZone.isValidZone(name);
    looked.set(name, valid);
  }
  return valid;
}
