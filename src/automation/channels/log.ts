import { unlessAborted } from './abort.js';
import type { Channel } from './channel.js';

/** One delivered message, as one JSON-ready line. */
export interface LogLine {
  readonly delivery: string;
  readonly workspace: string;
  readonly user: string | null;
  readonly series: string;
  readonly step: string;
  readonly title: string | null;
  readonly text: string;
}

/**
 * The log channel: hands each message to `sink` as a line.
 *
 * The open window: the line may be written although that was never recorded. The repeat writes a second one with the same
 * `delivery`, by which a reader of the log tells it from another message.
 */
export function logChannel(sink: (line: LogLine) => void | Promise<void>): Channel {
  return {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    onRepeat: 'marked',
    async deliver(message, { idempotencyKey, signal }) {
      const line: LogLine = {
        delivery: idempotencyKey,
        workspace: message.workspaceId,
        user: message.userId,
        series: message.series,
        step: message.step,
        title: message.title,
        text: message.text,
      };
      await unlessAborted(signal, async () => sink(line));
    },
  };
}
