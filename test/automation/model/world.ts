import type { SeriesDefinition } from '../../../src/automation/series/model.js';
import { Actor } from './actor.js';
import { emptyDatabase } from './database.js';
import type { Database } from './database.js';
import type { Guards } from './guards.js';
import { Provider } from './provider.js';
import { Redis, emptyDump } from './redis.js';
import type { Dump } from './redis.js';
import { relayRound } from './relay.js';
import { enter } from './statements/changes.js';
import { sweep } from './statements/sweep.js';
import { Worker } from './worker.js';

/** What is the case before anything happens. */
export interface Setting {
  /** One series each; everybody is inside all of them. */
  readonly series: readonly SeriesDefinition[];
  readonly people: number;
  /** The channel parks what it cannot be sure of, and its provider knows no keys; else it repeats, and the provider does. */
  readonly parks: boolean;
  readonly maxAttempts: number;
  /**
   * Redis is only ever wiped or set back to another life, and relays finish their rounds: then the incarnation alone
   * has to bring back what was lost, for the sweep of what was enqueued too long never comes.
   */
  readonly wholeLosses: boolean;
}

export const workspace = 'sample';
const start = Date.UTC(2026, 0, 5, 9);
const enqueuedFor = 60_000;

/** Postgres, Redis, the provider and the processes, none of which knows more of the others than in production. */
export class World {
  readonly db: Database;
  readonly redis = new Redis();
  readonly provider: Provider;
  readonly relays: readonly [Actor, Actor];
  readonly workers: readonly [Worker, Worker, Worker];
  readonly parks: boolean;
  readonly maxAttempts: number;
  readonly wholeLosses: boolean;
  readonly channel = 'inbox';
  dump: Dump = emptyDump;
  /** What a law found while it ran. */
  readonly broken: string[] = [];
  #tokens = 0;

  constructor({ series, people, parks, maxAttempts, wholeLosses }: Setting, guards: Guards) {
    this.db = emptyDatabase(start, guards);
    this.provider = new Provider(!parks);
    this.parks = parks;
    this.maxAttempts = maxAttempts;
    this.wholeLosses = wholeLosses;
    this.relays = [new Actor(() => relayRound(this)), new Actor(() => relayRound(this))];
    this.workers = [new Worker(this), new Worker(this), new Worker(this)];
    for (const [index, definition] of series.entries()) {
      const key = `s${index + 1}`;
      this.db.series.set(`${workspace}/${key}`, { workspace, key, state: 'active', definition });
    }
    for (let index = 1; index <= people; index += 1) {
      const id = `p${index}`;
      const traits = { plan: 'free' };
      this.db.people.set(id, { workspace, id, userId: id, traits, suppressed: false, contacted: false });
      for (const { key } of this.db.series.values()) enter(this.db, workspace, key, id);
    }
  }

  freshToken(): string {
    this.#tokens += 1;
    return `token-${this.#tokens}`;
  }

  /** Time goes on, and no statement takes that long but one of `slow`. */
  pass(milliseconds: number, slow?: Actor): void {
    const others = [...this.relays, ...this.workers].filter((actor) => actor !== slow);
    for (const actor of others) while (actor.isOpen) actor.step();
    this.db.now += milliseconds;
  }

  /** Answers how many rows were taken up again. */
  sweep(): number {
    const parking = this.parks ? [this.channel] : [];
    const options = { parking, enqueuedFor: this.wholeLosses ? Infinity : enqueuedFor };
    const locked = new Set(this.workers.flatMap(({ locks }) => locks ?? []));
    const { expired, parked, stale, released } = sweep(this.db, options, locked);
    return expired + parked + stale + released;
  }

  /** The next instant at which something can happen by itself; null where there is none. */
  nextInstant(): number | null {
    const { db, redis } = this;
    const instants: (number | null)[] = [redis.nextAt()];
    for (const row of db.work.values()) {
      if (row.state === 'pending' && !row.held) instants.push(row.dueAt - 2000);
      if (row.state === 'claimed' && row.leaseUntil !== null) instants.push(row.leaseUntil + 1);
      if (row.state === 'enqueued' && row.enqueuedAt !== null && !this.wholeLosses)
        instants.push(row.enqueuedAt + enqueuedFor + 1);
    }
    const later = instants.filter((at): at is number => at !== null && at > db.now);
    return later.length === 0 ? null : Math.min(...later);
  }
}
