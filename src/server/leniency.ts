import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Problem } from '../errors/index.js';
import { inPart } from '../traits/in-part.js';
import type { SomeTraits } from '../traits/in-part.js';
import { storableProperties, storableTraits } from '../traits/storable.js';

/** What the browser script says in each call of its own. */
export const scriptName = 'muster.js';

/**
 * Whether a call that is wrong in part is stored in part, because nobody reads what it would be refused with: `all` for the
 * last calls of a page that is left; `others`, which is all but reserved traits, for the browser script's other calls.
 */
export type Leniency = 'none' | 'others' | 'all';

/** Goes along with a call that the server makes to itself. No caller can know it. */
const pass = randomUUID();
export const leftPage = { 'muster-left-page': pass } as const;

export function leniencyOf({ headers, body }: FastifyRequest): Leniency {
  if (headers['muster-left-page'] === pass) return 'all';
  const isScript =
    typeof body === 'object' && body !== null && 'library' in body && body.library === scriptName;
  return isScript ? 'others' : 'none';
}

interface Sent {
  readonly traits?: unknown;
  readonly company_traits?: unknown;
  readonly properties?: unknown;
}

/** A call without what was taken out of it because it cannot be stored. */
export interface StorableCall {
  readonly traits: unknown;
  readonly companyTraits: unknown;
  readonly properties: unknown;
  readonly refused: readonly Problem[];
}

/** Does a call; where it is to be stored in part, also without what there is no room for. */
export async function storeCall<C extends SomeTraits, T>(
  request: FastifyRequest,
  call: C,
  work: (call: C) => Promise<T>,
  of: 'user' | 'company' = 'user',
): Promise<{ readonly answer: T; readonly refused: readonly Problem[] }> {
  if (leniencyOf(request) === 'none') return { answer: await work(call), refused: [] };
  return inPart(call, of, work);
}

/** Takes out of a call what cannot be stored, where it is to be stored in part. `of` is what its `traits` are about. */
export function storableCall(
  request: FastifyRequest,
  { traits, company_traits: companyTraits, properties }: Sent,
  of: 'user' | 'company' = 'user',
): StorableCall {
  const leniency = leniencyOf(request);
  if (leniency === 'none') return { traits, companyTraits, properties, refused: [] };
  const keepReserved = leniency === 'others';
  const own = storableTraits(traits, { of, keepReserved });
  const company = storableTraits(companyTraits, { path: '/company_traits', of: 'company', keepReserved });
  const event = storableProperties(properties);
  return {
    traits: own.values,
    companyTraits: company.values,
    properties: event.values,
    refused: [...own.refused, ...company.refused, ...event.refused],
  };
}
