import { fieldNamed, pointerFault } from '../../../filter/fields.js';
import type { Field } from '../../../filter/fields.js';
import { shown } from '../../../filter/parse/context.js';
import { parseEventFilter } from '../../../filter/parse.js';
import { dateUnits, seriesLimits, triggerKeys } from '../grammar.js';
import type { Trigger, TriggerType } from '../model.js';
import { listed, own, suggestion } from './check.js';
import type { Check, Document } from './check.js';
import type { Names } from './known.js';
import { schedulePartsOf } from './schedule.js';
import { lengthOf, timeOf, zoneChoiceOf } from './time.js';

const types = Object.keys(triggerKeys).filter(isTriggerType);

function isTriggerType(name: string): name is TriggerType {
  return Object.hasOwn(triggerKeys, name);
}

const path = '/trigger';

export function triggerOf(check: Check, input: unknown, names: Names): Trigger | null {
  const trigger = check.object(input, path, 'a trigger, an object', '{"type": "user_created"}');
  if (trigger === null) return null;
  const type = check.oneOf(own(trigger, 'type'), `${path}/type`, types, 'unknown_trigger', 'trigger');
  // Which other keys belong to it only its type can tell.
  if (type === null) return null;
  check.knownKeys(trigger, path, triggerKeys[type]);
  return readers[type](check, trigger, names);
}

type TriggerReader = (check: Check, trigger: Document, names: Names) => Trigger | null;

const readers: { readonly [T in TriggerType]: TriggerReader } = {
  user_created: () => ({ type: 'user_created' }),
  event: (check, trigger) => {
    const event = eventNameOf(check, own(trigger, 'event'), `${path}/event`);
    const hasWhere = Object.hasOwn(trigger, 'where');
    const where = hasWhere ? check.filter(trigger['where'], `${path}/where`, parseEventFilter) : null;
    return event === null ? null : { type: 'event', event, where };
  },
  segment_entered: (check, trigger, names) => segmentTrigger('segment_entered', check, trigger, names),
  segment_left: (check, trigger, names) => segmentTrigger('segment_left', check, trigger, names),
  date: (check, trigger) => {
    const field = dateFieldOf(check, own(trigger, 'field'));
    const written = own(trigger, 'offset') ?? [0, 'days'];
    const allowed = { least: -seriesLimits.amount, units: dateUnits };
    const offset = lengthOf(check, written, `${path}/offset`, allowed);
    const at = timeOf(check, own(trigger, 'at'), `${path}/at`);
    const zone = zoneChoiceOf(check, own(trigger, 'zone'), `${path}/zone`);
    if (field === null || offset === null || at === null || zone === null) return null;
    return { type: 'date', field, offset, at, zone };
  },
  schedule: (check, trigger) => {
    const schedule = schedulePartsOf(check, trigger, path);
    return schedule === null ? null : { type: 'schedule', ...schedule };
  },
};

export function eventNameOf(check: Check, input: unknown, at: string): string | null {
  return check.text(input, at, 'the name of an event', seriesLimits.eventBytes, '"trial_started"');
}

function segmentTrigger(
  type: 'segment_entered' | 'segment_left',
  check: Check,
  trigger: Document,
  { segments }: Names,
): Trigger | null {
  const at = `${path}/segment`;
  const segment = check.key(own(trigger, 'segment'), at, '"power-users"');
  if (segment === null) return null;
  if (segments === null || segments.includes(segment)) return { type, segment };
  return check.report(
    'unknown_segment',
    { segment, known: listed(segments) },
    at,
    suggestion(segment, segments),
  );
}

/** A time column, or a custom field, which may hold a time. */
function dateFieldOf(check: Check, input: unknown): Field | null {
  const at = `${path}/field`;
  if (typeof input !== 'string') return check.expected('the name of a field', input, at, '"renewal_date"');
  const pointer = input.slice(input.indexOf(':') + 1);
  const isPointer = pointer.startsWith('/');
  const field = isPointer && pointerFault(pointer) !== null ? null : fieldNamed(input);
  if (field !== null && (field.kind === 'custom' || (field.kind === 'column' && field.type === 'time'))) {
    return field;
  }
  return check.report('bad_date_field', { field: shown(input) }, at);
}
