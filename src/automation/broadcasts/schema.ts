import { seriesLimits } from '../series/grammar.js';
import { messageSchema, recurrenceSchema, seriesSchema } from '../series/schema.js';
import type { Schema } from '../series/schema.js';
import {
  broadcastKeys,
  broadcastLimits,
  datePattern,
  dedupeRules,
  passedRules,
  ratePeriods,
} from './grammar.js';

/**
 * The JSON Schema (draft 2020-12) of a broadcast, published as docs/broadcast.schema.json. Every broadcast that Muster accepts
 * is valid under it; what needs sums, the catalogue or the workspace only `parseBroadcast` tells. Hours, caps and filters are
 * those of a series.
 */
export function broadcastSchema(): Schema {
  const series = seriesSchema();
  const parts = asParts(series['properties']);
  const shared = asParts(series['$defs']);
  const properties: { readonly [K in (typeof broadcastKeys)[number]]: unknown } = {
    key,
    name: textOf(seriesLimits.nameBytes),
    audience: { $ref: '#/$defs/filter' },
    channel: { type: 'string' },
    message,
    variants: {
      description:
        'An A/B test: each person has one of them, by a stable hash salted with the key of the broadcast.',
      type: 'array',
      items: objectOf({ key, percent: { type: 'number', exclusiveMinimum: 0, maximum: 100 }, message }, [
        'key',
        'percent',
        'message',
      ]),
      minItems: 2,
      maxItems: broadcastLimits.variants,
    },
    topic: {
      description: 'Whoever unsubscribed from it is not sent to.',
      ...textOf(broadcastLimits.topicBytes),
    },
    quiet_hours: parts['quiet_hours'],
    send_window: parts['send_window'],
    frequency_caps: parts['frequency_caps'],
    dedupe: {
      description:
        'Of several people with one address, only the one with the lowest user_id who can be sent to is sent to.',
      enum: dedupeRules,
    },
    rate_limit: objectOf(
      {
        messages: { type: 'integer', minimum: 1, maximum: broadcastLimits.rate },
        per: { enum: ratePeriods },
      },
      ['messages', 'per'],
    ),
    schedule: {
      description:
        'At once, at an instant, at a time of day in the zone of the workspace or of each person, or again and again.',
      default: 'now',
      oneOf: [
        { const: 'now' },
        objectOf({ at: { type: 'string', description: 'ISO 8601; UTC where it has no offset.' } }, ['at']),
        objectOf(
          {
            date: { type: 'string', pattern: datePattern },
            time: { $ref: '#/$defs/time' },
            zone: { $ref: '#/$defs/zone' },
            passed: {
              description:
                'What happens to those for whom the hour is over at the launch; to be chosen where the zone is `person`.',
              enum: passedRules,
            },
          },
          ['date', 'time'],
        ),
        objectOf(recurrenceSchema, ['cron']),
      ],
    },
  };
  const defs = ['key', 'time', 'days', 'zone', 'length', 'filter'];
  return {
    $schema: series['$schema'],
    $id: 'broadcast.schema.json',
    title: 'A broadcast of Muster',
    ...objectOf(properties, ['key', 'name', 'audience', 'channel']),
    oneOf: [{ required: ['message'] }, { required: ['variants'] }],
    $defs: Object.fromEntries(defs.map((name) => [name, shared[name]])),
  };
}

const key = { $ref: '#/$defs/key' };
const message = messageSchema;

function asParts(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Not blank. Its bound is in bytes, and a text has no more characters than bytes. */
function textOf(bytes: number): Schema {
  return { type: 'string', pattern: '\\S', maxLength: bytes };
}

function objectOf(properties: Schema, required: readonly string[]): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}
