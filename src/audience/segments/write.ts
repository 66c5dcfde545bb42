import type { Client } from '../../database/pool.js';
import type { Flip } from './flips.js';

/**
 * Writes memberships down and tells of them in the outbox: both in the caller's transaction, so that neither is without the
 * other. Several flips of one person and segment stand in the order of their instants; the last one stays.
 *
 * @param told whether the outbox is written: not where a segment is built for the first time
 */
export async function writeFlips(
  client: Client,
  workspaceId: string,
  flips: readonly Flip[],
  told: boolean,
): Promise<void> {
  if (flips.length === 0) return;
  const last = new Map<string, Flip>();
  for (const flip of flips) last.set(`${flip.endUser} ${flip.segment}`, flip);
  const entering = [...last.values()].filter(({ entered }) => entered);
  const leaving = [...last.values()].filter(({ entered }) => !entered);
  if (entering.length > 0) {
    await client.query(enter, [
      workspaceId,
      entering.map(({ segment }) => segment),
      entering.map(({ endUser }) => endUser),
      entering.map(({ at }) => new Date(at).toISOString()),
    ]);
  }
  if (leaving.length > 0) {
    await client.query(leave, [
      workspaceId,
      leaving.map(({ segment }) => segment),
      leaving.map(({ endUser }) => endUser),
    ]);
  }
  if (!told) return;
  await client.query(keepTurns, [
    workspaceId,
    flips.map(({ endUser }) => endUser),
    flips.map(({ segment }) => segment),
    flips.map(({ entered }) => entered),
    flips.map(({ at }) => new Date(at).toISOString()),
  ]);
  await client.query(tell, [
    workspaceId,
    flips.map(({ entered }) => (entered ? 'segment_entered' : 'segment_left')),
    flips.map(({ endUser }) => endUser),
    flips.map(({ userId }) => userId),
    flips.map(({ segment }) => segment),
    flips.map(({ at }) => new Date(at).toISOString()),
  ]);
}

const enter = `
  INSERT INTO segment_members (workspace_id, segment_key, end_user_id, entered_at)
  SELECT $1, flip.* FROM unnest($2::text[], $3::uuid[], $4::timestamptz[]) AS flip
  ON CONFLICT (workspace_id, segment_key, end_user_id) DO UPDATE SET entered_at = EXCLUDED.entered_at`;

const leave = `
  DELETE FROM segment_members m
  USING unnest($2::text[], $3::uuid[]) AS flip (segment_key, end_user_id)
  WHERE m.workspace_id = $1 AND m.segment_key = flip.segment_key AND m.end_user_id = flip.end_user_id`;

const keepTurns = `
  INSERT INTO segment_turns (workspace_id, end_user_id, segment_key, entered, at)
  SELECT $1, turn.* FROM unnest($2::uuid[], $3::text[], $4::boolean[], $5::timestamptz[]) AS turn`;

// It happened when the membership turned, and is told now: a series that was begun in between does not take it.
const tell = `
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload, created_at)
  SELECT $1, flip.kind, flip.end_user_id, flip.user_id,
    jsonb_build_object('segment', flip.segment, 'at', flip.at), flip.at::timestamptz
  FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
    AS flip (kind, end_user_id, user_id, segment, at, place)
  ORDER BY flip.place`;
