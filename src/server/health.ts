import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Pool } from '../database/pool.js';
import { answerFailures } from './failures.js';
import { healthRoutes } from './routes/health.js';
import type { ReadyCheck } from './routes/health.js';
import type { Metrics } from './metrics/registry.js';
import { metricsRoutes } from './routes/metrics.js';

export interface HealthServerOptions {
  readonly pool: Pool;
  readonly log: FastifyBaseLogger;
  /** What `/readyz` asks beside the database, by name. */
  readonly checks?: Readonly<Record<string, ReadyCheck>>;
  readonly isStopping: () => boolean;
  readonly metrics: Metrics;
  /** What scrapers of `/metrics` have to send; without it only this machine may ask. */
  readonly metricsToken?: string | undefined;
}

/** The port of a process without an API: `/healthz`, `/readyz` and `/metrics`. Without listening, as `buildServer`. */
export async function buildHealthServer(options: HealthServerOptions): Promise<FastifyInstance> {
  const { pool, checks = {}, isStopping } = options;
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  answerFailures(app);
  await app.register(healthRoutes, {
    checks: { database: () => pool.query('SELECT 1'), ...checks },
    isStopping,
  });
  await app.register(metricsRoutes, { metrics: options.metrics, token: options.metricsToken });
  await app.ready();
  return app;
}
