import { savedSegments } from '../../audience/segments/saved.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import type { Finding } from '../../filter/lint.js';
import { momentOf } from '../../filter/time.js';
import { loadTraitCatalogue } from '../../traits/catalogue/load.js';
import { lintSeries } from './lint.js';
import { parseSeries } from './parse.js';

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
  return lintSeries(definition, moment, await loadTraitCatalogue(pool, workspaceId));
}
