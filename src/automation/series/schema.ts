import { aliases, operators } from '../../filter/parse/operators.js';
import { units } from '../../filter/time.js';
import type { Unit } from '../../filter/time.js';
import {
  catchUps,
  dateUnits,
  endWord,
  entryWords,
  keyPattern,
  seriesKeys,
  seriesLimits,
  stepKeys,
  timePattern,
  triggerKeys,
  weekdayNames,
  zoneChoices,
} from './grammar.js';
import type { StepType, TriggerType } from './model.js';

/** A JSON Schema, as plain data. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft 2020-12) of a series, for editors and other programs; it is published as
 * docs/series.schema.json. Every series that Muster accepts is valid under it. The other way it says what a schema can:
 * what needs the whole document (targets, circles, sums), the catalogue or the workspace only `parseSeries` tells.
 */
export function seriesSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'series.schema.json',
    title: 'A series of Muster',
    ...objectOf(seriesKeys, seriesParts, ['key', 'name', 'trigger', 'steps']),
    $defs: {
      key: { type: 'string', pattern: keyPattern },
      stepKey: { $ref: '#/$defs/key', not: { const: endWord } },
      target: {
        description: `The key of a step, or \`${endWord}\` for the end of the series.`,
        $ref: '#/$defs/key',
      },
      time: { description: 'A time of day.', type: 'string', pattern: timePattern },
      days: {
        description: 'Weekdays; every day where it is left out.',
        type: 'array',
        items: { enum: weekdayNames },
        minItems: 1,
        maxItems: 7,
      },
      zone: {
        description:
          'Whose clock: the zone of the person (where it is unknown, of the workspace), or of the workspace.',
        enum: zoneChoices,
        default: 'person',
      },
      length: lengthOf(units, 1),
      filter: {
        description: 'A filter on people, see docs/filter.md.',
        ...filterOf([...operators.keys(), ...aliases.keys()]),
      },
      eventFilter: {
        description: 'A filter on the properties of an event, whose fields are `property:KEY`.',
        ...filterOf([
          ...[...operators].flatMap(([name, { ofProperties }]) => (ofProperties ? [name] : [])),
          ...aliases.keys(),
        ]),
      },
      step: { oneOf: Object.entries(steps).map(([type, step]) => typed(type, step)) },
    },
  };
}

const key = { $ref: '#/$defs/key' };
const target = { $ref: '#/$defs/target' };
const time = { $ref: '#/$defs/time' };
const days = { $ref: '#/$defs/days' };
const zone = { $ref: '#/$defs/zone' };
const length = { $ref: '#/$defs/length' };
const filter = { $ref: '#/$defs/filter' };
const eventFilter = { $ref: '#/$defs/eventFilter' };

/** Not blank. Its bound is in bytes, and a text has no more characters than bytes. */
function textOf(bytes: number): Schema {
  return { type: 'string', pattern: '\\S', maxLength: bytes };
}

function lengthOf(allowed: readonly Unit[], least: number): Schema {
  return {
    description:
      'An amount and a unit. Minutes and hours are exact, the others count on the calendar in the zone.',
    type: 'array',
    prefixItems: [{ type: 'integer', minimum: least, maximum: seriesLimits.amount }, { enum: allowed }],
    minItems: 2,
    maxItems: 2,
  };
}

function filterOf(names: readonly string[]): Schema {
  return { type: 'object', minProperties: 1, maxProperties: 1, propertyNames: { enum: names } };
}

interface Parts {
  readonly required: readonly string[];
  readonly parts: Schema;
  /** Further rules between the parts. */
  readonly rules?: Schema;
}

function typed(type: string, { required, parts, rules = {} }: Parts): Schema {
  const allowed = Object.hasOwn(keysOf, type) ? (keysOf[type] ?? []) : [];
  const known = { type: { const: type }, key: { $ref: '#/$defs/stepKey' }, next: target, ...parts };
  return { ...objectOf(allowed, known, ['type', ...required]), ...rules };
}

const keysOf: Readonly<Record<string, readonly string[]>> = { ...triggerKeys, ...stepKeys };

/** An object with these keys and no others. */
function objectOf(keys: readonly string[], parts: Schema, required: readonly string[]): Schema {
  const properties = Object.fromEntries(keys.map((name) => [name, parts[name]]));
  return { type: 'object', properties, required, additionalProperties: false };
}

/** When something recurs. */
export const recurrenceSchema: Schema = {
  cron: {
    description: 'Five fields: minute, hour, day, month, weekday.',
    ...textOf(seriesLimits.cronBytes),
  },
  zone: {
    type: 'string',
    description: "An IANA zone or an offset such as UTC+2; the workspace's where it is left out.",
  },
  catch_up: {
    description: 'Which of the runs that nobody made in time are made later.',
    enum: catchUps,
    default: catchUps[0],
  },
};

const triggers: { readonly [T in TriggerType]: Parts } = {
  user_created: { required: [], parts: {} },
  event: { required: ['event'], parts: { event: textOf(seriesLimits.eventBytes), where: eventFilter } },
  segment_entered: { required: ['segment'], parts: { segment: key } },
  segment_left: { required: ['segment'], parts: { segment: key } },
  date: {
    required: ['field', 'at'],
    parts: {
      field: { type: 'string', description: 'A time column or a custom field.' },
      offset: lengthOf(dateUnits, -seriesLimits.amount),
      at: time,
      zone,
    },
  },
  schedule: { required: ['cron'], parts: recurrenceSchema },
};

/** What is sent, in a series as in a broadcast. */
export const messageSchema: Schema = {
  ...objectOf(
    ['title', 'text', 'html'],
    {
      title: textOf(seriesLimits.titleBytes),
      text: {
        description: 'Made from `html` where it is left out.',
        ...textOf(seriesLimits.textBytes),
      },
      html: textOf(seriesLimits.htmlBytes),
    },
    [],
  ),
  anyOf: [{ required: ['text'] }, { required: ['html'] }],
};

const steps: { readonly [T in StepType]: Parts } = {
  send: {
    required: ['key', 'channel', 'message'],
    parts: {
      channel: { type: 'string' },
      endpoint: { description: 'For Slack: the key of the webhook.', ...key },
      message: messageSchema,
    },
  },
  wait: { required: ['key', 'for'], parts: { for: length } },
  wait_until_time: { required: ['key', 'at'], parts: { at: time, days, zone } },
  wait_for: {
    required: ['key', 'timeout'],
    parts: {
      filter,
      event: textOf(seriesLimits.eventBytes),
      where: eventFilter,
      timeout: length,
      on_timeout: target,
    },
    rules: {
      oneOf: [{ required: ['filter'], not: { required: ['where'] } }, { required: ['event'] }],
    },
  },
  branch: {
    required: ['key', 'arms'],
    parts: { arms: armsOf(1, 'when', filter) },
  },
  split: {
    required: ['key', 'arms'],
    parts: { arms: armsOf(2, 'percent', { type: 'number', exclusiveMinimum: 0, maximum: 100 }) },
  },
  set_trait: { required: ['key', 'traits'], parts: { traits: { type: 'object', minProperties: 1 } } },
  webhook: {
    required: ['key', 'endpoint'],
    parts: { endpoint: key, payload: { type: 'object' } },
  },
  exit: { required: ['key'], parts: {} },
};

function armsOf(least: number, said: string, value: Schema): Schema {
  const arm = objectOf([said, 'to'], { [said]: value, to: target }, [said, 'to']);
  return { type: 'array', items: arm, minItems: least, maxItems: seriesLimits.arms };
}

const seriesParts: { readonly [K in (typeof seriesKeys)[number]]: Schema } = {
  key,
  name: textOf(seriesLimits.nameBytes),
  trigger: { oneOf: Object.entries(triggers).map(([type, trigger]) => typed(type, trigger)) },
  topic: {
    description: 'What its messages are about; people can unsubscribe from it alone.',
    ...textOf(seriesLimits.topicBytes),
  },
  audience: filter,
  entry: {
    oneOf: [{ enum: entryWords }, objectOf(['again_after'], { again_after: length }, ['again_after'])],
    default: entryWords[0],
  },
  exit: filter,
  goal: filter,
  quiet_hours: objectOf(['from', 'to', 'zone'], { from: time, to: time, zone }, ['from', 'to']),
  send_window: objectOf(['days', 'from', 'to', 'zone'], { days, from: time, to: time, zone }, ['from', 'to']),
  frequency_caps: {
    type: 'array',
    items: objectOf(
      ['messages', 'per'],
      { messages: { type: 'integer', minimum: 1, maximum: seriesLimits.capMessages }, per: length },
      ['messages', 'per'],
    ),
    minItems: 1,
    maxItems: seriesLimits.caps,
  },
  holdout: {
    description: 'Percent of the people who are counted and never sent anything.',
    type: 'number',
    minimum: 0,
    maximum: seriesLimits.holdout,
    default: 0,
  },
  steps: { type: 'array', items: { $ref: '#/$defs/step' }, minItems: 1, maxItems: seriesLimits.steps },
};
