import type { Pool } from '../../database/pool.js';
import { lintFilter } from '../../filter/lint.js';
import type { Finding } from '../../filter/lint.js';
import { momentOf } from '../../filter/time.js';
import { loadKnown } from '../advice/known.js';
import { parseFilterIn } from '../segments/saved.js';
import { zoneOf } from '../workspace.js';
import { lintKnown } from './known.js';

/**
 * What is probably not meant about a filter as it was saved, against what the workspace sends now. It never keeps one from being
 * saved: a contradiction may hold at this moment only, and traits may be about to be sent.
 *
 * @param path where the filter stands in what was saved
 */
export async function filterWarnings(
  pool: Pool,
  workspaceId: string,
  document: unknown,
  now: number,
  path = '/filter',
): Promise<Finding[]> {
  const filter = await parseFilterIn(pool, workspaceId, document);
  const moment = momentOf(now, await zoneOf(pool, workspaceId));
  return [
    ...lintFilter(filter, moment),
    ...lintKnown(filter, await loadKnown(pool, workspaceId, document)),
  ].map((finding) => ({ ...finding, path: path + finding.path }));
}
