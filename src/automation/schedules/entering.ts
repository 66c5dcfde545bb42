import type { Client } from '../../database/pool.js';
import type { Logger } from '../logger.js';
import type { ActiveSeries } from '../outbox/active-series.js';
import { eachApart } from '../outbox/apart.js';
import { enter } from '../outbox/enter.js';
import type { Decision, Entrance } from '../outbox/enter.js';
import type { DefinitionCache } from '../series/definitions.js';
import type { SeriesDefinition } from '../series/model.js';
import type { RunContext } from './perform.js';
import { sumOf } from './runs.js';
import type { Tally } from './runs.js';

/** What letting people into a series by the clock works with. */
export interface Entering {
  readonly context: RunContext;
  readonly definitions: DefinitionCache;
  readonly logger: Logger;
  /** People let in by one transaction. */
  readonly batch: number;
  /** Milliseconds that finding the next of them may take. */
  readonly timeoutMs: number;
  /** Milliseconds until somebody who could not be let in is tried again. */
  readonly wait: (attempt: number) => number;
}

/**
 * Lets people into a series at the entrance that all triggers lead to. Somebody with whom that fails is put into the outbox for
 * this series, as intake does, and the others go on. Answers what became of how many.
 */
export async function letIn(
  client: Client,
  { logger, wait }: Entering,
  series: ActiveSeries,
  definition: SeriesDefinition,
  entrances: readonly Entrance[],
): Promise<Tally> {
  let tally: Tally = {};
  await eachApart(
    client,
    entrances,
    async (some) => {
      const decisions = await enter(client, series, definition, some);
      for (const decision of decisions) tally = sumOf(tally, { [outcomeOf(decision)]: 1 });
    },
    async ({ endUser, happening, at }, error) => {
      const { workspace, key } = series;
      await client.query(putAside, [
        workspace,
        key,
        happening.kind,
        endUser,
        at.toISOString(),
        wait(1),
        error,
      ]);
      tally = sumOf(tally, { put_aside: 1 });
      logger.error(
        { workspace, series: key, error },
        'a series failed to take a person in; the others went on',
      );
    },
  );
  return tally;
}

function outcomeOf(decision: Decision): string {
  return decision.kind === 'refused' ? `refused:${decision.reason}` : decision.kind;
}

/** Why a run of a series cannot go on; null where it can. */
export function hindrance(
  series: (ActiveSeries & { readonly state: string }) | null,
): 'paused' | 'archived' | null {
  if (series === null || series.state === 'archived') return 'archived';
  return series.state === 'paused' ? 'paused' : null;
}

const putAside = `
  INSERT INTO outbox (workspace_id, series_key, kind, end_user_id, user_id, created_at, attempts, retry_at, last_error)
  SELECT $1, $2, $3, u.id, u.user_id, $5::timestamptz, 1, statement_timestamp() + $6 * interval '1 millisecond', $7
  FROM end_users u WHERE u.workspace_id = $1 AND u.id = $4::uuid`;
