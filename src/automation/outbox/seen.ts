import { compileExplanation } from '../../filter/explain.js';
import type { Explanation, JsonValue, Reason } from '../../filter/explain.js';
import { zoneNamed } from '../../filter/offsets.js';
import type { UserRecord } from '../../filter/record.js';
import type { Filter } from '../../filter/tree.js';
import type { SeriesDefinition } from '../series/model.js';
import type { Entering } from './enter.js';

/** A clause that kept somebody out, with what it saw. Plain JSON, stored with the decision. */
export interface SeenClause {
  /** JSON Pointer of the clause in the definition of the series. */
  readonly path: string;
  readonly reason: Reason;
  /** The value, long ones cut short; null when it is missing. */
  readonly seen: JsonValue;
}

/** Most clauses that are kept of one decision. */
const mostClauses = 20;

/** What kept each of these people out, where a filter did; an empty list where it was the policy or a suppression. */
export function seenBy(definition: SeriesDefinition, refused: readonly Entering[]): SeenClause[][] {
  const explained = new Map<string, (user: UserRecord) => Explanation>();
  return refused.map((each) => {
    const asked = askedFilter(definition, each);
    if (asked === null) return [];
    const { now, workspaceZone } = each.entrant;
    const key = `${asked.path} ${now}`;
    const explain =
      explained.get(key) ??
      compileExplanation(asked.filter, { now, zone: zoneNamed(workspaceZone) ?? 'UTC' });
    explained.set(key, explain);
    return failing(explain(asked.person))
      .slice(0, mostClauses)
      .map(({ path, reason, seen }) => ({ path: asked.path + path, reason, seen }));
  });
}

/** The clauses that are false where the filter needs them true, or under `!` true where it needs them false. */
export function failing({ clauses }: Explanation): Explanation['clauses'] {
  return clauses.filter(({ verdict, negated }) => verdict === negated);
}

interface Asked {
  readonly path: string;
  readonly filter: Filter;
  readonly person: UserRecord;
}

function askedFilter(
  { audience, trigger }: SeriesDefinition,
  { move, person, entrance }: Entering,
): Asked | null {
  const { state } = move;
  if (state.status !== 'refused') return null;
  if (state.reason === 'audience' && audience !== null)
    return { path: '/audience', filter: audience, person };
  if (state.reason !== 'trigger' || trigger.type !== 'event' || trigger.where === null) return null;
  const { name, properties } = entrance.happening;
  if (name !== trigger.event) return null;
  return { path: '/trigger/where', filter: trigger.where, person: { custom_fields: properties } };
}
