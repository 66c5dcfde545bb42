import type { Facts, Outcome } from '../../../src/automation/series/moves.js';

/** What the machine is told of a person of the model. */
export function factsOf(
  person: {
    readonly userId: string;
    readonly traits: Readonly<Record<string, unknown>>;
    readonly suppressed: boolean;
  },
  outcome: Outcome | null = null,
): Facts {
  return {
    person: { user_id: person.userId, custom_fields: { ...person.traits } },
    zone: 'UTC',
    workspaceZone: 'UTC',
    suppressed: person.suppressed,
    happening: { kind: 'user_created', name: null, properties: {} },
    entries: { count: 0, inside: false, lastAt: null },
    contacts: [],
    outcome,
  };
}
