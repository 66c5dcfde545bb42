import { SpanKind, context, trace } from '@opentelemetry/api';
import { beginSpan, endSpan, spanText, under } from '../spans.js';
import type { Claim } from './claim.js';
import type { Delivered } from './deliver.js';
import type { Performed } from './perform.js';

/**
 * Performs a step in a span of its own, where what led to it was traced: the claim lies behind it already, and `asked` is
 * when it was asked for, in milliseconds since 1970 (UTC).
 */
export async function traceStep(
  claim: Claim,
  asked: number,
  perform: () => Promise<Performed>,
): Promise<Performed> {
  const attributes = {
    'muster.workspace': claim.workspace,
    'muster.series': claim.series,
    'muster.version': claim.version,
    'muster.step': claim.state.step,
    'muster.work': claim.work,
    'muster.attempt': claim.attempt,
  };
  const span = beginSpan('muster.step', claim.trace, attributes, { kind: SpanKind.CONSUMER, since: asked });
  if (span === null) return perform();
  endSpan(beginSpan('muster.claim', spanText(span), {}, { since: asked }));
  try {
    const performed = await context.with(under(span, context.active()), perform);
    endSpan(span, { 'muster.performed': performed }, performed === 'failed' ? 'given up' : undefined);
    return performed;
  } catch (error) {
    endSpan(span, {}, 'interrupted');
    throw error;
  }
}

/** Calls a channel in a span below the step's, where there is one. */
export async function traceDelivery(
  { delivery }: Claim,
  channel: string,
  call: () => Promise<Delivered>,
): Promise<Delivered> {
  const step = trace.getSpan(context.active());
  if (step === undefined) return call();
  const attributes = { 'muster.channel': channel, 'muster.delivery': delivery };
  const span = beginSpan('muster.deliver', spanText(step), attributes, { kind: SpanKind.CLIENT });
  if (span === null) return call();
  const delivered = await context.with(under(span, context.active()), call);
  const { kind } = delivered;
  endSpan(span, { 'muster.result': kind }, kind === 'delivered' ? undefined : kind);
  return delivered;
}
