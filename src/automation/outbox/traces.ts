import { SpanKind } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import { beginSpan, endSpan, spanText } from '../spans.js';
import type { OutboxRow } from './happenings.js';

/** The spans of one intake: one for each row whose cause was traced. */
export interface IntakeTraces {
  /** The rows, each in the span of its own intake. */
  begin(rows: readonly OutboxRow[]): readonly OutboxRow[];
  /** Ends the spans once the transaction is over, as it ended. */
  around<T>(work: () => Promise<T>): Promise<T>;
}

export function intakeTraces(): IntakeTraces {
  const spans: Span[] = [];
  return {
    begin(rows) {
      return rows.map((row) => {
        const attributes = {
          'muster.workspace': row.workspace,
          'muster.happening': row.kind,
          'muster.outbox': row.id,
        };
        const span = beginSpan('muster.intake', row.trace, attributes, { kind: SpanKind.CONSUMER });
        if (span === null) return row;
        spans.push(span);
        return { ...row, trace: spanText(span) ?? row.trace };
      });
    },
    async around(work) {
      try {
        const result = await work();
        for (const span of spans) endSpan(span);
        return result;
      } catch (error) {
        for (const span of spans) endSpan(span, {}, 'rolled back');
        throw error;
      }
    },
  };
}
