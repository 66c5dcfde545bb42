import type { Client } from '../../database/pool.js';
import { matchingBetween } from '../people.js';
import type { Flip } from './flips.js';
import type { Keeping } from './keeping.js';
import type { TrackedSegment } from './tracked.js';
import { amidstTimeout } from './timeout.js';
import { writeFlips } from './write.js';

export interface BuildRow {
  readonly key: string;
  readonly built_to: string | null;
  readonly tells: boolean;
  /** Whether people are gone through yet. */
  readonly begun: boolean;
}

/** People that one step of a building looks at, from the first try down. */
const stepSizes = [50_000, 5000, 500] as const;

/**
 * Goes through the next people for one segment that is being built: puts in whom the filter matches now and takes out whom it
 * does not. A step that takes too long is tried with fewer people; where even few are too many the segment is given up.
 *
 * Answers whether the building is over.
 */
export async function buildStep(keeping: Keeping, segment: TrackedSegment, row: BuildRow): Promise<boolean> {
  const { client, workspaceId, now, limits } = keeping;
  for (const size of stepSizes) {
    try {
      return await amidstTimeout(client, limits.timeoutMs, () => buildSome(keeping, segment, row, size));
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== '57014') throw error;
    }
  }
  keeping.broken.set(segment.key, 'asking whom its filter matches took too long, even of few people');
  await client.query(note, [workspaceId, segment.key, row.built_to, new Date(now).toISOString()]);
  return true;
}

async function buildSome(
  { client, workspaceId, zone, now, flips: found }: Keeping,
  { key, filter }: TrackedSegment,
  { built_to: after, tells }: BuildRow,
  size: number,
): Promise<boolean> {
  const { rows } = await client.query<{ upto: string }>(findEnd, [workspaceId, after ?? lowest, size - 1]);
  const upto = rows[0]?.upto ?? null;
  const matching = new Set(
    await matchingBetween(client, { workspaceId, moment: { now, zone } }, filter, { after, upto }),
  );
  const members = await membersBetween(client, workspaceId, key, after, upto);
  const changed = [
    ...[...matching].filter((id) => !members.has(id)).map((id) => ({ id, entered: true })),
    ...[...members].filter((id) => !matching.has(id)).map((id) => ({ id, entered: false })),
  ];
  const held = await holdPeople(
    client,
    workspaceId,
    changed.map(({ id }) => id),
  );
  const flips: Flip[] = changed.flatMap(({ id, entered }) =>
    held.has(id) ? [{ endUser: id, userId: held.get(id) ?? null, segment: key, entered, at: now }] : [],
  );
  await writeFlips(client, workspaceId, flips, tells);
  if (tells) found.push(...flips);
  const over = upto === null;
  await client.query(over ? finish : note, [workspaceId, key, upto, new Date(now).toISOString()]);
  return over;
}

async function membersBetween(
  client: Client,
  workspaceId: string,
  key: string,
  after: string | null,
  upto: string | null,
): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>(readMembers, [
    workspaceId,
    key,
    after ?? lowest,
    upto ?? highest,
  ]);
  return new Set(rows.map(({ id }) => id));
}

/** Those who are still there, with their ids; they cannot be deleted before the end of the transaction. */
async function holdPeople(
  client: Client,
  workspaceId: string,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; user_id: string | null }>(hold, [workspaceId, ids]);
  return new Map(rows.map(({ id, user_id: userId }) => [id, userId]));
}

// Internal ids are random, so that none is the lowest.
const lowest = '00000000-0000-0000-0000-000000000000';
const highest = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const findEnd = `
  SELECT u.id AS upto FROM end_users u WHERE u.workspace_id = $1 AND u.id > $2 ORDER BY u.id OFFSET $3 LIMIT 1`;

const readMembers = `
  SELECT m.end_user_id AS id FROM segment_members m
  WHERE m.workspace_id = $1 AND m.segment_key = $2 AND m.end_user_id > $3 AND m.end_user_id <= $4`;

const hold = `
  SELECT u.id, u.user_id FROM end_users u WHERE u.workspace_id = $1 AND u.id = ANY ($2::uuid[]) ORDER BY u.id
  FOR KEY SHARE`;

const note = `
  UPDATE segments SET built_to = $3, updated_at = greatest(updated_at, $4) WHERE workspace_id = $1 AND key = $2`;

const finish = `
  UPDATE segments SET state = 'ready', built_to = $3, updated_at = greatest(updated_at, $4)
  WHERE workspace_id = $1 AND key = $2 AND state = 'building'`;
