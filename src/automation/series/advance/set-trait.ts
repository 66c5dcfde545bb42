import type { UserRecord } from '../../../filter/record.js';
import { checkTraits } from '../../../traits/check.js';
import type { CheckedTraits } from '../../../traits/check.js';
import type { SetTraitStep } from '../model.js';
import type { Meaning } from './view.js';

/**
 * Sets traits of the person, exactly as an identify with them would: known traits go to their columns, others to the
 * custom fields, null removes. It takes no time: goal, exit and the steps that follow in the same move see the
 * traits set, while the effect is written in the transaction that commits the move.
 */
export const setTrait: Meaning<'set_trait'> = (step, _place, { person }) => ({
  kind: 'go',
  to: step.next,
  noted: { what: 'set_trait', detail: null },
  sets: {
    effect: { kind: 'set_trait', step: step.key, traits: step.traits },
    person: withTraits(person, traitsOf(step)),
  },
});

const checked = new WeakMap<SetTraitStep, CheckedTraits>();

function traitsOf(step: SetTraitStep): CheckedTraits {
  let found = checked.get(step);
  if (found === undefined) {
    found = checkTraits(step.traits);
    checked.set(step, found);
  }
  return found;
}

/** The person with these traits set, as the statements of identify would leave them. */
export function withTraits(person: UserRecord, { columns, custom, removed }: CheckedTraits): UserRecord {
  const gone = new Set(removed);
  const before = Object.entries(person.custom_fields ?? {}).filter(([key]) => !gone.has(key));
  const bag: Record<string, unknown> = { __proto__: null };
  for (const [key, value] of [...before, ...Object.entries(custom)]) bag[key] = value;
  return { ...person, ...columns, custom_fields: bag };
}
