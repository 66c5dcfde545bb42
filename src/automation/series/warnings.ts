import { loadKnown } from '../../audience/advice/known.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError } from '../../errors/index.js';
import type { Finding } from '../../filter/lint.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { lintDates, lintSeries } from './lint.js';
import type { SeriesDefinition } from './model.js';
import { parseSeries } from './parse.js';
import { datesAsked, datesInAudience } from './report/dates.js';

/**
 * What is probably not meant about a series as it was saved, against what the workspace sends now. It never keeps a series from
 * being saved: a contradiction may hold at this moment only, and traits may be about to be sent.
 */
export async function warningsAbout(
  pool: Pool,
  workspaceId: string,
  document: unknown,
  now: number,
): Promise<Finding[]> {
  const segments = await savedSegments(pool, workspaceId, document);
  const definition = parseSeries(document, { channels: null, savedSegments: segments });
  const moment = momentOf(now, await zoneOf(pool, workspaceId));
  return [
    ...lintSeries(definition, moment, await loadKnown(pool, workspaceId, document)),
    ...(await dateWarnings(pool, workspaceId, definition, moment)),
  ];
}

/** Milliseconds that counting dates may take; a save is not kept waiting for a big workspace. */
const countingMs = 5000;

/** What `lintDates` finds in the dates that people have now. Nothing where counting them takes too long. */
export async function dateWarnings(
  pool: Pool,
  workspaceId: string,
  definition: SeriesDefinition,
  moment: Moment,
): Promise<Finding[]> {
  if (definition.trigger.type !== 'date') return [];
  try {
    const outlook = await inWorkspace(
      pool,
      workspaceId,
      async (client) => {
        const asked = await datesAsked(client, workspaceId, definition.key, moment.now);
        const snapshot = { workspaceId, moment, timeoutMs: countingMs };
        return datesInAudience(client, snapshot, definition, asked);
      },
      { isolation: 'repeatable read', readOnly: true },
    );
    return outlook === null ? [] : lintDates(outlook);
  } catch (error) {
    if (error instanceof MusterError && error.code === 'audience_timeout') return [];
    throw error;
  }
}
