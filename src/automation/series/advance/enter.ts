import { percentOf } from '../../../filter/values.js';
import type { EntryPolicy, Trigger } from '../model.js';
import type { Happening, RefusalReason } from '../moves.js';
import { later } from '../wall-clock.js';
import { matches } from './ask.js';
import type { View } from './view.js';

/**
 * Why the person may not come in, or null. Asked in this order: the trigger, whether messages may be sent to them, the
 * entry policy, the audience. Enrolled by hand, somebody needs no trigger, and everything else still holds.
 */
export function refusalOf(view: View): RefusalReason | null {
  const { definition, facts, person, moment } = view;
  const { happening } = facts;
  if (happening === null) return 'trigger';
  if (happening.kind !== 'by_hand' && !isMet(definition.trigger, happening, view)) return 'trigger';
  if (facts.suppressed) return 'suppressed';
  const early = policyRefusal(definition.entry, view);
  if (early !== null) return early;
  return definition.audience === null || matches(definition.audience, person, moment) ? null : 'audience';
}

/**
 * Whether the person is one of those who are counted and never sent anything: by the same hash as `percent`, salted with
 * the series, so that the same people are held out at every entry, and each series holds out others.
 */
export function isHeldOut({ definition, person }: View): boolean {
  if (definition.holdout === 0) return false;
  const share = percentOf(`holdout:${definition.key}`, person);
  return share !== null && share < definition.holdout;
}

/**
 * What each trigger asks. A date's day and a schedule's time are found beforehand (`entryInstant`, `nextScheduled`), so
 * that the kind of happening says it all. A property that is missing matches no comparison of `where`.
 */
function isMet(trigger: Trigger, { kind, name, properties }: Happening, { moment }: View): boolean {
  if (kind !== trigger.type) return false;
  if ('segment' in trigger) return name === trigger.segment;
  if (trigger.type !== 'event') return true;
  const { event, where } = trigger;
  return name === event && (where === null || matches(where, { custom_fields: properties }, moment));
}

/** What the entry policy says against it. An entry that was held out counts like any other. */
function policyRefusal(policy: EntryPolicy, { facts: { entries }, now, zones }: View): RefusalReason | null {
  if (policy.kind === 'every_time') return null;
  if (entries.inside) return 'inside';
  if (policy.kind === 'once') return entries.count > 0 ? 'entered_before' : null;
  // Counted from the last entry, in the person's zone.
  const isEarly = entries.lastAt !== null && now < later(entries.lastAt, policy.after, zones.person);
  return isEarly ? 'too_soon' : null;
}
