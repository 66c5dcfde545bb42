import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import swagger from '@fastify/swagger';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { getter, networkRules, noEmailSettings } from '../automation/index.js';
import type { EmailSettings, Get } from '../automation/index.js';
import type { Pool } from '../database/pool.js';
import { pino } from 'pino';
import { MusterError, problem } from '../errors/index.js';
import { accessBook } from './access.js';
import { limitBodyTime } from './body-timeout.js';
import { analysisLane, keepLane } from './lanes.js';
import { authenticate } from './auth.js';
import { runInBackground } from './background.js';
import { readBodies } from './body.js';
import { allowPages } from './cors.js';
import { answer, answerFailures, bodyLimit, longestParam, refuseUnknownRoutes } from './failures.js';
import { identityFindings } from './identity/findings.js';
import { identityGuard } from './identity/guard.js';
import { refuseUnstorable } from './params.js';
import { defaultRateLimit, rateLimiter } from './limits.js';
import { refusalBook } from './refusals.js';
import { openMetrics } from './metrics/registry.js';
import type { Metrics } from './metrics/registry.js';
import { metricsRoutes } from './routes/metrics.js';
import { traceCalls } from './tracing.js';
import type { RateLimit } from './limits.js';
import { audienceRoutes } from './routes/audiences.js';
import { beaconRoutes } from './routes/beacon.js';
import { channelRoutes } from './routes/channels.js';
import { contextRoutes } from './routes/context.js';
import { boardRoutes } from './routes/board.js';
import { broadcastRoutes } from './routes/broadcasts.js';
import { deliveryRoutes } from './routes/deliveries.js';
import { emailFeedbackRoutes } from './routes/email-feedback.js';
import { enrollmentRoutes } from './routes/enrollments.js';
import { capRoutes } from './routes/frequency-caps.js';
import { healthRoutes } from './routes/health.js';
import type { ReadyCheck } from './routes/health.js';
import { homeRoutes } from './routes/home.js';
import { identityRoutes } from './routes/identity.js';
import { importRoutes } from './routes/imports.js';
import type { UploadOptions } from './routes/imports.js';
import { keyRoutes } from './routes/keys.js';
import type { KeyKind } from './keys.js';
import { listRoutes } from './routes/lists.js';
import { preferenceRoutes } from './routes/preferences.js';
import { refusalRoutes } from './routes/refusals.js';
import { ruleRoutes } from './routes/rules.js';
import { sdkRoutes } from './routes/sdk.js';
import { segmentRoutes } from './routes/segment.js';
import { savedSegmentRoutes } from './routes/segments.js';
import { scheduleRoutes } from './routes/schedules.js';
import { seriesReportRoutes } from './routes/series-reports.js';
import { seriesRoutes } from './routes/series.js';
import { settingsRoutes } from './routes/settings.js';
import { snippetRoutes } from './routes/snippet.js';
import { targetingRoutes } from './routes/targeting.js';
import { templateRoutes } from './routes/templates.js';
import { eventRoutes } from './routes/events.js';
import { traitRoutes } from './routes/traits.js';
import { trackRoutes } from './routes/track.js';
import { userRoutes } from './routes/users.js';
import { unsubscribeRoutes } from './routes/unsubscribe.js';
import { webhookRoutes } from './routes/webhooks.js';

export interface ServerOptions {
  readonly pool: Pool;
  /** What `/readyz` asks beside the database, by name. */
  readonly checks?: Readonly<Record<string, ReadyCheck>>;
  /** Whether the process was asked to stop; `/readyz` refuses from then on. */
  readonly isStopping?: () => boolean;
  /** Gathers figures and gives them at `/metrics`; without it they are gathered for this server alone. */
  readonly metrics?: Metrics;
  /** What scrapers of `/metrics` have to send; without it only this machine may ask. */
  readonly metricsToken?: string | undefined;
  /** Where log lines go; nowhere when left out. */
  readonly log?: FastifyBaseLogger;
  /** Called after a commit that may have caused something to happen, so that it need not wait for the next poll. */
  readonly onFact?: () => void;
  /** Milliseconds since 1970 (UTC); the machine's clock when left out. */
  readonly clock?: () => number;
  /** Where calls are counted over all processes; without it each process counts for itself. */
  readonly redisUrl?: string;
  /** Calls that one key may make; default 100,000 in 10 seconds. */
  readonly rateLimit?: RateLimit;
  /** Milliseconds within which a body has to arrive, or the next part of an import's; default 30,000. */
  readonly bodyTimeout?: number;
  /** Bounds of `POST /api/imports`. */
  readonly upload?: UploadOptions;
  /** Networks that webhooks may be sent to although they are private; the same as the channel's. Default: none. */
  readonly allowedNetworks?: readonly string[];
  /** How Amazon SNS is called to confirm a subscription; by https to public addresses when left out. */
  readonly snsGet?: Get;
  /** What e-mail is sent with where a workspace has nothing of its own; the same as the channel's. Default: nothing. */
  readonly email?: EmailSettings;
}

/** One call that the server answers. */
export interface Route {
  readonly method: string;
  /** With its parameters, such as `/api/users/:user_id`. */
  readonly url: string;
  /** Which key it needs; none when left out. */
  readonly needs: KeyKind | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every call that the server answers, so that a test can try each of them. */
    routeTable: readonly Route[];
  }
}

/** Calls that answer about one workspace, or could. */
const holdsData = /^\/(?:api|v1)\//;

function addHeaders({ id, url }: FastifyRequest, reply: FastifyReply): void {
  void reply.header('x-request-id', id);
  // Answers hold people and keys, refusals included; a route that wants another rule sets its own.
  if (holdsData.test(url) && !reply.hasHeader('cache-control'))
    void reply.header('cache-control', 'no-store');
}

/**
 * Builds the HTTP API without listening: `await server.listen({ port, host: '127.0.0.1' })` starts it and
 * `await server.close()` lets running requests finish and stops it. The pool stays the caller's.
 */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { pool, clock = Date.now, checks = {}, onFact = () => undefined, isStopping = () => false } = options;
  const { allowedNetworks = [], email = noEmailSettings } = options;
  const app = fastify({
    loggerInstance: options.log ?? pino({ level: 'silent' }),
    bodyLimit,
    // The longest upload of an import; what else is late is found by limitBodyTime.
    requestTimeout: 3_600_000,
    genReqId: () => crypto.randomUUID(),
    routerOptions: { maxParamLength: longestParam },
    // The line written after each answer says all that is needed; the usual two would name people in their addresses.
    logController: new LogController({ disableRequestLogging: true }),
    // An address that cannot be read: no hook runs.
    frameworkErrors: (error, request, reply) => {
      addHeaders(request, reply);
      void answer(error, request, reply);
    },
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return;
      const body = JSON.stringify(
        new MusterError(
          problem('bad_request', { reason: 'it is not HTTP, or its headers are too large' }),
        ).toBody(),
      );
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  const routeTable: Route[] = [];
  app.decorate('routeTable', routeTable);
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const each of [method].flat()) routeTable.push({ method: each, url, needs: config?.needs });
  });
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Answers are serialised as they are: a schema-driven serialiser would drop keys and mistake `__proto__` for more.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  readBodies(app);
  app.addHook('onSend', async (request, reply) => {
    addHeaders(request, reply);
    // A connection that is kept open would hold the end of the process up, and its next call come too late.
    if (isStopping()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        ...(request.workspaceId === '' ? {} : { workspace: request.workspaceId }),
      },
      'answered',
    );
  });
  answerFailures(app);
  const metrics = options.metrics ?? openMetrics(pool);
  metrics.observeCalls(app);
  const access = accessBook(pool, clock);
  const limiter = rateLimiter(options.rateLimit ?? defaultRateLimit, options.redisUrl);
  const findings = identityFindings(pool, (err) =>
    app.log.warn({ err }, 'counts of identity were not written'),
  );
  const guard = identityGuard(access, findings, clock);
  const refusals = refusalBook(pool, metrics.refused, clock);
  app.addHook('onClose', async () => {
    limiter.close();
    await findings.close();
  });
  traceCalls(app);
  runInBackground(app, pool, clock);
  limitBodyTime(app, options.bodyTimeout ?? 30_000);
  const analysis = analysisLane(pool);
  keepLane(app, analysis);
  allowPages(app);
  refuseUnknownRoutes(app);
  authenticate(app, access, limiter);
  app.addHook('onRequest', async ({ params, query }) => {
    refuseUnstorable(params);
    refuseUnstorable(query);
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Muster',
        description:
          'Audiences over Postgres and series over BullMQ, with a reason for every count, send and refusal.',
        version: '0.1.0',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  });
  await app.register(healthRoutes, {
    checks: { database: () => pool.query('SELECT 1'), ...checks },
    isStopping,
  });
  await app.register(metricsRoutes, { metrics, token: options.metricsToken });
  await app.register(sdkRoutes, { pool, guard, clock, onFact, refusals });
  await app.register(trackRoutes, { pool, guard, onFact, refusals });
  await app.register(beaconRoutes, { access, refusals });
  await app.register(segmentRoutes, { pool, guard, access, clock, onFact, refusals });
  await app.register(userRoutes, { pool, clock, onFact });
  await app.register(contextRoutes, { pool });
  await app.register(listRoutes, { pool });
  await app.register(importRoutes, { pool, onFact, upload: options.upload ?? {} });
  await app.register(keyRoutes, { pool, access, clock });
  await app.register(identityRoutes, { pool, access, findings, clock });
  await app.register(audienceRoutes, { pool, clock, analysis });
  await app.register(savedSegmentRoutes, { pool, clock, analysis });
  await app.register(ruleRoutes, { pool, clock });
  await app.register(targetingRoutes, { pool, guard, clock });
  await app.register(seriesRoutes, { pool, onFact, email, clock });
  await app.register(broadcastRoutes, { pool, onFact, email, clock });
  await app.register(scheduleRoutes, { pool });
  await app.register(enrollmentRoutes, { pool, onFact });
  await app.register(seriesReportRoutes, { pool });
  await app.register(deliveryRoutes, { pool, onFact });
  await app.register(boardRoutes, { pool, clock });
  await app.register(webhookRoutes, { pool, allowedNetworks });
  await app.register(emailFeedbackRoutes, {
    pool,
    clock,
    get: options.snsGet ?? getter({ rules: networkRules(allowedNetworks) }),
  });
  await app.register(templateRoutes, { pool, clock, email });
  await app.register(preferenceRoutes, { pool });
  await app.register(capRoutes, { pool });
  await app.register(settingsRoutes, { pool, access, onFact, email });
  await app.register(unsubscribeRoutes, { pool });
  await app.register(channelRoutes, { pool, allowedNetworks, email });
  await app.register(traitRoutes, { pool });
  await app.register(eventRoutes, { pool });
  await app.register(refusalRoutes, { pool });
  await app.register(snippetRoutes);
  await app.register(homeRoutes);
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.ready();
  return app;
}
