import type { Pool } from '../database/pool.js';
import { nameOf } from '../filter/fields.js';
import type { Field } from '../filter/fields.js';
import type { Failure } from '../filter/explain/reason.js';
import { noFailures } from '../filter/funnel/failures.js';
import type { Funnel, FunnelClause } from '../filter/funnel.js';
import { lintFilter } from '../filter/lint.js';
import type { Finding } from '../filter/lint.js';
import { printFilter } from '../filter/print.js';
import { fieldOf } from '../filter/sentence/missing.js';
import type { Moment } from '../filter/time.js';
import { leavesOf } from '../filter/tree.js';
import type { Filter } from '../filter/tree.js';
import { loadKnown } from './advice/known.js';
import { inSnapshot } from './people.js';
import type { People } from './people.js';
import { withClause } from './report/changes.js';
import { countReport } from './report/count.js';
import type { ReportCount } from './report/count.js';
import { draftsFor, ranked } from './report/suggest.js';
import type { Draft, Suggestion } from './report/suggestion.js';
import type { FieldValues } from './statements/values.js';

export interface ReportOptions {
  readonly workspaceId: string;
  readonly filter: Filter;
  readonly moment: Moment;
  /** Milliseconds that one statement may take; 30,000 when left out. */
  readonly timeoutMs?: number;
}

/** Why an audience is as large as it is: where people are lost, why, and what would let them match. */
export interface AudienceReport {
  /** People in the workspace, visitors without a `user_id` included. */
  readonly total: number;
  readonly matched: number;
  /** JSON Pointer of the first clause after which nobody is left; null when somebody is, or nobody was there. */
  readonly emptied_by: string | null;
  /** The clauses in document order, each before those inside of it. */
  readonly funnel: readonly FunnelClause[];
  /** What people have, of the fields that somebody fails for another value or type; at most five fields. */
  readonly values: readonly FieldValues[];
  /** The nearest changes first; at most ten. */
  readonly suggestions: readonly Suggestion[];
  /** What about the filter is probably not meant, by itself: what `lintFilter` finds. */
  readonly warnings: readonly Finding[];
  /** Milliseconds that the whole report took. */
  readonly took_ms: number;
}

/** Of how many fields the common values are listed. */
const mostFields = 5;

/**
 * Tells why people do not match: everybody is sent through the filter in one pass over the workspace, and each who fails a
 * clause is counted under the reason that their own explanation would give.
 *
 * Errors: `audience_timeout`, `too_many_reasons`.
 */
export async function reportAudience(pool: Pool, options: ReportOptions): Promise<AudienceReport> {
  const { workspaceId, filter, moment, timeoutMs = 30_000 } = options;
  const started = performance.now();
  const { count, values } = await inSnapshot(pool, { workspaceId, moment, timeoutMs }, async (people) => {
    const found = await countReport(filter, await people.tally(filter), moment);
    return { count: found, values: await people.commonValues(tellingFields(filter, found)) };
  });
  const funnel = count.funnel();
  const known = asksOfNobody(filter, count, funnel)
    ? await loadKnown(pool, workspaceId, printFilter(filter))
    : null;
  const drafts = await draftsFor({ filter, count, funnel, values, moment, known });
  const changed = drafts.some(({ counted: clause }) => clause !== null)
    ? await inSnapshot(pool, { workspaceId, moment, timeoutMs }, (people) => counted(people, filter, drafts))
    : drafts;
  return {
    ...answerOf(funnel),
    values: values.filter((each) => each.values.length > 0),
    suggestions: ranked(changed, funnel),
    warnings: lintFilter(filter, moment),
    took_ms: Math.round((performance.now() - started) * 10) / 10,
  };
}

/** Whether the filter asks about something that nobody has, of which a near name may be meant. */
function asksOfNobody(filter: Filter, { leaves }: ReportCount, { total }: Funnel): boolean {
  return leavesOf(filter).some(({ leaf }, index) => {
    const { failed } = leaves[index] ?? { failed: noFailures() };
    if (total === 0) return false;
    if (leaf.kind === 'did') return failsAll(failed, total);
    return fieldOf(leaf)?.kind === 'custom' && failed.missing === total;
  });
}

function failsAll(failed: Readonly<Record<Failure, number>>, total: number): boolean {
  return Object.values(failed).reduce((sum, people) => sum + people, 0) === total;
}

/** How many changed filters are counted, in one more pass over the workspace. */
const mostCounted = 5;

/** The drafts with the gain of those that change the filter; what is not counted is not told. */
async function counted(people: People, filter: Filter, drafts: readonly Draft[]): Promise<Draft[]> {
  const asked = drafts.flatMap(({ path, counted: clause }) =>
    clause === null ? [] : [withClause(filter, path, clause)],
  );
  const [before = 0, ...counts] = await people.countEach([filter, ...asked.slice(0, mostCounted)]);
  const gains = counts.values();
  return drafts.flatMap((draft) => {
    if (draft.counted === null) return [draft];
    const gain = gains.next();
    return gain.done === true ? [] : [{ ...draft, gain: Math.max(0, gain.value - before) }];
  });
}

function answerOf({ total, matched, emptied_by, clauses }: Funnel) {
  return { total, matched, emptied_by, funnel: clauses };
}

/** The fields of which the values say more than the counts do: somebody has another one. */
function tellingFields(filter: Filter, { leaves }: ReportCount): Field[] {
  const fields = new Map<string, Field>();
  leavesOf(filter).forEach(({ leaf }, index) => {
    const field = fieldOf(leaf);
    if (field === null || leaf.kind === 'presence' || !isListed(field)) return;
    const failed = leaves[index]?.failed;
    if (failed !== undefined && telling.some((reason) => failed[reason] > 0))
      fields.set(nameOf(field), field);
  });
  return [...fields.values()].slice(0, mostFields);
}

const telling = ['type_mismatch', 'case_mismatch', 'different'] as const;

/** Names, addresses and ids are everybody's own, and times are told by the nearest one. */
function isListed(field: Field): boolean {
  if (field.kind === 'custom') return true;
  return (
    field.kind === 'column' &&
    ['renewal_status', 'contract_term', 'payment_terms', 'on_contract'].includes(field.name)
  );
}
