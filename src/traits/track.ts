import { MusterError, problem } from '../errors/index.js';
import type { ErrorCode, Problem } from '../errors/index.js';
import { parseIso } from '../filter/iso8601.js';
import { child, described, isObject } from '../filter/parse/context.js';
import { momentOf } from '../filter/time.js';
import type { Database } from './database.js';
import { collectId } from './ids.js';
import { checkJson, textFault } from './json.js';
import { withEventMonths } from './months.js';
import { admitNames } from './names.js';
import type { SentName } from './names.js';
import { recordEvent } from './statements/record-event.js';
import type { RecordEvent } from './statements/record-event.js';

export interface Track {
  readonly workspaceId: string;
  /** The person's id in the customer's product. Where both ids are given this one says who did it. */
  readonly userId?: string | undefined;
  /** A visitor who is not signed in; a visitor who was joined to a person is that person. */
  readonly anonymousId?: string | undefined;
  /** What happened: text of 1 to 200 characters. */
  readonly event: string;
  /** A JSON object of at most 32,768 bytes. */
  readonly properties?: unknown;
  /** When it happened: ISO 8601 text, a Date or milliseconds since 1970 (UTC); default now. */
  readonly occurredAt?: Date | number | string | undefined;
  /** An id of the caller's that is the same whenever this event is sent again: text of 1 to 512 bytes. */
  readonly messageId?: string | undefined;
  /** The instant of receipt, in milliseconds since 1970 (UTC) or as a Date; default the clock. */
  readonly now?: Date | number | undefined;
  /** Whether it came with a write key, which is public: it has only half of the room for names, and one year back. */
  readonly byWriteKey?: boolean | undefined;
}

export interface Tracked {
  readonly accepted: true;
  /** False for a message id that the workspace has had before: the event is stored already. */
  readonly stored: boolean;
}

/** Bounds of an event. Each has its own error. */
export const eventLimits = {
  /** Code points of an event's name. */
  nameCharacters: 200,
  /** UTF-8 bytes of the properties as JSON. */
  propertiesBytes: 32_768,
  /** UTF-8 bytes of a message id. */
  messageIdBytes: 512,
  /** Hours that a sender's clock may be ahead. */
  hoursAhead: 24,
  /** Years, of 365.25 days, that an event may be old. */
  yearsBack: 10,
  /** The same for write keys. Each month of events is a table for good, and a public key makes no more than 14 of them. */
  yearsBackByWriteKey: 1,
} as const;

const hour = 3_600_000;
const year = 365.25 * 24 * hour;

/**
 * Stores what a person or visitor did, in one transaction with the fact `event` in the outbox (name, id and time of the
 * event, no properties).
 *
 * Somebody unknown gets a row. That fires nothing: their first identify does, as if it had made the row. `last_seen` moves to
 * when the event occurred, never backwards and never past now, and `first_seen` to the earliest.
 *
 * Given a pool, it commits before it returns; given a client, the caller's transaction decides.
 *
 * Errors, all at once and before anything is written: `event_of_nobody` `bad_user_id` `id_missing_value` `bad_event_name`
 * `properties_not_object` `properties_too_large` `bad_occurred_at` `event_in_future` `event_too_old` `bad_message_id`,
 * `too_many_event_names`, and those of JSON values in traits (`trait_bad_text` `trait_bad_number` `trait_not_json` `trait_too_deep`), under `/properties`.
 */
export async function track(db: Database, call: Track): Promise<Tracked> {
  const checked = checkTrack(call);
  const { record, occurred } = checked;
  await admitNames(db, call.workspaceId, namesOfTrack(checked), call);
  const stored = await withEventMonths(db, [occurred], () => recordEvent(db, record));
  return { accepted: true, stored };
}

/** An event that can be stored without a refusal. */
export interface CheckedTrack {
  readonly record: RecordEvent;
  /** When it happened, in milliseconds since 1970 (UTC). */
  readonly occurred: number;
  readonly byWriteKey: boolean;
}

/** The name that the call would store. */
export function namesOfTrack({ record }: CheckedTrack): SentName[] {
  return [{ kind: 'event', name: record.event, path: '/event' }];
}

/** Checks a call whole, without a look at the database. Errors: those of `track`. */
export function checkTrack(call: Track): CheckedTrack {
  const problems: Problem[] = [];
  const now = call.now === undefined ? Date.now() : momentOf(call.now).now;
  const userId = call.userId === undefined ? undefined : collectId('user_id', call.userId, problems);
  const anonymousId =
    call.anonymousId === undefined ? undefined : collectId('anonymous_id', call.anonymousId, problems);
  const id = userId ?? anonymousId;
  if (id === undefined) problems.push(problem('event_of_nobody', {}, { path: '/user_id' }));
  collectName(call.event, problems);
  const properties = collectProperties(call.properties, problems);
  const byWriteKey = call.byWriteKey ?? false;
  const occurred = collectTime(call.occurredAt, { now, byWriteKey }, problems);
  if (call.messageId !== undefined) collectMessageId(call.messageId, problems);
  if (problems.length > 0 || id === undefined || occurred === null) throw new MusterError(problems);
  const record: RecordEvent = {
    workspaceId: call.workspaceId,
    by: userId === undefined ? 'anonymous_id' : 'user_id',
    id,
    event: call.event,
    properties,
    occurredAt: new Date(occurred).toISOString(),
    receivedAt: new Date(now).toISOString(),
    messageId: call.messageId ?? null,
  };
  return { record, occurred, byWriteKey };
}

function collectName(name: unknown, problems: Problem[]): void {
  const refuse = (got: string): void => {
    const values = { limit: eventLimits.nameCharacters, got };
    problems.push(problem('bad_event_name', values, { path: '/event' }));
  };
  const fault = textProblem(name);
  if (fault !== null) return refuse(fault);
  // Counted only where it can be too long: a hostile name may have megabytes.
  const text = String(name);
  if (text.length <= eventLimits.nameCharacters) return;
  const count = text.length > 2 * eventLimits.nameCharacters ? text.length : Array.from(text).length;
  if (count > eventLimits.nameCharacters) refuse(`${count} characters`);
}

function collectMessageId(id: unknown, problems: Problem[]): void {
  const refuse = (got: string): void => {
    const values = { limit: eventLimits.messageIdBytes, got };
    problems.push(problem('bad_message_id', values, { path: '/message_id' }));
  };
  const fault = textProblem(id);
  if (fault !== null) return refuse(fault);
  const count = Buffer.byteLength(String(id));
  if (count > eventLimits.messageIdBytes) refuse(`${count} bytes`);
}

/** Why it is no text that says something and can be stored, or null. */
function textProblem(value: unknown): string | null {
  if (typeof value !== 'string') return described(value);
  if (value === '') return 'an empty text';
  const fault = textFault(value);
  return fault === null ? null : `a text with ${fault}`;
}

/** The properties as JSON text. */
export function collectProperties(properties: unknown, problems: Problem[]): string {
  if (properties === undefined) return '{}';
  const path = '/properties';
  const before = problems.length;
  if (!isPlain(properties)) {
    problems.push(problem('properties_not_object', { got: described(properties) }, { path }));
    return '{}';
  }
  const sent: Record<string, unknown> = { __proto__: null };
  for (const key of Object.keys(properties)) {
    const value = properties[key];
    // Absent, as in JSON.
    if (value === undefined) continue;
    const fault = textFault(key);
    if (fault !== null) {
      const values = { where: 'the name of a property', what: fault };
      problems.push(problem('trait_bad_text', values, { path: child(path, key) }));
    } else if (checkJson(value, key, child(path, key), problems)) {
      sent[key] = value;
    }
  }
  if (problems.length > before) return '{}';
  const json = JSON.stringify(sent);
  const count = Buffer.byteLength(json);
  if (count > eventLimits.propertiesBytes) {
    const values = { count, limit: eventLimits.propertiesBytes };
    problems.push(problem('properties_too_large', values, { path }));
  }
  return json;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Milliseconds since 1970 (UTC), or null with a problem noted. */
function collectTime(
  written: Track['occurredAt'],
  { now, byWriteKey }: { readonly now: number; readonly byWriteKey: boolean },
  problems: Problem[],
): number | null {
  const path = '/occurred_at';
  const refuse = (code: ErrorCode, values: Record<string, string | number>, hint?: string): null => {
    problems.push(problem(code, values, hint === undefined ? { path } : { path, hint }));
    return null;
  };
  if (written === undefined) return now;
  const instant = instantAt(written);
  if (instant === null) {
    return refuse('bad_occurred_at', {
      got: written instanceof Date ? 'an invalid Date' : described(written),
    });
  }
  if (instant > now + eventLimits.hoursAhead * hour) {
    return refuse('event_in_future', { at: shownTime(instant), limit: eventLimits.hoursAhead });
  }
  if (instant < now - eventLimits.yearsBack * year) {
    return refuse('event_too_old', { at: shownTime(instant), limit: `${eventLimits.yearsBack} years` });
  }
  if (byWriteKey && instant < now - eventLimits.yearsBackByWriteKey * year) {
    const hint = `send it with a secret key, which takes events up to ${eventLimits.yearsBack} years back`;
    return refuse('event_too_old', { at: shownTime(instant), limit: 'a year' }, hint);
  }
  return instant;
}

function instantAt(written: unknown): number | null {
  if (typeof written === 'string') return parseIso(written);
  const instant = written instanceof Date ? written.getTime() : written;
  return typeof instant === 'number' && Number.isInteger(instant) ? instant : null;
}

/** A number of milliseconds can lie beyond the years that have a date. */
function shownTime(instant: number): string {
  return Math.abs(instant) <= 8.64e15 ? new Date(instant).toISOString() : String(instant);
}
