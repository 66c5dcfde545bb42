import type { Pool } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import type { Filter } from '../../filter/tree.js';
import { readUserRecord } from '../../traits/read.js';
import type { Rule } from './model.js';
import { askedBy } from './person.js';
import type { Viewer } from './targeting.js';

export interface WhichViewer {
  readonly workspaceId: string;
  /** Somebody signed in. */
  readonly userId?: string | undefined;
  /** A visitor; only looked for where there is no `userId`. */
  readonly anonymousId?: string | undefined;
}

/**
 * What is known of whoever looks at a page, as far as the rules ask about it. A visitor's record is that of the person they turned
 * out to be, if they did; they count as identified only by their own `userId`.
 */
export async function readViewer(pool: Pool, who: WhichViewer, rules: readonly Rule[]): Promise<Viewer> {
  const { workspaceId, userId, anonymousId } = who;
  const ids = idsOf(who);
  const which =
    userId !== undefined
      ? { workspaceId, userId }
      : anonymousId !== undefined
        ? { workspaceId, anonymousId }
        : null;
  if (which === null) return { record: null, identified: false, ids };
  const read = async (filter: Filter | undefined): Promise<Viewer> => {
    const record = await readUserRecord(pool, { ...which, filter });
    return { record, identified: record !== null && userId !== undefined, ids };
  };
  try {
    return await read(askedBy(rules));
  } catch (error) {
    if (!(error instanceof MusterError) || error.code !== 'too_many_events') throw error;
    // One rule that asks too much must not take the others off the page.
    return { ...(await read(undefined)), withoutEvents: true };
  }
}

/** Somebody who may not be read of: a page that sent a person's id without a valid signature. */
export function unsignedViewer(who: WhichViewer): Viewer {
  return { record: null, identified: false, unsigned: true, ids: idsOf(who) };
}

function idsOf({ userId, anonymousId }: WhichViewer): NonNullable<Viewer['ids']> {
  return {
    ...(userId === undefined ? {} : { user_id: userId }),
    ...(anonymousId === undefined ? {} : { anonymous_id: anonymousId }),
  };
}
