import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { canaryAge } from '../../automation/canary.js';
import type { Health, Invariants } from '../../automation/index.js';
import { readInvariants } from '../../automation/reconcile/invariants.js';
import type { Pool } from '../../database/pool.js';

export interface GaugeSources {
  /** Health of the automation of this process, where one runs here. */
  readonly health?: () => Promise<Health>;
  /** Its queue. Default `muster`. */
  readonly queue?: string;
}

/** Milliseconds that a reading is used for, so that many scrapers cost no more than one. */
const freshFor = 1000;
/** Milliseconds that one reading may take: an answer without these figures is worth more than none. */
const patience = 3000;

interface Reading {
  readonly invariants: Invariants | null;
  readonly canaryAgeMs: number | null;
  readonly health: Health | null;
  readonly endpoints: readonly { readonly state: string; readonly count: number }[];
}

type Figure = readonly [name: string, help: string, of: (reading: Reading) => number | null | undefined];

const seconds = (milliseconds: number | null | undefined): number | null | undefined =>
  typeof milliseconds === 'number' ? milliseconds / 1000 : milliseconds;

/** One number each. What is null is left out: nothing is old where nothing waits. */
const figures: readonly Figure[] = [
  [
    'muster_database_up',
    'Whether Postgres answered within the time of a scrape',
    ({ invariants }) => (invariants === null ? 0 : 1),
  ],
  [
    'muster_work_oldest_due_seconds',
    'Age of the oldest step that is due and not yet offered to Redis',
    ({ invariants }) => seconds(invariants === null ? null : (invariants.oldestDueMs ?? 0)),
  ],
  [
    'muster_work_enqueued_too_long',
    'Steps that were offered to Redis over a minute ago and that nobody claimed',
    ({ invariants }) => invariants?.enqueuedTooLong,
  ],
  [
    'muster_work_claimed_past_lease',
    'Steps whose claim ran out and that nobody took up again',
    ({ invariants }) => invariants?.claimedPastLease,
  ],
  [
    'muster_work_failed',
    'Steps and recipients of broadcasts that were given up',
    ({ invariants }) => invariants?.failed,
  ],
  [
    'muster_work_unknown',
    'Steps and recipients of broadcasts of which nobody knows whether they were delivered',
    ({ invariants }) => invariants?.unknown,
  ],
  [
    'muster_broadcast_chunks',
    'Chunks of broadcasts that are not over, of up to 500 recipients each',
    ({ invariants }) => invariants?.chunksOpen,
  ],
  [
    'muster_outbox_depth',
    'What happened and was not yet taken in',
    ({ invariants }) => invariants?.outboxDepth,
  ],
  [
    'muster_outbox_oldest_seconds',
    'Age of the oldest of it',
    ({ invariants }) => seconds(invariants === null ? null : (invariants.outboxOldestMs ?? 0)),
  ],
  [
    'muster_outbox_parked',
    'Shares of it that a series failed on for good',
    ({ invariants }) => invariants?.outboxParked,
  ],
  [
    'muster_schedule_overdue_seconds',
    'How long ago the schedule that waits longest should have been looked at',
    ({ invariants }) => seconds(invariants === null ? null : (invariants.scheduleOverdueMs ?? 0)),
  ],
  [
    'muster_schedule_oldest_run_seconds',
    'Age of the oldest run of a schedule that is not over',
    ({ invariants }) => seconds(invariants === null ? null : (invariants.oldestRunMs ?? 0)),
  ],
  [
    'muster_schedule_runs_failed',
    'Runs of schedules that were given up in the last day',
    ({ invariants }) => invariants?.runsFailed,
  ],
  [
    'muster_series_silent',
    'Active series that let nobody in for longer than their history explains',
    ({ invariants }) => invariants?.seriesSilent,
  ],
  [
    'muster_canary_age_seconds',
    'Since when no job has gone the whole way from Postgres to a worker and back',
    ({ canaryAgeMs }) => seconds(canaryAgeMs),
  ],
];

const redisStates = ['ok', 'away', 'evicting'] as const;

/** Gauges that a function reads anew before each scrape. */
export function gaugesOf(
  pool: Pool,
  registers: Registry[],
  { health, queue = 'muster' }: GaugeSources,
): () => Promise<void> {
  const single = figures.map(([name, help, of]) => ({ gauge: new Gauge({ name, help, registers }), of }));
  const redis = new Gauge({
    name: 'muster_redis_state',
    help: '1 at the state that Redis is in, seen from this process',
    labelNames: ['state'],
    registers,
  });
  const loops = new Gauge({
    name: 'muster_loop_age_seconds',
    help: 'Since when a loop of this process has not come to its end without a failure',
    labelNames: ['loop'],
    registers,
  });
  const endpoints = new Gauge({
    name: 'muster_webhook_endpoints',
    help: 'Endpoints of all workspaces, enabled or why not',
    labelNames: ['state'],
    registers,
  });

  const read = async (): Promise<void> => {
    const [invariants, canaryAgeMs, found, some] = await Promise.all([
      inTime(readInvariants(pool, 60_000)),
      inTime(canaryAge(pool, queue)),
      health === undefined ? null : inTime(health()),
      inTime(countEndpoints(pool)),
    ]);
    const reading = { invariants, canaryAgeMs, health: found, endpoints: some ?? [] };
    for (const { gauge, of } of single) {
      const value = of(reading);
      if (typeof value === 'number') gauge.set(value);
      else gauge.remove();
    }
    redis.reset();
    loops.reset();
    endpoints.reset();
    if (found !== null) for (const state of redisStates) redis.set({ state }, found.redis === state ? 1 : 0);
    for (const [loop, age] of Object.entries(found?.loops ?? {})) loops.set({ loop }, age / 1000);
    for (const { state, count } of reading.endpoints) endpoints.set({ state }, count);
  };
  let last: { readonly at: number; readonly done: Promise<void> } | null = null;
  return () => {
    if (last === null || performance.now() - last.at > freshFor)
      last = { at: performance.now(), done: read() };
    return last.done;
  };
}

async function countEndpoints(pool: Pool): Promise<{ state: string; count: number }[]> {
  const { rows } = await pool.query<{ state: string; count: number }>(countEndpointStates);
  return rows;
}

const countEndpointStates = `
  SELECT state, count(e.key)::integer AS count
  FROM unnest(ARRAY['enabled', 'by_hand', 'gone', 'failing']) AS state
  LEFT JOIN webhook_endpoints e ON coalesce(e.disabled_reason, 'enabled') = state
  GROUP BY state`;

/** What comes too late or not at all is null. */
async function inTime<T>(reading: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), patience);
  });
  try {
    return await Promise.race([reading.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
