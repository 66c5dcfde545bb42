import type { Pool } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import { gather } from '../facts/gather.js';
import type { Subject } from '../facts/gather.js';
import type { DefinitionReader } from '../series/definitions.js';
import type { SeriesDefinition } from '../series/model.js';
import type { Facts } from '../series/moves.js';
import type { Claim } from './claim.js';

/** A claim with all that the machine is to know, or why it cannot be known. */
export type Prepared =
  | { readonly claim: Claim; readonly definition: SeriesDefinition; readonly facts: Facts }
  | { readonly claim: Claim; readonly fault: string };

/** Reads the definitions and facts of claims, for all of them together. */
export async function prepare(
  pool: Pool,
  claims: readonly (Claim | null)[],
  definitionOf: DefinitionReader,
): Promise<(Prepared | null)[]> {
  const read = await Promise.all(
    claims.map(async (claim) => (claim === null ? null : withDefinition(claim, definitionOf))),
  );
  const subjects = read.flatMap((each): Subject[] =>
    each === null || 'fault' in each ? [] : [subjectOf(each)],
  );
  const gathered = (await gather(pool, subjects))[Symbol.iterator]();
  return read.map((each) => {
    if (each === null || 'fault' in each) return each;
    const { value } = gathered.next();
    if (value === undefined) throw new Error('each subject has its facts');
    const { events, contacts, fault } = value;
    const { claim, definition } = each;
    if (fault !== null) return { claim, fault: fault.message };
    const facts: Facts = {
      person: { ...claim.user, events },
      zone: claim.zone,
      workspaceZone: claim.workspaceZone,
      suppressed: claim.suppressed,
      happening: null,
      entries: { count: 0, inside: true, lastAt: null },
      contacts,
      outcome: null,
    };
    return { claim, definition, facts };
  });
}

interface WithDefinition {
  readonly claim: Claim;
  readonly definition: SeriesDefinition;
}

/** A definition that this Muster refuses, though it was accepted once: another version may read it in time. */
async function withDefinition(
  claim: Claim,
  definitionOf: DefinitionReader,
): Promise<WithDefinition | { readonly claim: Claim; readonly fault: string }> {
  try {
    return { claim, definition: await definitionOf(claim.workspace, claim.series, claim.version) };
  } catch (error) {
    if (error instanceof MusterError) return { claim, fault: `the series cannot be read: ${error.message}` };
    throw error;
  }
}

function subjectOf({ claim, definition }: WithDefinition): Subject {
  const { workspace, endUser, now, enteredAt, zone, workspaceZone, delivery } = claim;
  return { workspace, endUser, definition, now, enteredAt, zone, workspaceZone, delivery };
}
