import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { described, isObject, shown } from '../../filter/parse/context.js';
import { collectId, trimmedId } from '../../traits/ids.js';
import type { Signature } from '../identity/verify.js';
import { isoOf } from './times.js';

export const segmentTypes = ['identify', 'track', 'group', 'page', 'screen', 'alias'] as const;
export type SegmentType = (typeof segmentTypes)[number];

/** One call of Segment's tracking API, checked for shape. Traits and properties are checked where they are stored. */
export interface Message {
  readonly type: SegmentType;
  readonly userId: string | undefined;
  readonly anonymousId: string | undefined;
  readonly groupId: string | undefined;
  readonly previousId: string | undefined;
  readonly messageId: string | undefined;
  /** Of a track call; of page and screen calls it is the page's name. */
  readonly name: string | undefined;
  readonly category: string | undefined;
  readonly traits: unknown;
  readonly properties: unknown;
  readonly context: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds since 1970 (UTC), by this server's clock and never after it. */
  readonly occurredAt: number;
  readonly signature: Signature;
}

export interface Received {
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
  /** The type that the address names; a batch's items name their own. */
  readonly type?: SegmentType;
  /** `sentAt` and `context` of the whole batch. */
  readonly batch?: { readonly sentAt: unknown; readonly context: unknown };
}

/**
 * Reads one call. Errors, all at once: `segment_bad_type`, `segment_bad_field`, `segment_no_id`.
 */
export function readMessage(input: unknown, received: Received): Message {
  if (!isObject(input)) {
    throw new MusterError(
      problem('segment_bad_field', { key: 'item', expected: 'an object', got: described(input) }),
    );
  }
  const problems: Problem[] = [];
  const type = received.type ?? typeOf(input['type'], problems);
  const text = (key: string): string | undefined => textOf(input, key, problems);
  const context = { ...objectOf(received.batch, 'context', []), ...objectOf(input, 'context', problems) };
  const { user_hash: hash, token, ...rest } = context;
  // Trimmed here, because signatures and the order of a batch are about the ids under which people are stored.
  const id = (key: string): string | undefined => {
    const given = text(key);
    return given === undefined ? undefined : trimmedId(given);
  };
  // Here rather than where they are stored, so that a fault points to the key that was sent.
  const storedId = (key: string): string | undefined => {
    const given = id(key);
    return given === undefined ? undefined : collectId(key, given, problems);
  };
  const ids = {
    userId: storedId('userId'),
    anonymousId: storedId('anonymousId'),
    groupId: storedId('groupId'),
    previousId: id('previousId'),
  };
  const message = {
    ...ids,
    messageId: text('messageId'),
    name: type === 'track' ? text('event') : text('name'),
    category: text('category'),
    traits: input['traits'] ?? undefined,
    properties: input['properties'] ?? undefined,
    context: Object.keys(rest).length === 0 ? undefined : rest,
    occurredAt: occurredAt(input, received, problems),
    signature: {
      hash: typeof hash === 'string' ? hash : undefined,
      token: typeof token === 'string' ? token : undefined,
    },
  };
  if (problems.length === 0) {
    const missing = missingId(type, ids);
    if (missing !== null) problems.push(problem('segment_no_id', { type, keys: missing }));
    if (type === 'track' && message.name === undefined)
      problems.push(badField('event', 'text', described(input['event'])));
  }
  if (problems.length > 0) throw new MusterError(problems);
  return { type, ...message };
}

function typeOf(value: unknown, problems: Problem[]): SegmentType {
  const found = segmentTypes.find((type) => type === value);
  if (found !== undefined) return found;
  const type = typeof value === 'string' ? shown(value) : described(value);
  problems.push(problem('segment_bad_type', { type }, { path: '/type' }));
  return 'track';
}

/** Which id the call lacks, in words, or null. */
function missingId(
  type: SegmentType,
  {
    userId,
    anonymousId,
    groupId,
    previousId,
  }: Record<'userId' | 'anonymousId' | 'groupId' | 'previousId', string | undefined>,
): string | null {
  if (type === 'group' && groupId === undefined) return '`groupId`';
  if (type === 'alias') {
    if (userId === undefined) return '`userId`';
    return previousId === undefined ? '`previousId`' : null;
  }
  return userId === undefined && anonymousId === undefined ? '`userId` or `anonymousId`' : null;
}

/** Text of a key; null and empty text are as good as absent, and a number is the text that it is written as. */
function textOf(
  input: Readonly<Record<string, unknown>>,
  key: string,
  problems: Problem[],
): string | undefined {
  const value = Object.hasOwn(input, key) ? input[key] : undefined;
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  problems.push(badField(key, 'text', described(value)));
  return undefined;
}

function objectOf(input: unknown, key: string, problems: Problem[]): Record<string, unknown> {
  const value = isObject(input) && Object.hasOwn(input, key) ? input[key] : undefined;
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  problems.push(badField(key, 'an object', described(value)));
  return {};
}

/**
 * When it happened, by the server's clock: `timestamp`, moved by how far the sender's clock was off when it sent. Never
 * later than it was received, because a clock that is ahead and does not say so would put the event in the future.
 */
function occurredAt(
  input: Readonly<Record<string, unknown>>,
  { at, batch }: Received,
  problems: Problem[],
): number {
  const time = (key: string, value: unknown): number | undefined => {
    if (value === undefined || value === null || value === '') return undefined;
    const instant = parseIso(isoOf(value) ?? '');
    if (instant !== null) return instant;
    problems.push(badField(key, 'an ISO 8601 time', described(value)));
    return undefined;
  };
  const timestamp = time('timestamp', input['timestamp'] ?? input['originalTimestamp']);
  const sentAt = time('sentAt', input['sentAt'] ?? batch?.sentAt);
  if (timestamp === undefined) return at;
  return Math.min(at, sentAt === undefined ? timestamp : timestamp + (at - sentAt));
}

function badField(key: string, expected: string, got: string): Problem {
  return problem('segment_bad_field', { key, expected, got }, { path: `/${key}` });
}
