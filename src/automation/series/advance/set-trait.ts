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
    person: withTraits(person, step.traits),
  },
});

const checked = new WeakMap<SetTraitStep['traits'], CheckedTraits>();

function checkedOnce(traits: SetTraitStep['traits']): CheckedTraits {
  let found = checked.get(traits);
  if (found === undefined) {
    found = checkTraits(traits);
    checked.set(traits, found);
  }
  return found;
}

/** The person with a step's traits set, as the statements of identify would leave them. */
export function withTraits(person: UserRecord, traits: SetTraitStep['traits']): UserRecord {
  const { columns, custom, removed } = checkedOnce(traits);
  const bag: Record<string, unknown> = { __proto__: null };
  Object.assign(bag, person.custom_fields, custom);
  for (const key of removed) delete bag[key];
  return { ...person, ...columns, custom_fields: bag };
}
