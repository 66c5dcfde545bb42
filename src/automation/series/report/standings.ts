import type { AudienceParts } from '../../../audience/people.js';
import type { ActiveSeries } from '../../outbox/active-series.js';
import type { DateState } from '../dates.js';
import type { SeriesDefinition, TriggerType } from '../model.js';
import type { RefusalReason } from '../moves.js';
import { datedPeople } from './dates.js';
import type { DatePlaces } from './dates.js';

/**
 * Where a person stands towards a series. Those who entered: `inside`, `completed`, `exited`, `held_out`. Those who never
 * did: `suppressed` now; the reason for which they were turned away last; or why the trigger never brought them.
 */
export type Standing =
  | 'inside'
  | 'completed'
  | 'exited'
  | 'held_out'
  | 'suppressed'
  | `refused_${RefusalReason | 'paused' | 'too_late'}`
  | 'not_identified'
  | 'imported'
  | 'before_the_series'
  | 'while_paused'
  | 'never_did'
  | 'did_before'
  | `date_${DateState}`
  | 'not_triggered';

/**
 * Counts everybody of the audience by where they stand, each once, the largest number first.
 *
 * @param dates where dates stand in a series with a date trigger; null where that is not known
 */
export function standings(
  { where, workspace, bind }: AudienceParts,
  series: ActiveSeries,
  definition: SeriesDefinition,
  dates: DatePlaces | null,
): string {
  const key = `${bind(series.key)}::text`;
  const topic = `${bind(definition.topic ?? '')}::text`;
  const { joins, untriggered } = untriggeredBy[definition.trigger.type]({
    workspace,
    bind,
    series,
    definition,
    dates,
  });
  return `
    SELECT why, count(*)::integer AS people FROM (
      SELECT CASE
        WHEN e.state = 'active' THEN 'inside'
        WHEN e.state IS NOT NULL THEN e.state
        WHEN EXISTS (SELECT FROM muster_suppressing(u.workspace_id, u.user_id, u.email, ${topic})) THEN 'suppressed'
        WHEN d.reason IS NOT NULL THEN 'refused_' || d.reason
        ${untriggered}
        ELSE 'not_triggered'
      END AS why
      FROM end_users u
      LEFT JOIN (
        SELECT DISTINCT ON (end_user_id) end_user_id, state FROM enrollments
        WHERE workspace_id = ${workspace} AND series_key = ${key} ORDER BY end_user_id, entry DESC
      ) AS e ON e.end_user_id = u.id
      LEFT JOIN (
        SELECT DISTINCT ON (end_user_id) end_user_id, reason FROM series_decisions
        WHERE workspace_id = ${workspace} AND series_key = ${key} ORDER BY end_user_id, decided_at DESC, id DESC
      ) AS d ON d.end_user_id = u.id
      ${joins}
      WHERE ${where}
    ) AS standing
    GROUP BY why ORDER BY people DESC, why`;
}

interface Asked extends Pick<AudienceParts, 'workspace' | 'bind'> {
  readonly series: ActiveSeries;
  readonly definition: SeriesDefinition;
  readonly dates: DatePlaces | null;
}

interface Untriggered {
  readonly joins: string;
  /** Arms of a CASE about people for whom the trigger never came about, as far as is known. */
  readonly untriggered: string;
}

const nothing: Untriggered = { joins: '', untriggered: '' };

const untriggeredBy: Readonly<Record<TriggerType, (asked: Asked) => Untriggered>> = {
  // A row that no visit made announces nobody: what sees a person first sets both times to one instant, or the first earlier.
  user_created: ({ bind, series }) => ({
    joins: '',
    untriggered: `
        WHEN u.user_id IS NULL OR u.awaits_identify THEN 'not_identified'
        WHEN u.first_seen IS NULL OR u.first_seen > u.created_at THEN 'imported'
        WHEN u.created_at < ${bind(series.createdAt.toISOString())}::timestamptz THEN 'before_the_series'
        WHEN u.created_at < ${bind(series.activeSince.toISOString())}::timestamptz THEN 'while_paused'`,
  }),
  event: ({ workspace, bind, series, definition: { trigger } }) => ({
    joins: `
      LEFT JOIN (
        SELECT end_user_id, max(occurred_at) AS last_at FROM events
        WHERE workspace_id = ${workspace} AND event = ${bind(trigger.type === 'event' ? trigger.event : '')}::text
        GROUP BY end_user_id
      ) AS did ON did.end_user_id = u.id`,
    untriggered: `
        WHEN did.end_user_id IS NULL THEN 'never_did'
        WHEN did.last_at < ${bind(series.createdAt.toISOString())}::timestamptz THEN 'did_before'`,
  }),
  segment_entered: () => nothing,
  segment_left: () => nothing,
  date: ({ bind, dates }) =>
    dates === null
      ? nothing
      : { joins: datedPeople(dates, bind), untriggered: "WHEN true THEN 'date_' || dated.state" },
  schedule: () => nothing,
};
