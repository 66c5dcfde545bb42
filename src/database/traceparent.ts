import { TraceFlags, context, isSpanContextValid, trace } from '@opentelemetry/api';
import type { SpanContext } from '@opentelemetry/api';

/**
 * The span that is active here, as W3C writes it (`00-<trace>-<span>-<flags>`); null where nobody traces, or where this
 * trace is one of those that are not sampled.
 */
export function activeTraceparent(): string | null {
  const span = trace.getSpanContext(context.active());
  return span === undefined || (span.traceFlags & TraceFlags.SAMPLED) === 0 ? null : traceparentOf(span);
}

/** The same of a given span; null for one that belongs to no trace. */
export function traceparentOf(span: SpanContext): string | null {
  if (!isSpanContextValid(span)) return null;
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** Reads what `traceparentOf` wrote, and what a caller sent; null for anything else. */
export function readTraceparent(text: unknown): SpanContext | null {
  if (typeof text !== 'string') return null;
  const [, traceId = '', spanId = '', flags = ''] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text) ?? [];
  const span = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(span) ? span : null;
}
