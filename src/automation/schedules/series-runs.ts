import { inWorkspace } from '../../database/workspace.js';
import type { DefinitionCache } from '../series/definitions.js';
import { seriesByKey } from '../outbox/active-series.js';
import { enterAudience } from './enter-audience.js';
import { enterDue } from './enter-due.js';
import type { Entering } from './entering.js';
import type { RunMaker } from './perform.js';

export type SeriesRunOptions = Omit<Entering, 'context' | 'definitions'>;

/** Makes the runs of series: each lets people in, by the clock or by a date of theirs. */
export function seriesRuns(definitions: DefinitionCache, options: SeriesRunOptions): RunMaker {
  return async (context) => {
    const { pool, run } = context;
    const entering = { ...options, definitions, context };
    const definition = await inWorkspace(pool, run.workspace, async (client) => {
      const series = await seriesByKey(client, run.workspace, run.key);
      return series === null ? null : definitions(client)(run.workspace, run.key, series.version);
    });
    const trigger = definition?.trigger;
    if (definition !== null && trigger?.type === 'schedule') await enterAudience(entering, definition);
    else if (trigger?.type === 'date') await enterDue(entering, trigger);
    else {
      const stopped = definition === null ? 'archived' : 'changed';
      await context.stretch(async () => ({ over: { stopped } }));
    }
  };
}
