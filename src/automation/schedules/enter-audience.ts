import { streamPeople } from '../../audience/people.js';
import type { Client } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { Filter } from '../../filter/tree.js';
import { seriesByKey } from '../outbox/active-series.js';
import type { SeriesDefinition } from '../series/model.js';
import { databaseClock } from './clock.js';
import { hindrance, letIn } from './entering.js';
import type { Entering } from './entering.js';
import type { Progress } from './runs.js';
import { sumOf } from './runs.js';

const everyone: Filter = { kind: 'everyone', path: '' };

/**
 * Brings the people of a series' audience to its entrance, some at a time in the order of their ids. Who does not match when
 * the turn begins does not stand there; who does is asked about once more as they are let in.
 */
export async function enterAudience(entering: Entering, definition: SeriesDefinition): Promise<void> {
  const { context, batch, timeoutMs } = entering;
  const { pool, run } = context;
  const moment = await inWorkspace(pool, run.workspace, async (client) => {
    const { rows } = await client.query<{ zone: string }>(readZone, [run.workspace]);
    return { now: await databaseClock(client), zone: rows[0]?.zone ?? 'UTC' };
  });
  const all = await streamPeople(
    pool,
    { workspaceId: run.workspace, moment, timeoutMs, after: run.cursor, size: batch },
    definition.audience ?? everyone,
    (people) => {
      const ids = people.map(({ id }) => id);
      return context.stretch((client) => enterSome(client, entering, ids));
    },
  );
  if (all) await context.stretch(async () => ({ over: 'done' }));
}

async function enterSome(client: Client, entering: Entering, ids: readonly string[]): Promise<Progress> {
  const { run } = entering.context;
  const series = await seriesByKey(client, run.workspace, run.key);
  const stopped = hindrance(series);
  if (series === null || stopped !== null) return { over: { stopped: stopped ?? 'archived' } };
  const definition = await entering.definitions(client)(run.workspace, run.key, series.version);
  if (definition.trigger.type !== 'schedule') return { over: { stopped: 'changed' } };
  const fresh =
    definition.entry.kind === 'once' ? await neverEntered(client, run.workspace, run.key, ids) : ids;
  const at = new Date(run.scheduledFor);
  const tally = await letIn(
    client,
    entering,
    series,
    definition,
    fresh.map((endUser) => ({ endUser, happening: { kind: 'schedule', name: null, properties: {} }, at })),
  );
  const before = ids.length - fresh.length;
  const cursor = ids.at(-1);
  return {
    ...(cursor === undefined ? {} : { cursor }),
    tally: before === 0 ? tally : sumOf(tally, { 'refused:entered_before': before }),
  };
}

/**
 * Who never entered. A daily run would write down for everybody, every day, that they were there before; here they are
 * counted, and their story tells the entry.
 */
async function neverEntered(
  client: Client,
  workspace: string,
  key: string,
  ids: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(findNeverEntered, [workspace, key, ids]);
  return rows.map(({ id }) => id);
}

const findNeverEntered = `
  SELECT asked.id FROM unnest($3::uuid[]) AS asked (id)
  WHERE NOT EXISTS (
    SELECT FROM enrollments e WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.end_user_id = asked.id
  )
  ORDER BY asked.id`;

const readZone = `SELECT zone FROM workspaces WHERE workspace_id = $1`;
