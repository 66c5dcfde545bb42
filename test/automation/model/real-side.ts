import {
  archiveSeries,
  pauseSeries,
  removeFromSeries,
  resumeSeries,
  saveSeries,
} from '../../../src/automation/index.js';
import { poke } from '../../../src/automation/outbox/poke.js';
import { checkIncarnation } from '../../../src/automation/redis/incarnation.js';
import { definitionCache } from '../../../src/automation/series/definitions.js';
import { beginDeliveries } from '../../../src/automation/work/begin-delivery.js';
import { claimWork } from '../../../src/automation/work/claim.js';
import { deferWork } from '../../../src/automation/work/defer.js';
import { finishWork } from '../../../src/automation/work/finish.js';
import { parkWork, postponeWork, releaseWork, renewLeases } from '../../../src/automation/work/give-back.js';
import { sweepWork } from '../../../src/automation/work/sweep.js';
import { takeDue } from '../../../src/automation/work/take-due.js';
import type { Pool } from '../../../src/database/pool.js';
import { inTransaction } from '../../../src/database/transaction.js';
import { unsubscribe } from '../../../src/traits/suppression.js';
import { MusterError } from '../../../src/errors/index.js';
import { clear, seriesOf } from '../support.js';
import { emptyDatabase, insertTrail, insertWork, found } from './database.js';
import type { Database } from './database.js';
import { nextPlace, queue, shown, trailOf } from './model-side.js';
import { times } from './operations.js';
import type { Operation } from './operations.js';
import { parseSeries } from '../../../src/automation/series/parse.js';

/** The other side of the comparison: the same operations done by the functions that production runs. */

interface Known {
  readonly id: string;
  readonly workspace: string;
  readonly enrollment: string;
  readonly visit: number;
  readonly delivery: string;
}

const document = seriesOf('one', ['inbox', 'inbox', 'inbox', 'inbox']);

export class RealSide {
  readonly #pool: Pool;
  readonly #definitions = definitionCache();
  #inRedis: string | null = null;
  #rows = new Map<string, Known>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Begins anew with six people in two workspaces, and answers the same as a model. */
  async begin(): Promise<Database> {
    const pool = this.#pool;
    await clear(pool);
    this.#inRedis = null;
    for (const workspace of ['a', 'b']) await saveSeries(pool, workspace, document);
    const { rows } = await pool.query<{ workspace: string; person: string; user: string; id: string }>(
      `WITH person AS (
         INSERT INTO end_users (workspace_id, user_id) VALUES ('a', 'u1'), ('a', 'u2'), ('a', 'u3'), ('a', 'u4'),
           ('b', 'u5'), ('b', 'u6') RETURNING *
       ),
       entered AS (
         INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, step)
         SELECT workspace_id, 'one', 1, id, 'step-1' FROM person ORDER BY user_id RETURNING *
       ),
       begun AS (
         INSERT INTO work (workspace_id, series_key, enrollment_id, step, due_at, listening)
         SELECT workspace_id, 'one', id, 'step-1', now() - entry_number * interval '1 second', true
         FROM (SELECT *, row_number() OVER (ORDER BY id) AS entry_number FROM entered) AS numbered
       )
       SELECT entered.workspace_id AS workspace, person.id AS person, user_id AS user, entered.id
       FROM entered JOIN person ON person.id = entered.end_user_id ORDER BY entered.id`,
    );
    const db = emptyDatabase(Date.now());
    const definition = parseSeries(document);
    for (const workspace of ['a', 'b'])
      db.series.set(`${workspace}/one`, { workspace, key: 'one', state: 'active', definition });
    for (const [index, { workspace, person, user: userId, id }] of rows.entries()) {
      const at = { workspace, series: 'one', step: 'step-1', visit: 1 };
      db.people.set(person, {
        workspace,
        id: person,
        userId,
        traits: {},
        suppressed: false,
        contacted: false,
      });
      const stands = { since: db.now, enteredAt: db.now };
      db.enrollments.set(id, { ...at, ...stands, id, person, state: 'active', reason: null, pokes: 0 });
      insertTrail(db, id, []);
      insertWork(db, { ...at, enrollment: id, dueAt: db.now - (index + 1) * 1000, listening: true });
    }
    return db;
  }

  async do(operation: Operation): Promise<unknown> {
    const pool = this.#pool;
    if ('token' in operation) return this.#onHeld(operation);
    switch (operation.kind) {
      case 'take due': {
        const { limit, after } = operation;
        const jobs = await takeDue(pool, { horizon: times.horizon, limit, after });
        const places = new Map([...this.#rows].map(([place, { id }]) => [id, place]));
        return jobs.map(({ work, epoch }) => `${found(places.get(work), 'row')} at ${epoch}`).toSorted();
      }
      case 'claim': {
        const jobs = operation.jobs.map(({ place, epoch, token }) => {
          const { workspace, id: work } = this.#at(place);
          return { workspace, work, epoch, token };
        });
        const claims = await claimWork(pool, jobs, times.lease);
        return operation.jobs.map(({ place }, index) =>
          shown(claims[index] ?? null, place, this.#at(place).delivery),
        );
      }
      case 'hold':
        await pool.query('UPDATE work SET held = true WHERE id = $1', [this.#at(operation.place).id]);
        return null;
      case 'sweep':
        return sweepWork(pool, { parking: operation.parking, enqueuedFor: times.enqueuedFor });
      case 'check incarnation':
        return checkIncarnation(
          pool,
          {
            get: async () => this.#inRedis,
            set: async (_, value) => (this.#inRedis = value),
          },
          queue,
        );
      case 'flush redis':
        this.#inRedis = null;
        return null;
      case 'an hour passes':
        await this.#pass(times.hour);
        return null;
      case 'series':
        await this.#setSeries(operation.workspace, operation.state);
        return null;
      case 'unsubscribe': {
        const { workspace: workspaceId, userId } = operation;
        await unsubscribe(pool, { workspaceId, userId, source: 'api' });
        return null;
      }
      case 'remove':
        await removeFromSeries(pool, operation.workspace, 'one', operation.userId);
        return null;
      case 'poke':
        break;
    }
    return this.#poke(operation.workspace, operation.userId);
  }

  #at(place: string): Known {
    return found(this.#rows.get(place), `row ${place}`);
  }

  async #onHeld(operation: Extract<Operation, { readonly token: string }>): Promise<unknown> {
    const pool = this.#pool;
    const { place, token } = operation;
    const { workspace, id: work, enrollment, visit } = this.#at(place);
    const held = { workspace, work, token };
    const now = Date.now();
    switch (operation.kind) {
      case 'begin': {
        const message = { title: null, text: `${place} by ${token}` };
        const channel = operation.webhook ? 'webhook' : 'inbox';
        const kind = operation.webhook ? 'webhook' : 'send';
        const [begun] = await beginDeliveries(pool, [
          { ...held, kind, channel, message, endUser: '', caps: [] },
        ]);
        return begun?.verdict === 'send' ? { verdict: 'send', message: begun.message } : begun;
      }
      case 'finish': {
        const { pokes, state, delivery, next, listens } = operation;
        const contact = delivery === 'delivered';
        const to =
          next === null
            ? ({ state: 'completed', reason: 'end' } as const)
            : ({ state: 'active', ...nextPlace(visit), since: now, dueAt: now + next, listens } as const);
        const error = state === 'failed' ? 'given up' : null;
        const trail = trailOf(visit);
        const [kept] = await finishWork(pool, [
          { ...held, enrollment, pokes, state, error, delivery, contact, to, trail },
        ]);
        return kept;
      }
      case 'defer': {
        const { pokes, listens } = operation;
        const dueAt = now + times.wait;
        const [kept] = await deferWork(pool, [
          { ...held, enrollment, pokes, dueAt, listens, trail: trailOf(visit) },
        ]);
        return kept;
      }
      case 'postpone':
        return postponeWork(pool, held, times.wait, 'failed');
      case 'park':
        return parkWork(pool, held, 'unsure');
      case 'release':
        return (await releaseWork(pool, [held])) === 1;
      case 'renew':
        break;
    }
    return (await renewLeases(pool, [held], times.lease)).has(token);
  }

  async #setSeries(workspace: string, state: 'active' | 'paused' | 'archived'): Promise<void> {
    const set = { active: resumeSeries, paused: pauseSeries, archived: archiveSeries }[state];
    try {
      await set(this.#pool, workspace, 'one');
    } catch (error) {
      // An archived series stays so.
      if (!(error instanceof MusterError)) throw error;
    }
  }

  async #poke(workspace: string, userId: string): Promise<number> {
    const { rows } = await this.#pool.query<{ id: string }>(
      'SELECT id FROM end_users WHERE workspace_id = $1 AND user_id = $2',
      [workspace, userId],
    );
    const touched = rows.map(({ id }) => {
      return {
        workspace,
        endUser: id,
        fields: new Set<string>(),
        events: new Set<string>(),
        whole: true,
        zone: false,
      };
    });
    return inTransaction(this.#pool, (client) => poke(client, touched, [], this.#definitions(client)));
  }

  /** Moves what lies behind further back, leases among it. */
  async #pass(milliseconds: number): Promise<void> {
    const back = `interval '${milliseconds} milliseconds'`;
    await this.#pool.query(
      `UPDATE work SET due_at = due_at - ${back}, enqueued_at = enqueued_at - ${back}, lease_until = lease_until - ${back};
       UPDATE enrollments SET since = since - ${back}`,
    );
  }

  /** Everything that can be seen, a second later: what is done next is surely after it. */
  async see(): Promise<string[]> {
    await this.#pass(1000);
    const { rows } = await this.#pool.query<{ line: string; place: string | null; known: Known | null }>(see);
    this.#rows = new Map();
    for (const { place, known } of rows) if (place !== null && known !== null) this.#rows.set(place, known);
    return rows.map(({ line }) => line).toSorted();
  }
}

const from = (column: string): string =>
  `coalesce(round(extract(epoch FROM ${column} - statement_timestamp()) / 1800)::integer::text, '-')`;
const place = (row: string): string => `concat_ws('/', ${row}.enrollment_id, ${row}.step, ${row}.visit)`;
const yes = (condition: string): string => `(${condition})::boolean::text`;

const see = `
  SELECT concat_ws(' ', 'work', ${place('w')}, w.state, ${yes('w.held')}, w.epoch, w.attempts, coalesce(w.token::text, '-'),
      ${from('w.lease_until')}, ${from('w.due_at')}, ${from('w.enqueued_at')}, ${yes('w.listening')},
      coalesce(w.last_error, '-')) AS line,
    ${place('w')} AS place, json_build_object('id', w.id::text, 'workspace', w.workspace_id,
      'enrollment', w.enrollment_id::text, 'visit', w.visit, 'delivery', w.delivery_id) AS known
  FROM work w
  UNION ALL
  SELECT concat_ws(' ', 'enrolment', id, state, coalesce(reason, '-'), coalesce(step, '-'), visit, pokes, ${from('since')}),
    NULL, NULL
  FROM enrollments
  UNION ALL
  SELECT concat_ws(' ', 'delivery', ${place('d')}, kind, channel, state, attempts, ${yes('delivered_at IS NOT NULL')},
    coalesce(last_error, '-'), message ->> 'text'), NULL, NULL
  FROM deliveries d
  UNION ALL
  SELECT concat_ws(' ', 'person', workspace_id, user_id, ${yes('muster_suppressed(workspace_id, id)')},
    ${yes('last_contacted_at IS NOT NULL')}), NULL, NULL
  FROM end_users
  UNION ALL
  SELECT concat_ws(' ', 'trail', enrollment_id, step, visit, what), NULL, NULL FROM enrollment_trail
  UNION ALL
  SELECT concat_ws(' ', 'incarnation', counter), NULL, NULL FROM redis_incarnations`;
