import type { Client } from '../../database/pool.js';

/** The two lists: `suppressions` are the workspace's decision, `unsubscribes` the person's wish. */
export type OptOutList = 'suppressions' | 'unsubscribes';

/** One entry of a list, checked: by user id, by e-mail address, or by both. */
export interface OptOut {
  readonly userId?: string | undefined;
  readonly email?: string | undefined;
  /** Default `manual`. */
  readonly reason?: string | undefined;
  /** Default `api`. */
  readonly source?: string | undefined;
  /** Of unsubscribes only; without it, all topics. */
  readonly topic?: string | undefined;
}

/** Before the statement that hashes with it, which sees what was there when it began. */
export const makeSalt = `
INSERT INTO identifier_salts (workspace_id) VALUES ($1) ON CONFLICT (workspace_id) DO NOTHING`;

/**
 * Adds entries to a list, inside the caller's transaction. One that is there already keeps its reason.
 *
 * @returns for each entry whether any of its identifiers was not on the list
 */
export async function addOptOuts(
  client: Client,
  workspaceId: string,
  list: OptOutList,
  entries: readonly OptOut[],
): Promise<boolean[]> {
  await client.query(makeSalt, [workspaceId]);
  const { rows } = await client.query<{ place: number }>(texts[list], [
    workspaceId,
    entries.map(({ userId }) => userId ?? null),
    entries.map(({ email }) => email ?? null),
    entries.map(({ reason }) => reason ?? 'manual'),
    entries.map(({ source }) => source ?? 'api'),
    entries.map(({ topic }) => topic ?? ''),
  ]);
  const added = new Set(rows.map(({ place }) => place));
  return entries.map((_, index) => added.has(index + 1));
}

// Inserted in the order of the key, so that two calls that name the same people do not wait for each other in a circle.
const named = `
  named AS MATERIALIZED (
    SELECT DISTINCT ON (kind, hash, topic) kind, hash, topic, identifier, reason, source, place
    FROM (
      SELECT each.kind, muster_identifier_hash($1, each.kind, each.identifier) AS hash, each.identifier,
        entry.reason, entry.source, entry.topic, entry.place
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        WITH ORDINALITY AS entry (user_id, email, reason, source, topic, place)
      CROSS JOIN LATERAL (VALUES ('email', btrim(entry.email)), ('user_id', entry.user_id)) AS each (kind, identifier)
      WHERE each.identifier IS NOT NULL
    ) AS hashed
    ORDER BY kind, hash, topic, place
  )`;

/** `topic` is a part of the key of unsubscribes, and no column of suppressions. */
const textOf = (list: OptOutList, topic: '' | ', topic'): string => `
WITH ${named}, added AS (
  INSERT INTO ${list} (workspace_id, kind, hash, identifier, reason, source${topic})
  SELECT $1, kind, hash, identifier, reason, source${topic}
  FROM named ORDER BY kind, hash, topic
  ON CONFLICT (workspace_id, kind, hash${topic}) DO NOTHING
  RETURNING kind, hash${topic}
)
SELECT DISTINCT named.place::integer AS place FROM named JOIN added USING (kind, hash${topic})`;

const texts: Readonly<Record<OptOutList, string>> = {
  suppressions: textOf('suppressions', ''),
  unsubscribes: textOf('unsubscribes', ', topic'),
};
