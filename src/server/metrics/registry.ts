import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Observer } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { gaugesOf } from './gauges.js';
import type { GaugeSources } from './gauges.js';

/** The figures of one process, and of the queue of record behind it, for Prometheus. */
export interface Metrics {
  /** For the automation: counts deliveries, and how late steps begin. */
  readonly observer: Observer;
  /** Counts something that was sent and could not be stored, by the code of why. */
  readonly refused: (code: string) => void;
  /** Measures every call of a server. */
  observeCalls(app: FastifyInstance): void;
  /** All figures in Prometheus's text format, read now. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions extends GaugeSources {
  /** Whether to tell of the process as well: memory, event loop, garbage collection. */
  readonly ofProcess: boolean;
}

const secondsOf = (milliseconds: number): number => milliseconds / 1000;

/**
 * Labels are routes as they are written in the code, channels, results and states: never an id, a key of a workspace or
 * its name, so that their number does not grow with what is stored.
 */
export function openMetrics(pool: Pool, options: MetricsOptions = { ofProcess: false }): Metrics {
  const register = new Registry();
  const registers = [register];
  if (options.ofProcess) collectDefaultMetrics({ register });
  const calls = new Histogram({
    name: 'muster_http_request_duration_seconds',
    help: 'Calls of the API, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  const deliveries = new Counter({
    name: 'muster_deliveries_total',
    help: 'Attempts to deliver, by channel and by what became of them',
    labelNames: ['channel', 'result'],
    registers,
  });
  const channelCalls = new Histogram({
    name: 'muster_delivery_duration_seconds',
    help: 'How long channels took to answer',
    labelNames: ['channel'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 30],
    registers,
  });
  const findings = new Counter({
    name: 'muster_reconciler_findings_total',
    help: 'What somebody should have come back to and did not, found by sweep and reconciler',
    labelNames: ['finding'],
    registers,
  });
  const refusals = new Counter({
    name: 'muster_ingest_refusals_total',
    help: 'What was sent and could not be stored, where the sender is not told or does not look, by the code of why',
    labelNames: ['code'],
    registers,
  });
  const late = new Histogram({
    name: 'muster_step_lateness_seconds',
    help: 'How long after it was due a step was begun: the lag of the queue',
    buckets: [0.05, 0.25, 1, 5, 10, 30, 60, 300, 1800],
    registers,
  });
  register.registerMetric(
    new Gauge({
      name: 'muster_database_connections',
      help: 'Connections of this process to Postgres: open, of them idle, and callers that wait for one',
      labelNames: ['state'],
      registers: [],
      collect() {
        this.set({ state: 'open' }, pool.totalCount);
        this.set({ state: 'idle' }, pool.idleCount);
        this.set({ state: 'waiting' }, pool.waitingCount);
      },
    }),
  );
  const refresh = gaugesOf(pool, registers, options);

  return {
    observer: {
      found: (finding, count) => findings.inc({ finding }, count),
      claimed: (lateBy) => late.observe(secondsOf(lateBy)),
      delivery(channel, result, milliseconds) {
        deliveries.inc({ channel, result });
        if (milliseconds !== undefined) channelCalls.observe({ channel }, secondsOf(milliseconds));
      },
    },
    refused: (code) => refusals.inc({ code }),
    observeCalls(app) {
      app.addHook('onResponse', async ({ method, routeOptions }, { statusCode, elapsedTime }) => {
        const route = routeOptions.url ?? 'none';
        calls.observe({ method, route, status: statusCode }, secondsOf(elapsedTime));
      });
    },
    async text() {
      await refresh();
      return register.metrics();
    },
    contentType: register.contentType,
  };
}
