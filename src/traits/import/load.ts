import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Client, Pool } from '../../database/pool.js';
import { beginInWorkspace } from '../../database/workspace.js';
import { addOptOuts } from '../statements/add-opt-outs.js';
import { patchCompanies } from '../statements/patch-companies.js';
import { copyStaging, createStaging, dropStaging } from '../statements/stage-users.js';
import { countedPeople, countListed, countStaging, mergeStaging } from '../statements/merge-staging.js';
import type { Counted } from '../statements/merge-staging.js';
import { removeStaged } from '../statements/remove-staged.js';
import { exceptOverfull } from '../bounds.js';
import type { Refused } from '../bounds.js';
import { withNamedBounds } from '../database.js';
import { admitNamesOfMany } from '../names.js';
import type { SentName } from '../names.js';
import { retryLost } from '../retry.js';
import type { Batch } from './batch.js';

export interface Target {
  readonly workspaceId: string;
  /** Whether people who are new are announced as `user_created`. */
  readonly fireTriggers: boolean;
  /** Whether everything is counted and nothing written. */
  readonly dryRun: boolean;
}

export interface Loaded {
  /** How many people were new. */
  readonly created: number;
  /** People of whom nothing was written. */
  readonly refused: readonly Refused<string>[];
}

export interface Loader {
  /** Loads one batch in one transaction; where there is no room for somebody's traits, without them. */
  load(batch: Batch): Promise<Loaded>;
  /** Everybody in the batches so far. */
  counted(): Promise<Counted>;
  close(): Promise<void>;
}

/** Takes one connection of the pool, with a staging table of its own, until it is closed. */
export async function openLoader(pool: Pool, target: Target): Promise<Loader> {
  const client = await pool.connect();
  let broken = false;
  // A connection that is cut says so here too; the query that was running already fails with it.
  const onError = (): void => {
    broken = true;
  };
  client.on('error', onError);
  const release = (): void => {
    client.off('error', onError);
    client.release(broken);
  };
  try {
    await client.query(createStaging);
  } catch (error) {
    broken = true;
    release();
    throw error;
  }
  return {
    load: (batch) => loadAgain(pool, client, target, batch),
    counted: () => countedPeople(client),
    async close() {
      await client.query(dropStaging).catch(onError);
      release();
    },
  };
}

async function loadAgain(pool: Pool, client: Client, target: Target, batch: Batch): Promise<Loaded> {
  let created = 0;
  const { workspaceId, dryRun } = target;
  const note = { note: !dryRun };
  const namesOf = (userId: string): SentName[] => batch.namesOf(userId);
  const named = await admitNamesOfMany(pool, workspaceId, batch.people(), namesOf, note);
  const over = await exceptOverfull(named.admitted, async (some) => {
    const people = new Set(some);
    const text = batch.copyText(people);
    const load = async (): Promise<number> => {
      try {
        return await loadOnce(pool, client, target, { batch, people, text });
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    };
    created += await withNamedBounds(() => retryLost(load));
  });
  return { created, refused: [...named.refused, ...over] };
}

/** Some people of a batch. */
interface Part {
  readonly batch: Batch;
  readonly people: ReadonlySet<string>;
  readonly text: string;
}

async function loadOnce(
  pool: Pool,
  client: Client,
  target: Target,
  { batch, people, text }: Part,
): Promise<number> {
  const { workspaceId, fireTriggers, dryRun } = target;
  await beginInWorkspace(pool, client, workspaceId);
  const stream = client.query(copyFrom(copyStaging));
  stream.end(text);
  await finished(stream);
  const created = dryRun
    ? await countStaging(client, workspaceId)
    : await mergeStaging(client, workspaceId, fireTriggers);
  if (batch.removes && !dryRun) await removeStaged(client, workspaceId);
  if (!dryRun) await patchCompanies(client, workspaceId, batch.companies(people));
  await addOptOutsOf(client, target, { batch, people });
  await client.query('COMMIT');
  return created;
}

const lists = { unsubscribed: 'unsubscribes', suppressed: 'suppressions' } as const;

/** By their ids and the addresses that they have now. */
async function addOptOutsOf(
  client: Client,
  { workspaceId, dryRun }: Target,
  { batch, people }: Pick<Part, 'batch' | 'people'>,
): Promise<void> {
  for (const field of ['unsubscribed', 'suppressed'] as const) {
    const userIds = batch.optOuts(field, people);
    if (userIds.length === 0) continue;
    await countListed(client, field, userIds);
    if (dryRun) continue;
    const { rows } = await client.query<{ user_id: string; email: string | null }>(
      'SELECT user_id, email FROM end_users WHERE workspace_id = $1 AND user_id = ANY ($2::text[])',
      [workspaceId, userIds],
    );
    const reason = field === 'unsubscribed' ? 'own_wish' : 'import';
    const entries = rows.map(({ user_id: userId, email }) => {
      return {
        userId,
        email: email === null || email.trim() === '' ? undefined : email,
        reason,
        source: 'import',
      };
    });
    await addOptOuts(client, workspaceId, lists[field], entries);
  }
}
