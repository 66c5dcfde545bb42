import { MusterError } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { described, isList, isObject } from '../../filter/parse/context.js';
import { parseFilter } from '../../filter/parse.js';
import { seriesLimits } from '../series/grammar.js';
import { addressSql, speaksToPerson } from '../channels/properties.js';
import { Check, own } from '../series/parse/check.js';
import type { Document } from '../series/parse/check.js';
import { namesOf } from '../series/parse/known.js';
import type { KnownNames } from '../series/parse/known.js';
import { checkSetUp } from '../series/parse/destination.js';
import { capsOf, channelOf, messageOf } from '../series/parse/message.js';
import { schedulePartsOf } from '../series/parse/schedule.js';
import { quietHoursOf, sendWindowOf, timeOf, zoneChoiceOf } from '../series/parse/time.js';
import { leavesTimeToSend } from '../series/sending-hours.js';
import {
  broadcastKeys,
  broadcastLimits,
  datePattern,
  dedupeRules,
  onlyVariant,
  passedRules,
  ratePeriods,
  recurrenceKeys,
} from './grammar.js';
import type { BroadcastDefinition, Dedupe, RateLimit, Schedule, Variant } from './model.js';

const exampleMessage = '{"text": "Hello {{ name|there }}"}';
const exampleVariant = `{"key": "a", "percent": 50, "message": ${exampleMessage}}`;

/**
 * Checks a broadcast as written in JSON and returns it typed. The language is described in docs/broadcasts.md, its shape
 * published as docs/broadcast.schema.json.
 *
 * @param known what the workspace has, for names to be checked against
 *
 * Errors: a `MusterError` with every problem found, each with its JSON Pointer; problems of the audience are found under its
 * place. A time that is over is no mistake of the document: the launch refuses it.
 */
export function parseBroadcast(input: unknown, known: KnownNames = {}): BroadcastDefinition {
  const names = namesOf(known);
  const check = new Check(names.savedSegments, 'broadcast', names.channels === null);
  const document = check.object(
    input,
    '',
    'a broadcast, an object',
    '{"key": "spring", "name": "Spring", "audience": {"everyone": true}, ...}',
  );
  if (document === null) throw new MusterError(check.problems);
  check.knownKeys(document, '', broadcastKeys);
  const key = check.key(own(document, 'key'), '/key', '"spring"');
  const name = check.text(own(document, 'name'), '/name', 'a name', seriesLimits.nameBytes, '"Spring"');
  const audience = check.filter(own(document, 'audience'), '/audience', parseFilter);
  // What tells the customer's own people about somebody is a step of a series, not a message to an audience.
  const channels = names.channels?.filter(speaksToPerson) ?? null;
  const channel = channelOf(check, own(document, 'channel'), '/channel', { ...names, channels });
  if (channel !== null) checkSetUp(check, channel, '', names);
  const variants = contentOf(check, document, channel);
  const part = partReader(check, document);
  const quietHours = part('quiet_hours', quietHoursOf);
  const sendWindow = part('send_window', sendWindowOf);
  if (!leavesTimeToSend({ quietHours, sendWindow })) check.report('no_time_to_send', {}, '/send_window');
  const parts = {
    topic: part('topic', topicOf),
    quietHours,
    sendWindow,
    frequencyCaps: part('frequency_caps', capsOf) ?? [],
    dedupe: part('dedupe', (...asked) => dedupeOf(...asked, channel)),
    rateLimit: part('rate_limit', rateLimitOf),
    schedule: part('schedule', scheduleOf) ?? { kind: 'now' as const },
    source: document,
  };
  if (
    check.problems.length > 0 ||
    key === null ||
    name === null ||
    audience === null ||
    channel === null ||
    variants === null
  ) {
    throw new MusterError(check.problems);
  }
  return { key, name, audience, channel, variants, ...parts };
}

/** Only a channel that goes by an address has anything that people can share. */
function dedupeOf(check: Check, input: unknown, path: string, channel: string | null): Dedupe | null {
  const rule = check.word(input, path, dedupeRules);
  if (rule === null || channel === null || addressSql(channel, 'u') !== null) return rule;
  return check.report('dedupe_without_address', { channel }, path);
}

type PartReader<T> = (check: Check, input: unknown, path: string) => T | null;

/** Reads a part that may be left out. One that is there but null says nothing, and its reader refuses it. */
function partReader(check: Check, document: Document): <T>(key: string, read: PartReader<T>) => T | null {
  return (key, read) => (Object.hasOwn(document, key) ? read(check, document[key], `/${key}`) : null);
}

/** `message`, or `variants` for an A/B test. */
function contentOf(check: Check, document: Document, channel: string | null): readonly Variant[] | null {
  const tested = Object.hasOwn(document, 'variants');
  if (tested === Object.hasOwn(document, 'message')) {
    const got = tested ? 'both' : 'neither';
    const values = { expected: '`message` or `variants`', got, example: `"message": ${exampleMessage}` };
    return check.report('broadcast_expected', values, '');
  }
  if (tested) return variantsOf(check, document['variants'], '/variants', channel);
  const message = messageOf(check, document['message'], '/message', channel);
  return message === null ? null : [{ key: onlyVariant, percent: 100, message }];
}

function variantsOf(
  check: Check,
  input: unknown,
  path: string,
  channel: string | null,
): readonly Variant[] | null {
  const most = broadcastLimits.variants;
  if (!isList(input) || input.length < 2 || input.length > most) {
    return check.expected(`a list of 2 to ${most} variants`, input, path, `[${exampleVariant}, ...]`);
  }
  const keys = new Set<string>();
  const variants = input.map((item, index): Variant | null => {
    const at = `${path}/${index}`;
    const variant = check.object(item, at, 'a variant, an object', exampleVariant);
    if (variant === null) return null;
    check.knownKeys(variant, at, ['key', 'percent', 'message']);
    const key = check.key(own(variant, 'key'), `${at}/key`, '"a"');
    if (key !== null && keys.has(key)) check.report('variant_key_taken', { key }, `${at}/key`);
    if (key !== null) keys.add(key);
    const percent = percentOf(check, own(variant, 'percent'), `${at}/percent`);
    const message = messageOf(check, own(variant, 'message'), `${at}/message`, channel);
    return key === null || percent === null || message === null ? null : { key, percent, message };
  });
  const sound = variants.filter((variant) => variant !== null);
  if (sound.length < variants.length) return null;
  const sum = sound.reduce((total, { percent }) => total + percent, 0);
  // Thirds written as decimals do not meet 100 exactly.
  return Math.abs(sum - 100) > 0.01 ? check.report('bad_percentages', { sum }, path) : sound;
}

function percentOf(check: Check, input: unknown, path: string): number | null {
  const percent = check.number(input, path, { low: 0, high: 100, whole: false, example: 50 });
  if (percent !== 0) return percent;
  const values = { expected: 'a percentage above 0', got: 'the number 0', example: 50 };
  return check.report('broadcast_number_range', values, path);
}

function topicOf(check: Check, input: unknown, path: string): string | null {
  return check.text(input, path, 'a topic', broadcastLimits.topicBytes, '"product_news"');
}

function rateLimitOf(check: Check, input: unknown, path: string): RateLimit | null {
  const limit = check.object(input, path, 'a rate limit, an object', '{"messages": 500, "per": "minute"}');
  if (limit === null) return null;
  check.knownKeys(limit, path, ['messages', 'per']);
  const bounds = { low: 1, high: broadcastLimits.rate, whole: true, example: 500 };
  const messages = check.number(own(limit, 'messages'), `${path}/messages`, bounds);
  const per = check.word(own(limit, 'per'), `${path}/per`, ratePeriods);
  return messages === null || per === null ? null : { messages, per };
}

/** `"now"`, `{"at": ISO 8601}`, `{"date", "time", "zone", "passed"}`, or `{"cron", "zone", "catch_up"}`. */
function scheduleOf(check: Check, input: unknown, path: string): Schedule | null {
  if (input === 'now') return { kind: 'now' };
  const example = '{"date": "2026-12-01", "time": "09:00", "zone": "person", "passed": "next_day"}';
  const schedule = check.object(input, path, '`now`, or a schedule, an object', example);
  if (schedule === null) return null;
  if (Object.hasOwn(schedule, 'at')) {
    check.knownKeys(schedule, path, ['at']);
    const at = instantOfText(check, schedule['at'], `${path}/at`);
    return at === null ? null : { kind: 'at', at };
  }
  if (Object.hasOwn(schedule, 'cron')) {
    check.knownKeys(schedule, path, recurrenceKeys);
    const recurrence = schedulePartsOf(check, schedule, path);
    return recurrence === null ? null : { kind: 'recurring', ...recurrence };
  }
  check.knownKeys(schedule, path, ['date', 'time', 'zone', 'passed']);
  const date = dateOf(check, own(schedule, 'date'), `${path}/date`);
  const time = timeOf(check, own(schedule, 'time'), `${path}/time`);
  const zone = zoneChoiceOf(check, own(schedule, 'zone'), `${path}/zone`);
  // In one zone for all a time that is over is a mistake of the launch; nobody is late by themselves.
  const passed =
    zone === 'workspace' && !Object.hasOwn(schedule, 'passed')
      ? 'skip'
      : check.word(own(schedule, 'passed'), `${path}/passed`, passedRules);
  if (date === null || time === null || zone === null || passed === null) return null;
  return { kind: 'local', date, time, zone, passed };
}

function instantOfText(check: Check, input: unknown, path: string): number | null {
  const instant = typeof input === 'string' ? parseIso(input) : null;
  return instant ?? check.expected('an instant in ISO 8601', input, path, '"2026-12-01T09:00:00Z"');
}

function dateOf(check: Check, input: unknown, path: string): number | null {
  const isDate = typeof input === 'string' && new RegExp(datePattern).test(input);
  const date = isDate ? parseIso(input) : null;
  if (date !== null) return date;
  const values = { expected: 'a day, `YYYY-MM-DD`', got: described(input), example: '"2026-12-01"' };
  return check.report('broadcast_expected', values, path);
}

/**
 * Reads a broadcast as it was launched. Its audience is in the rows of the launch, whatever became of the segments that it
 * named; its names were checked when it was saved, and whether its channel runs here only a worker knows.
 */
export function parseLaunched(input: unknown): BroadcastDefinition {
  return parseBroadcast(isObject(input) ? { ...input, audience: { everyone: true } } : input, {
    channels: null,
  });
}
