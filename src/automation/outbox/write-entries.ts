import type { Client } from '../../database/pool.js';
import { spanText } from '../spans.js';
import { trailText, trailValues } from '../work/trail.js';
import { placeOf } from '../work/commit.js';
import type { ActiveSeries } from './active-series.js';
import type { SeriesDefinition } from '../series/model.js';
import type { Entering, Entrance } from './enter.js';
import { seenBy } from './seen.js';
import type { SeenClause } from './seen.js';

/**
 * Writes enrolments with their first work row and trail. Answers the enrolment of each person who entered; whoever is
 * missing was let in by somebody else under the same number.
 *
 * A place that listens is due at once: what happens between this look and the end of the transaction finds no enrolment to
 * wake, so the first worker looks again.
 */
export async function writeEntries(
  client: Client,
  { workspace, key, version }: ActiveSeries,
  entering: readonly Entering[],
): Promise<Map<string, string>> {
  if (entering.length === 0) return new Map();
  const places = entering.map(({ move }) => placeOf(move));
  const active = places.map((place) => (place.state === 'active' ? place : null));
  const { rows } = await client.query<{ end_user: string; enrollment: string }>(letIn, [
    workspace,
    key,
    version,
    entering.map(({ entrant }) => entrant.endUser),
    entering.map(({ entrant }) => entrant.lastEntry + 1),
    entering.map(({ entrance }) => entrance.happening.kind),
    entering.map(({ entrance }) => entrance.happening.name),
    entering.map(({ entrance }) => entrance.at.toISOString()),
    places.map((place) => place.state),
    places.map((place) => (place.state === 'active' ? null : place.reason)),
    active.map((place) => place?.step ?? null),
    active.map((place) => place?.visit ?? null),
    entering.map(({ entrant }, index) => new Date(active[index]?.since ?? entrant.now).toISOString()),
    entering.map(({ entrant }, index) => {
      const place = active[index];
      if (place === null || place === undefined) return null;
      return new Date(place.listens ? Math.min(place.dueAt, entrant.now) : place.dueAt).toISOString();
    }),
    active.map((place) => place?.listens ?? false),
    entering.map(({ entrance, span }) => spanText(span) ?? entrance.trace ?? null),
    // The person stands for the token: everybody is in a round once.
    ...trailValues(
      entering.map(({ entrant, move }) => {
        return { workspace, enrollment: '0', token: entrant.endUser, trail: move.trail };
      }),
    ),
  ]);
  return new Map(rows.map((row) => [row.end_user, row.enrollment]));
}

const letIn = `
  WITH deciding AS (
    SELECT * FROM unnest($4::uuid[], $5::integer[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[],
      $11::text[], $12::integer[], $13::timestamptz[], $14::timestamptz[], $15::boolean[], $16::text[])
      AS deciding (end_user_id, entry, happening, happening_name, happened_at, state, reason, step, visit, since, due_at,
        listens, traceparent)
  ),
  entered AS (
    INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, entry, happening, happening_name, happened_at,
      state, reason, step, visit, since, finished_at)
    SELECT $1, $2, $3::integer, end_user_id, entry, happening, happening_name, happened_at, state, reason, step,
      coalesce(visit, 1), since, CASE WHEN state <> 'active' THEN date_trunc('milliseconds', statement_timestamp()) END
    FROM deciding
    ON CONFLICT (workspace_id, series_key, end_user_id, entry) DO NOTHING
    RETURNING workspace_id, id AS enrollment_id, end_user_id, end_user_id AS token
  ),
  begun AS (
    INSERT INTO work (workspace_id, series_key, enrollment_id, step, visit, due_at, listening, traceparent)
    SELECT entered.workspace_id, $2, entered.enrollment_id, deciding.step, deciding.visit, deciding.due_at, deciding.listens,
      deciding.traceparent
    FROM entered JOIN deciding ON deciding.end_user_id = entered.end_user_id
    WHERE deciding.state = 'active'
  ),
  trod AS (${trailText(17, 'entered')})
  SELECT end_user_id AS end_user, enrollment_id AS enrollment FROM entered`;

/** Keeps who was turned away, why, and on which values. */
export async function noteRefusals(
  client: Client,
  series: ActiveSeries,
  definition: SeriesDefinition,
  refused: readonly Entering[],
): Promise<void> {
  const seen = seenBy(definition, refused);
  await addDecisions(
    client,
    series,
    refused.map(({ entrance, move }, index) => {
      const reason = move.state.status === 'refused' ? move.state.reason : '';
      return { entrance, reason, seen: seen[index] ?? [] };
    }),
  );
}

/** Keeps whom a series missed: while it was paused, or because nobody looked in time. */
export async function noteMissed(
  client: Client,
  series: ActiveSeries,
  entrances: readonly Entrance[],
  reason: 'paused' | 'too_late',
): Promise<void> {
  await addDecisions(
    client,
    series,
    entrances.map((entrance) => ({ entrance, reason, seen: [] })),
  );
}

interface Refusal {
  readonly entrance: Entrance;
  readonly reason: string;
  readonly seen: readonly SeenClause[];
}

async function addDecisions(
  client: Client,
  { workspace, key, version }: ActiveSeries,
  refusals: readonly Refusal[],
): Promise<void> {
  if (refusals.length === 0) return;
  await client.query(insertDecisions, [
    workspace,
    key,
    version,
    refusals.map(({ entrance }) => entrance.endUser),
    refusals.map(({ entrance }) => entrance.happening.kind),
    refusals.map(({ entrance }) => entrance.happening.name),
    refusals.map(({ entrance }) => entrance.at.toISOString()),
    refusals.map(({ reason }) => reason),
    refusals.map(({ seen }) => JSON.stringify(seen)),
  ]);
}

const insertDecisions = `
  INSERT INTO series_decisions (workspace_id, series_key, version, end_user_id, happening, happening_name, happened_at, decision,
    reason, seen)
  SELECT $1, $2, $3::integer, u.id, refusal.happening, refusal.happening_name, refusal.happened_at, 'refused', refusal.reason,
    refusal.seen
  FROM unnest($4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::jsonb[])
    AS refusal (end_user_id, happening, happening_name, happened_at, reason, seen)
  CROSS JOIN LATERAL (
    -- Whoever was erased meanwhile leaves nothing behind.
    SELECT u.id FROM end_users u WHERE u.workspace_id = $1 AND u.id = refusal.end_user_id OFFSET 0
  ) AS u`;
