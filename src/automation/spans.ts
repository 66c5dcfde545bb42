import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { readTraceparent, traceparentOf } from '../database/traceparent.js';

// Until a program registers an SDK, this makes spans that are nothing.
const tracer = trace.getTracer('muster');

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** When it began, in milliseconds since 1970 (UTC), where that was before. */
  readonly since?: number;
}

/**
 * Begins a span below another, which is given as W3C writes it. Null where there is none: nothing is traced that no caller
 * traced. Attributes hold ids of Muster's own, keys and kinds, never what is known of a person.
 */
export function beginSpan(
  name: string,
  parent: string | null,
  attributes: Attributes,
  { kind = SpanKind.INTERNAL, since }: SpanOptions = {},
): Span | null {
  const above = parent === null ? null : readTraceparent(parent);
  if (above === null) return null;
  const start = since === undefined ? {} : { startTime: since };
  return tracer.startSpan(name, { kind, attributes, ...start }, trace.setSpanContext(ROOT_CONTEXT, above));
}

/** Ends a span; `error` is a kind of failure, never a message, which could quote a person's data. */
export function endSpan(span: Span | null, attributes: Attributes = {}, error?: string): void {
  if (span === null) return;
  span.setAttributes(attributes);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  span.end();
}

/** A span as W3C writes it, for what is caused by it; null where there is none. */
export function spanText(span: Span | null): string | null {
  return span === null ? null : traceparentOf(span.spanContext());
}

/** The context in which a span is the active one. */
export function under(span: Span, above: Context = ROOT_CONTEXT): Context {
  return trace.setSpan(above, span);
}
