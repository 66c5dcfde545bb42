import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { isObject } from '../../filter/parse/context.js';
import { identifyCompany } from '../../traits/company.js';
import type { IdentifyCompany } from '../../traits/company.js';
import { identify } from '../../traits/identify.js';
import type { Identify } from '../../traits/identify.js';
import { getUser } from '../../traits/read.js';
import { inPart } from '../../traits/in-part.js';
import { identifyVisitor } from '../../traits/visitor.js';
import type { IdentifyVisitor } from '../../traits/visitor.js';
import { storableProperties } from '../../traits/storable.js';
import { track } from '../../traits/track.js';
import type { Track } from '../../traits/track.js';
import type { Caller } from '../identity/guard.js';
import { filledBy } from './fill.js';
import type { PersonTraits } from './fill.js';
import type { Message } from './message.js';
import { companyPath, splitCompany, storableMapped } from './traits.js';

/** What a call of Segment's API asks for, in Muster's own calls. */
export type Operation = (
  | { readonly kind: 'identify' | 'alias'; readonly call: Identify }
  | { readonly kind: 'visitor'; readonly call: IdentifyVisitor }
  | { readonly kind: 'company'; readonly call: IdentifyCompany }
  | { readonly kind: 'track'; readonly call: Track }
) & {
  /** What is left out of traits and properties because it cannot be stored. */
  readonly refused: readonly Problem[];
  /** Whether the company is named in passing, among the traits of a person, so that the call stands without it. */
  readonly besideCompany?: boolean;
};

/** Whose calls they are. */
export interface Receiver extends Caller {
  readonly names: PersonTraits;
}

/**
 * Reads a call as one of Muster's.
 *
 * - identify: the user, joined with the visitor when both ids are sent; without a user id, the visitor. The user's
 *   traits may name their company.
 * - group: the company, and the user's membership of it.
 * - track: an event. page and screen: events named `page` and `screen`, with `name` and `category` in the properties.
 *   The `context` goes along as the property `context`, unless there is one already.
 * - alias: joins the visitor `previousId` with the user.
 */
export function operationOf({ workspaceId, kind, names }: Receiver, message: Message): Operation {
  const { type, userId, anonymousId, context, occurredAt: now } = message;
  const byWriteKey = kind === 'write';
  if (type === 'alias' && userId !== undefined) {
    const call = { workspaceId, userId, anonymousId: message.previousId ?? '', now, byWriteKey };
    return { kind: 'alias', call, refused: [] };
  }
  if (type !== 'identify' && type !== 'group') return eventOf({ workspaceId, byWriteKey }, message);
  if (type === 'group') {
    const companyId = message.groupId ?? '';
    const { values: traits, refused } = storableMapped(message.traits, 'company');
    if (userId === undefined)
      return { kind: 'company', call: { workspaceId, companyId, traits, now, byWriteKey }, refused };
    const fill = filledBy(undefined, context, names);
    const call = {
      workspaceId,
      userId,
      anonymousId,
      fill,
      companyId,
      companyTraits: traits,
      now,
      byWriteKey,
    };
    return { kind: 'identify', call, refused };
  }
  const fill = filledBy(message.traits, context, names);
  if (userId === undefined) {
    const { values: traits, refused } = storableMapped(message.traits, 'user');
    return {
      kind: 'visitor',
      call: { workspaceId, anonymousId: anonymousId ?? '', traits, fill, now, byWriteKey },
      refused,
    };
  }
  const { traits: own, company, refused: ofCompany } = splitCompany(message.traits);
  const { values: traits, refused } = storableMapped(own, 'user');
  const call = { workspaceId, userId, anonymousId, traits, fill, now, byWriteKey };
  const besideCompany = company !== undefined;
  const joining = besideCompany ? { companyId: company.id, companyTraits: company.traits } : {};
  return {
    kind: 'identify',
    call: { ...call, ...joining },
    refused: [...refused, ...ofCompany],
    besideCompany,
  };
}

/** An operation that stands without the company that it names in passing, without it. `why` is what is said of that. */
export function withoutCompany(operation: Operation, why: readonly Problem[]): Operation | null {
  if (operation.kind !== 'identify' || operation.besideCompany !== true) return null;
  const { companyId: _, companyTraits: __, ...call } = operation.call;
  const told = why.map((each) => ({ ...each, path: companyPath }));
  return { kind: 'identify', call, refused: [...operation.refused, ...told] };
}

function eventOf(by: Pick<Track, 'workspaceId' | 'byWriteKey'>, message: Message): Operation {
  const { type, userId, anonymousId, occurredAt, messageId } = message;
  const event = type === 'track' ? (message.name ?? '') : type;
  const { values: properties, refused } = storableProperties(propertiesOf(message));
  const call = { ...by, userId, anonymousId, event, properties, occurredAt, messageId };
  return { kind: 'track', call, refused };
}

/**
 * Does it. Errors: those of identify, identifyVisitor, identifyCompany and track, and `segment_alias_known`.
 *
 * @returns what was left out of it, here too: there was no room for it
 */
export async function perform(
  pool: Pool,
  { kind, call, refused, besideCompany }: Operation,
): Promise<readonly Problem[]> {
  if (kind === 'track') {
    await track(pool, call);
    return refused;
  }
  if (kind === 'alias') await refuseKnown(pool, call);
  const done =
    kind === 'visitor'
      ? await inPart(call, 'user', (some) => identifyVisitor(pool, some))
      : kind === 'company'
        ? await inPart(call, 'company', (some) => identifyCompany(pool, some))
        : await inPart(call, 'user', (some) => identify(pool, some));
  const ofCompany = besideCompany === true ? companyPath : '/traits';
  const left = done.refused.map((each) => ({
    ...each,
    path: each.path.replace(/^\/company_traits/, ofCompany),
  }));
  return [...refused, ...left];
}

async function refuseKnown(pool: Pool, { workspaceId, userId, anonymousId = '' }: Identify): Promise<void> {
  if (anonymousId === userId) return;
  if ((await getUser(pool, { workspaceId, userId: anonymousId })) !== null)
    refuse('segment_alias_known', { user_id: ':user_id' });
}

function propertiesOf({ type, properties: sent, context, name, category }: Message): unknown {
  // What is no object is refused where events are checked.
  if (sent !== undefined && !isObject(sent)) return sent;
  const all: Record<string, unknown> = { __proto__: null };
  for (const key of Object.keys(sent ?? {})) all[key] = sent?.[key];
  const beside = type === 'page' || type === 'screen' ? { name, category, context } : { context };
  for (const [key, value] of Object.entries(beside)) {
    if (value !== undefined && !Object.hasOwn(all, key)) all[key] = value;
  }
  return all;
}
