import { reportAudience } from '../../audience/report.js';
import type { AudienceReport } from '../../audience/report.js';
import { savedSegments } from '../../audience/segments/saved.js';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { segmentsIn } from '../../filter/named-in.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import type { WhichRun } from './control.js';
import { parseBroadcast } from './parse.js';
import { reportBroadcast } from './report.js';
import type { BroadcastReport } from './report.js';
import { readRun } from './runs.js';
import { settingsOf } from './settings.js';
import { readOne } from './store.js';
import type { BroadcastStatus, SavedBroadcast } from './store.js';

/** What there is to tell of a broadcast before its first launch. */
export interface UnlaunchedReport extends Pick<BroadcastReport, 'key' | 'name' | 'skipped'> {
  readonly run: null;
  readonly runs: readonly [];
  readonly state: BroadcastStatus;
  readonly reason: null;
  readonly detail: null;
  readonly launched_at: null;
  readonly finished_at: null;
  readonly breakdown: null;
  readonly progress: null;
  readonly failures: readonly [];
  readonly variants: readonly [];
  readonly unknown: readonly [];
  readonly first_sent_at: null;
  readonly last_sent_at: null;
}

export interface AudienceNow {
  /**
   * Why its audience is as large as it is at `audience_as_of`: of the run told of, in the definition that was launched, else of the
   * definition as it is saved. Who was frozen by the launch is `breakdown`, which nothing changes any more. Null where it was
   * not asked for, or names a segment that is no more.
   */
  readonly audience: AudienceReport | null;
  /** ISO 8601; null as `audience` is. */
  readonly audience_as_of: string | null;
}

export type BroadcastReportNow = (BroadcastReport | UnlaunchedReport) & AudienceNow;

export interface ReportBroadcastNow extends WhichRun {
  /** Whether to send everybody through the audience, which takes long in a big workspace; default true. */
  readonly audience?: boolean | undefined;
  /** The instant that the audience is asked about, in milliseconds since 1970 (UTC); the clock of Postgres when left out. */
  readonly now?: number | undefined;
  /** The zone of calendar units; the workspace's when left out. */
  readonly zone?: string | undefined;
  /** Milliseconds that one statement over the audience may take; default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * How a launch goes, as `reportBroadcast` tells it, with the clause-by-clause report of its audience as of now. A broadcast that was
 * never launched has the audience alone.
 *
 * Errors: `broadcast_not_found`, `broadcast_run_not_found`, `audience_timeout`, `too_many_reasons`.
 */
export async function reportBroadcastNow(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run, audience = true, now, zone, timeoutMs = 30_000 }: ReportBroadcastNow = {},
): Promise<BroadcastReportNow> {
  const saved = await inWorkspace(pool, workspaceId, (client) => readOne(client, workspaceId, key));
  const launched = saved.run !== null || run !== undefined;
  const report = launched ? await reportBroadcast(pool, workspaceId, key, { run }) : unlaunched(saved);
  const asked = audience ? await audienceOf(pool, workspaceId, saved, report.run, { now, zone }) : null;
  if (asked === null) return { ...report, audience: null, audience_as_of: null };
  return {
    ...report,
    audience: await reportAudience(pool, { workspaceId, ...asked, timeoutMs }),
    audience_as_of: new Date(asked.moment.now).toISOString(),
  };
}

async function audienceOf(
  pool: Pool,
  workspaceId: string,
  { key, definition }: SavedBroadcast,
  run: string | null,
  { now, zone }: Pick<ReportBroadcastNow, 'now' | 'zone'>,
): Promise<{ readonly filter: Filter; readonly moment: Moment } | null> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const settings = await settingsOf(client, workspaceId, now);
    const document = run === null ? definition : (await readRun(client, workspaceId, key, run)).definition;
    const saved = await savedSegments(client, workspaceId, document);
    // The people of a launch do not go by its segments any more, so that those may be gone.
    if (segmentsIn(document).some((segment) => !saved.has(segment))) return null;
    const { audience } = parseBroadcast(document, { channels: null, savedSegments: saved });
    return { filter: audience, moment: momentOf(settings.now, zone ?? settings.zone) };
  });
}

function unlaunched({ key, name, state }: SavedBroadcast): UnlaunchedReport {
  return {
    key,
    name,
    run: null,
    runs: [],
    state,
    reason: null,
    detail: null,
    launched_at: null,
    finished_at: null,
    breakdown: null,
    progress: null,
    skipped: {},
    failures: [],
    variants: [],
    unknown: [],
    first_sent_at: null,
    last_sent_at: null,
  };
}
