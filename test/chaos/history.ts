import type { Broadcasts } from './broadcasts.js';
import type {
  BroadcastHistory,
  EnrollmentRow,
  History,
  RecipientRow,
  Refusal,
  WorkRow,
} from './laws/history.js';
import type { Oracle } from './oracle.js';
import type { People } from './people.js';
import { ask } from './postgres.js';
import { shownAsGivenUp } from './subject/calls.js';
import { allSeries, deadly, deadlyAttempts, deadlyStep, stopped } from './subject/series.js';
import { readBegins, readMoves } from './witness.js';

/** Reads what the provider, the database and its witness know once everything has come to rest. */
export async function readHistory(
  databaseUrl: string,
  oracle: Oracle,
  people: People,
  broadcasts: Broadcasts,
): Promise<History> {
  const [outbox] = await ask<{ count: number }>(databaseUrl, 'SELECT count(*)::integer AS count FROM outbox');
  return {
    calls: oracle.calls(),
    moves: await readMoves(databaseUrl),
    begins: await readBegins(databaseUrl),
    people: people.all,
    crowd: people.crowd,
    pauses: people.pauses,
    enrollments: await ask<EnrollmentRow>(databaseUrl, enrollments),
    work: await ask<WorkRow>(databaseUrl, work),
    delivered: (await ask<{ id: string }>(databaseUrl, delivered)).map(({ id }) => id),
    refusals: await ask<Refusal>(databaseUrl, refusals),
    outbox: outbox?.count ?? 0,
    steps: new Map(allSeries.map(({ key, sends }) => [key, sends])),
    events: new Map(allSeries.flatMap(({ key, event }) => (event === undefined ? [] : [[key, event]]))),
    stopped: stopped.key,
    deadly: { series: deadly.key, step: deadlyStep, attempts: deadlyAttempts },
    shown: await shownAsGivenUp(databaseUrl),
    broadcasts: await readBroadcasts(databaseUrl, broadcasts),
  };
}

async function readBroadcasts(databaseUrl: string, broadcasts: Broadcasts): Promise<BroadcastHistory> {
  return {
    launches: broadcasts.launches,
    watched: broadcasts.watched(),
    runs: await ask<BroadcastHistory['runs'][number]>(databaseUrl, runs),
    recipients: await ask<RecipientRow>(databaseUrl, recipients),
    chunks: await ask<BroadcastHistory['chunks'][number]>(databaseUrl, chunks),
  };
}

const runs = 'SELECT run, state FROM broadcast_runs';

const recipients = `
  SELECT run.run, r.number, u.user_id AS person, r.state, r.reason, muster_delivery_id(run.delivery_base, r.number) AS delivery
  FROM broadcast_recipients r
  JOIN broadcast_runs run ON run.workspace_id = r.workspace_id AND run.id = r.run_id
  LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id`;

const chunks = `
  SELECT w.id, run.run, w.state
  FROM work w JOIN broadcast_runs run ON run.workspace_id = w.workspace_id AND run.id = w.run_id
  WHERE w.kind = 'chunk'`;

const enrollments = `
  SELECT e.id, e.series_key AS series, u.user_id AS person, e.state
  FROM enrollments e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id`;

const work = `
  SELECT id, enrollment_id AS enrollment, step, visit, delivery_id AS delivery, state, held, last_error AS error
  FROM work WHERE kind = 'step'`;

const delivered = `SELECT id FROM deliveries WHERE state = 'delivered'`;

const refusals = `
  SELECT d.series_key AS series, u.user_id AS person
  FROM series_decisions d JOIN end_users u ON u.workspace_id = d.workspace_id AND u.id = d.end_user_id`;
