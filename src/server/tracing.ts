import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import type { Context, Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readTraceparent } from '../database/traceparent.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The span of the call; null where nobody traces. */
    span: Span | null;
  }
}

const untraced = new Set(['/', '/healthz', '/readyz', '/metrics', '/openapi.json']);

/**
 * Gives every call a span, where a program has registered an OpenTelemetry SDK: below the one that is active already, or
 * below the caller's, which the header `traceparent` names. Attributes name the route, never the address, which could
 * name a person.
 */
export function traceCalls(app: FastifyInstance): void {
  const tracer = trace.getTracer('muster');
  app.decorateRequest('span', null);
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    if (route !== undefined && !untraced.has(route)) {
      const attributes = { 'http.request.method': request.method, 'http.route': route };
      const options = { kind: SpanKind.SERVER, attributes };
      const span = tracer.startSpan(`${request.method} ${route}`, options, contextOf(request));
      // Without an SDK, or where this trace is not sampled, nothing is written on its account.
      if (span.isRecording()) request.span = span;
    }
    done();
  });
  // Here, because the context of an earlier hook may be lost while the body is read.
  app.addHook('preHandler', ({ span }, _reply, done) => {
    if (span === null) done();
    else context.with(trace.setSpan(context.active(), span), done);
  });
  app.addHook('onResponse', async ({ span, workspaceId }, { statusCode }) => {
    if (span === null) return;
    span.setAttribute('http.response.status_code', statusCode);
    if (workspaceId !== '') span.setAttribute('muster.workspace', workspaceId);
    if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  });
}

function contextOf({ headers }: FastifyRequest): Context {
  const active = context.active();
  if (trace.getSpan(active) !== undefined) return active;
  const caller = readTraceparent(headers['traceparent']);
  return caller === null ? active : trace.setSpanContext(active, caller);
}
