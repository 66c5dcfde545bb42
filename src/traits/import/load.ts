import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Client, Pool } from '../../database/pool.js';
import { beginInWorkspace } from '../../database/workspace.js';
import { copyStaging, createStaging, dropStaging } from '../statements/stage-users.js';
import { mergeStaging } from '../statements/merge-staging.js';
import { removeStaged } from '../statements/remove-staged.js';
import { retryLost } from '../retry.js';
import type { Batch } from './batch.js';

export interface Target {
  readonly workspaceId: string;
  /** Whether people who are new are announced as `user_created`. */
  readonly fireTriggers: boolean;
}

export interface Loader {
  /** Loads one batch in one transaction. Resolves with how many people were new. */
  load(batch: Batch): Promise<number>;
  close(): Promise<void>;
}

/** Takes one connection of the pool, with a staging table of its own, until it is closed. */
export async function openLoader(pool: Pool, { workspaceId, fireTriggers }: Target): Promise<Loader> {
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
    load: (batch) => loadAgain(pool, client, { workspaceId, fireTriggers }, batch),
    async close() {
      await client.query(dropStaging).catch(onError);
      release();
    },
  };
}

async function loadAgain(pool: Pool, client: Client, target: Target, batch: Batch): Promise<number> {
  const text = batch.copyText();
  return retryLost(async () => {
    try {
      return await loadOnce(pool, client, target, batch, text);
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}

async function loadOnce(
  pool: Pool,
  client: Client,
  { workspaceId, fireTriggers }: Target,
  batch: Batch,
  text: string,
): Promise<number> {
  await beginInWorkspace(pool, client, workspaceId);
  const stream = client.query(copyFrom(copyStaging));
  stream.end(text);
  await finished(stream);
  const created = await mergeStaging(client, workspaceId, fireTriggers);
  if (batch.removes) await removeStaged(client, workspaceId);
  await client.query('COMMIT');
  return created;
}
