import { overAudience } from '../../../audience/people.js';
import type { AudienceParts, SamplePerson, SnapshotOptions } from '../../../audience/people.js';
import type { Client } from '../../../database/pool.js';
import type { Filter } from '../../../filter/tree.js';

export type Snapshot = SnapshotOptions;

/** What is asked of people besides a filter: `joins` to `end_users u`, and a condition. */
export type Also = (parts: AudienceParts) => { readonly joins: string; readonly where: string };

const nothing: Also = () => ({ joins: '', where: 'true' });

/** Of the people who match `among`, how many match each filter; found in one pass. */
export async function countEach(
  client: Client,
  snapshot: Snapshot,
  among: Filter,
  filters: readonly Filter[],
  also: Also = nothing,
): Promise<readonly number[]> {
  const rows = await overAudience<{ counts: number[] }>(client, snapshot, among, (parts) => {
    const { joins, where } = also(parts);
    const counts = filters.map((filter) => `count(*) FILTER (WHERE ${parts.matches(filter)})::integer`);
    return `SELECT ARRAY[${counts.join(', ')}] AS counts FROM end_users u ${joins} WHERE ${parts.where} AND ${where}`;
  });
  return rows[0]?.counts ?? [];
}

/** The first of the people who match, by `user_id`, those without one last. */
export async function sampleOf(
  client: Client,
  snapshot: Snapshot,
  among: Filter,
  size: number,
  also: Also = nothing,
): Promise<SamplePerson[]> {
  return overAudience<SamplePerson>(client, snapshot, among, (parts) => {
    const { joins, where } = also(parts);
    return `
      SELECT u.user_id, u.name, u.email FROM end_users u ${joins} WHERE ${parts.where} AND ${where}
      ORDER BY u.user_id NULLS LAST, u.id LIMIT ${parts.bind(size)}`;
  });
}
