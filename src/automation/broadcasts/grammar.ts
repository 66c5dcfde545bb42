import type { Dedupe, PassedRule } from './model.js';

/** The words and bounds of broadcasts; the parser, the published schema and the documentation share them. */

export const broadcastKeys = [
  'key',
  'name',
  'audience',
  'channel',
  'message',
  'variants',
  'topic',
  'quiet_hours',
  'send_window',
  'frequency_caps',
  'dedupe',
  'rate_limit',
  'schedule',
] as const;

/** Parts of a schedule that recurs. */
export const recurrenceKeys = ['cron', 'zone', 'catch_up'] as const;

export const ratePeriods = ['second', 'minute'] as const;

export const passedRules = ['send_now', 'next_day', 'skip'] as const satisfies readonly PassedRule[];

export const dedupeRules = ['address'] as const satisfies readonly Dedupe[];

/** The key of the only variant where there is no A/B test. */
export const onlyVariant = 'message';

/** `YYYY-MM-DD`; whether the day exists only the parser tells. */
export const datePattern = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$';

/** Bounds of a definition; the rest is as in a series. */
export const broadcastLimits = {
  variants: 20,
  /** Messages a second or a minute. */
  rate: 1_000_000,
  topicBytes: 200,
} as const;
