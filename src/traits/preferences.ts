import { atomically } from './database.js';
import type { Database } from './database.js';
import { makeSalt } from './statements/add-opt-outs.js';

/**
 * Whose wishes are meant: the person of an internal id, by their user id and the e-mail address they have now, and the
 * address that a message went to, which may outlive both.
 */
export interface Wisher {
  readonly workspaceId: string;
  readonly endUserId: string;
  /** As `muster_identifier_hash` makes it of an e-mail address. */
  readonly emailHash?: Buffer | null;
}

/** What somebody wants to hear of. */
export interface Wishes {
  /** Whether they want to hear of nothing at all. */
  readonly nothing: boolean;
  /** Topics that they do not want to hear of. */
  readonly without: readonly string[];
  /** Whether the workspace decided to send them nothing, whatever they wish. */
  readonly suppressed: boolean;
}

/** Changes of wishes; what is left out stays as it is. */
export interface WishChange {
  readonly nothing?: boolean | undefined;
  /** Whether they want to hear of each topic. */
  readonly topics?: Readonly<Record<string, boolean>> | undefined;
  /** Who says so, such as `link`; kept with each wish. */
  readonly source: string;
}

export async function readWishes(db: Database, wisher: Wisher): Promise<Wishes> {
  return atomically(db, wisher.workspaceId, async (client) => {
    const { rows } = await client.query<{ topics: string[] | null; suppressed: boolean }>(
      findWishes,
      valuesOf(wisher),
    );
    const topics = rows[0]?.topics ?? [];
    return {
      nothing: topics.includes(''),
      without: topics.filter((topic) => topic !== '').toSorted(),
      suppressed: rows[0]?.suppressed ?? false,
    };
  });
}

/** Writes wishes down, all or none; they hold before the next step of a series is claimed. Again is harmless. */
export async function changeWishes(db: Database, wisher: Wisher, change: WishChange): Promise<void> {
  const { nothing, topics = {}, source } = change;
  await atomically(db, wisher.workspaceId, async (client) => {
    await client.query(makeSalt, [wisher.workspaceId]);
    const wanted = Object.keys(topics).filter((topic) => topics[topic] === true);
    const unwanted = Object.keys(topics).filter((topic) => topics[topic] === false);
    if (nothing === false) wanted.push('');
    if (nothing === true) unwanted.push('');
    if (wanted.length > 0) await client.query(takeBack, [...valuesOf(wisher), wanted]);
    if (unwanted.length > 0)
      await client.query(addWishes, [...valuesOf(wisher), unwanted.toSorted(), source]);
  });
}

function valuesOf({ workspaceId, endUserId, emailHash = null }: Wisher): unknown[] {
  return [workspaceId, endUserId, emailHash];
}

// Each identifier once, its text where somebody still has it.
const known = `
  known AS (
    SELECT DISTINCT ON (kind, hash) kind, hash, identifier
    FROM (
      SELECT named.kind, muster_identifier_hash($1, named.kind, named.identifier) AS hash, named.identifier
      FROM end_users u
      CROSS JOIN LATERAL (VALUES ('user_id', u.user_id), ('email', btrim(u.email))) AS named (kind, identifier)
      WHERE u.workspace_id = $1 AND u.id = $2::uuid AND named.identifier <> ''
      UNION ALL
      SELECT 'email', $3::bytea, NULL
    ) AS named
    WHERE hash IS NOT NULL
    ORDER BY kind, hash, identifier NULLS LAST
  )`;

const findWishes = `
WITH ${known}
SELECT
  (SELECT array_agg(DISTINCT s.topic) FROM unsubscribes s JOIN known ON known.kind = s.kind AND known.hash = s.hash
    WHERE s.workspace_id = $1) AS topics,
  EXISTS (SELECT FROM suppressions s JOIN known ON known.kind = s.kind AND known.hash = s.hash
    WHERE s.workspace_id = $1) AS suppressed`;

const takeBack = `
WITH ${known}
DELETE FROM unsubscribes s USING known
WHERE s.workspace_id = $1 AND s.kind = known.kind AND s.hash = known.hash AND s.topic = ANY ($4::text[])`;

// In the order of the key, so that two at once do not wait for each other in a circle.
const addWishes = `
WITH ${known}
INSERT INTO unsubscribes (workspace_id, kind, hash, topic, identifier, reason, source)
SELECT $1, known.kind, known.hash, topic, known.identifier, 'own_wish', $5
FROM known CROSS JOIN unnest($4::text[]) AS topic
ORDER BY known.kind, known.hash, topic
ON CONFLICT (workspace_id, kind, hash, topic) DO NOTHING`;
