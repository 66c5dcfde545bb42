import { Pool } from 'pg';
import type { CheckedTraits } from '../check.js';
import { runStatement } from '../database.js';
import type { Database } from '../database.js';
import type { TraitEntity } from './types.js';

/** Milliseconds for which a trait that was just noted needs no other note. */
const noteEvery = 60_000;
/** Traits remembered of one pool; beyond it all are forgotten, which costs a note each. */
const mostRemembered = 50_000;

const remembered = new WeakMap<Database, Map<string, number>>();

/**
 * Notes that values of these traits arrived, for `last_seen` of the catalogue: the counts come from triggers, which see
 * no value that is what it was. A trait is noted once a minute by each process, so that the usual call writes nothing.
 *
 * On a pool a note that fails is dropped and made by the next call: the traits themselves are already in.
 */
export async function noteTraitsSent(
  db: Database,
  workspaceId: string,
  entity: TraitEntity,
  keys: Iterable<string>,
): Promise<void> {
  const noted = remembered.get(db) ?? new Map<string, number>();
  remembered.set(db, noted);
  const now = Date.now();
  const due: string[] = [];
  for (const key of keys) {
    const name = `${workspaceId}\n${entity}\n${key}`;
    if (now - (noted.get(name) ?? -Infinity) < noteEvery) continue;
    if (noted.size >= mostRemembered) noted.clear();
    noted.set(name, now);
    due.push(key);
  }
  if (due.length === 0) return;
  try {
    await runStatement(db, workspaceId, { text: statement, values: [workspaceId, entity, due] });
  } catch (error) {
    for (const key of due) noted.delete(`${workspaceId}\n${entity}\n${key}`);
    if (!(db instanceof Pool)) throw error;
  }
}

/** The traits of a call that have a value; a null removes and is no arrival. */
export function sentKeys({ columns, custom }: CheckedTraits): string[] {
  return [...Object.keys(columns).filter((key) => columns[key] !== null), ...Object.keys(custom)];
}

const statement = `
INSERT INTO trait_changes (workspace_id, entity, key, delta)
SELECT $1, $2, muster_trait_name(key), 0 FROM unnest($3::text[]) AS key`;
