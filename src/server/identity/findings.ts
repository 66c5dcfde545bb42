import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { IdentityFault } from './verify.js';

/** One reason for which enforcing refuses, or would refuse, and how often. Times are ISO 8601 in UTC. */
export interface Finding {
  readonly reason: string;
  readonly count: number;
  readonly first_seen: string;
  readonly last_seen: string;
}

export interface Findings {
  note(workspaceId: string, reason: IdentityFault, now: number): void;
  /** Writes what was noted here and reads the counts of all processes, the most frequent first. */
  report(workspaceId: string): Promise<Finding[]>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Tally {
  readonly workspaceId: string;
  readonly reason: IdentityFault;
  readonly first: number;
  count: number;
  last: number;
}

const flushEveryMs = 1000;

/**
 * Counts in memory and adds up in the database once a second: in `report` mode most calls may be unsigned, and each must
 * not wait for one row that all of them change. A process that is killed loses a second of counts, never data.
 */
export function identityFindings(pool: Pool, onError: (error: unknown) => void): Findings {
  let tallies = new Map<string, Tally>();
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    const taken = tallies;
    if (taken.size === 0) return;
    tallies = new Map();
    try {
      await addTallies(pool, [...taken.values()]);
    } catch (error) {
      for (const tally of taken.values()) add(tally);
      throw error;
    }
  }

  function add(tally: Tally): void {
    const key = `${tally.workspaceId} ${tally.reason}`;
    const here = tallies.get(key);
    if (here === undefined) {
      tallies.set(key, { ...tally });
      return;
    }
    here.count += tally.count;
    here.last = Math.max(here.last, tally.last);
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.catch(() => undefined).then(write);
    return writing;
  }

  return {
    note(workspaceId, reason, now) {
      add({ workspaceId, reason, count: 1, first: now, last: now });
      timer ??= setTimeout(() => void flush().catch(onError), flushEveryMs).unref();
    },
    async report(workspaceId) {
      await flush();
      return readFindings(pool, workspaceId);
    },
    flush,
    close: async () => flush().catch(onError),
  };
}

/** Of all workspaces in one statement, so that what fails has added nothing and is added again. */
async function addTallies(pool: Pool, tallies: readonly Tally[]): Promise<void> {
  // In one order everywhere, so that two processes never wait for each other's rows.
  const sorted = tallies.toSorted((a, b) =>
    `${a.workspaceId} ${a.reason}` < `${b.workspaceId} ${b.reason}` ? -1 : 1,
  );
  await pool.query(
    `INSERT INTO identity_findings AS f (workspace_id, reason, count, first_seen, last_seen)
     SELECT workspace_id, reason, count, first_seen, last_seen
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
       AS t (workspace_id, reason, count, first_seen, last_seen)
     WHERE EXISTS (SELECT 1 FROM workspaces w WHERE w.workspace_id = t.workspace_id)
     ON CONFLICT (workspace_id, reason) DO UPDATE SET
       count = f.count + excluded.count,
       first_seen = least(f.first_seen, excluded.first_seen),
       last_seen = greatest(f.last_seen, excluded.last_seen)`,
    [
      sorted.map((each) => each.workspaceId),
      sorted.map((each) => each.reason),
      sorted.map((each) => each.count),
      sorted.map((each) => new Date(each.first)),
      sorted.map((each) => new Date(each.last)),
    ],
  );
}

async function readFindings(pool: Pool, workspaceId: string): Promise<Finding[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<{ reason: string; count: string; first_seen: Date; last_seen: Date }>(
      `SELECT reason, count, first_seen, last_seen FROM identity_findings
       WHERE workspace_id = $1 ORDER BY count DESC, reason`,
      [workspaceId],
    ),
  );
  return rows.map(({ reason, count, first_seen, last_seen }) => ({
    reason,
    count: Number(count),
    first_seen: first_seen.toISOString(),
    last_seen: last_seen.toISOString(),
  }));
}
