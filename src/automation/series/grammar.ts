import type { StepType, TriggerType, Weekday } from './model.js';

/** The words and bounds of the series language; the parser, the published schema and the documentation share them. */

export const triggerKeys: { readonly [T in TriggerType]: readonly string[] } = {
  user_created: ['type'],
  event: ['type', 'event', 'where'],
  segment_entered: ['type', 'segment'],
  segment_left: ['type', 'segment'],
  date: ['type', 'field', 'offset', 'at', 'zone'],
  schedule: ['type', 'cron', 'zone', 'catch_up'],
};

export const stepKeys: { readonly [T in StepType]: readonly string[] } = {
  send: ['type', 'key', 'next', 'channel', 'endpoint', 'message'],
  wait: ['type', 'key', 'next', 'for'],
  wait_until_time: ['type', 'key', 'next', 'at', 'days', 'zone'],
  wait_for: ['type', 'key', 'next', 'filter', 'event', 'where', 'timeout', 'on_timeout'],
  branch: ['type', 'key', 'next', 'arms'],
  split: ['type', 'key', 'arms'],
  set_trait: ['type', 'key', 'next', 'traits'],
  webhook: ['type', 'key', 'next', 'endpoint', 'payload'],
  exit: ['type', 'key'],
};

export const seriesKeys = [
  'key',
  'name',
  'trigger',
  'topic',
  'audience',
  'entry',
  'exit',
  'goal',
  'quiet_hours',
  'send_window',
  'frequency_caps',
  'holdout',
  'steps',
] as const;

/** Policies that are written as a word; `again_after` has a length. */
export const entryWords = ['once', 'every_time'] as const;

/** In the order of ISO 8601, Monday first. */
export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const everyDay: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7];

export const zoneChoices = ['person', 'workspace'] as const;

/** What becomes of runs that were missed; the first is the default. */
export const catchUps = ['latest', 'all', 'none'] as const;

/** Units of a date trigger's offset: it counts days, not hours. */
export const dateUnits = ['days', 'weeks', 'months'] as const;

/** Channels that messages can go to where nobody says which there are. */
export const defaultChannels: readonly string[] = ['log', 'inbox', 'email', 'slack'];

/** Where `next` and `to` lead to the end of the series. */
export const endWord = 'end';

/** Keys of series, steps, endpoints and segments. */
export const keyPattern = '^[a-z0-9][a-z0-9_-]{0,62}$';

/** 00:00 to 23:59. */
export const timePattern = '^([01][0-9]|2[0-3]):[0-5][0-9]$';

/** Bounds of a definition; texts and payloads in UTF-8 bytes. */
export const seriesLimits = {
  steps: 100,
  arms: 20,
  caps: 10,
  capMessages: 1000,
  nameBytes: 256,
  topicBytes: 200,
  eventBytes: 1024,
  titleBytes: 1024,
  textBytes: 65_536,
  htmlBytes: 131_072,
  payloadBytes: 32_768,
  cronBytes: 200,
  /** Amount of a length of time. */
  amount: 100_000,
  /** Percent. */
  holdout: 50,
  /** Problems reported at once; beyond it the report stops. */
  problems: 100,
} as const;
