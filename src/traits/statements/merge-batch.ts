import type { Client } from '../../database/pool.js';
import { knownTraitNames } from '../known-traits.js';
import { mergePeople } from './merge-people.js';
import { removeTraits } from './remove-staged.js';

/** One person of a batch; everybody stands in it once. */
export interface BatchPerson {
  readonly userId: string;
  /** By position in `knownTraitNames`; null leaves the column as it is. */
  readonly columns: readonly (string | null)[];
  /** Null leaves the company as it is. */
  readonly companyId: string | null;
  /** JSON object of custom traits to set. */
  readonly custom: string;
  /** Known and custom traits to remove; null where there are none. */
  readonly emptied: readonly string[] | null;
  readonly removed: readonly string[] | null;
}

/**
 * Creates and updates a batch of people; see `mergePeople`. The rows come as arrays, one for each column: the text stays
 * the same for every size, so that it is planned once.
 *
 * @returns the ids of those who were new
 */
export async function mergeBatch(
  client: Client,
  workspaceId: string,
  people: readonly BatchPerson[],
  fireTriggers: boolean,
): Promise<Set<string>> {
  const { rows } = await client.query<{ user_id: string }>({
    name: 'muster_merge_batch',
    text,
    values: [
      workspaceId,
      fireTriggers,
      people.map(({ userId }) => userId),
      people.map(({ custom }) => custom),
      ...knownTraitNames.map((_, index) => people.map(({ columns }) => columns[index] ?? null)),
      people.map(({ companyId }) => companyId),
    ],
  });
  const removing = people.filter(({ emptied, removed }) => emptied !== null || removed !== null);
  if (removing.length > 0) {
    await client.query(removalText, [
      workspaceId,
      removing.map(({ userId }) => userId),
      removing.map(({ emptied }) => JSON.stringify(emptied ?? [])),
      removing.map(({ removed }) => JSON.stringify(removed ?? [])),
    ]);
  }
  return new Set(rows.map((row) => row.user_id));
}

const types: Readonly<Record<string, string>> = {
  signed_up_at: 'timestamptz',
  renewal_date: 'timestamptz',
  on_contract: 'boolean',
};
const names = [...knownTraitNames, 'company_id'];
const arrays = names.map((name, index) => `$${index + 5}::${types[name] ?? 'text'}[]`);

const text = mergePeople(
  `unnest($3::text[], $4::jsonb[], ${arrays.join(', ')}) AS s (user_id, custom, ${names.join(', ')})`,
  'SELECT user_id FROM written WHERE created',
);

const removalText = removeTraits(
  'unnest($2::text[], $3::jsonb[], $4::jsonb[]) AS s (user_id, emptied, removed)',
);
