import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { isObject } from '../../filter/parse/context.js';
import { identifyCompany } from '../../traits/company.js';
import { identify } from '../../traits/identify.js';
import { getUser } from '../../traits/read.js';
import { track } from '../../traits/track.js';
import { refuseFault } from '../identity/guard.js';
import type { Caller, IdentityGuard } from '../identity/guard.js';
import type { Message } from './message.js';
import { mapTraits } from './traits.js';

export interface Applied {
  /** Reserved trait names that were left out. */
  readonly dropped: readonly string[];
}

/**
 * Does what one call of Segment's API asks for.
 *
 * - identify: the user, joined with the visitor when both ids are sent. Traits of a visitor alone have no place yet, so
 *   such a call is an event `identify` of the visitor with the traits as its properties.
 * - group: the company, and the user's membership of it.
 * - track: an event. page and screen: events named `page` and `screen`, with `name` and `category` in the properties.
 *   The `context` goes along as the property `context`, unless there is one already.
 * - alias: joins the visitor `previousId` with the user.
 *
 * Errors: those of identify, identifyCompany, track and the identity guard, and `segment_alias_known`.
 */
export async function applyMessage(
  { pool, guard }: { pool: Pool; guard: IdentityGuard },
  caller: Caller,
  message: Message,
): Promise<Applied> {
  const { workspaceId } = caller;
  const { type, userId, anonymousId, signature, occurredAt: now } = message;
  if (userId !== undefined) refuseFault(await guard.fault(caller, userId, signature));
  else if (type === 'group') await guard.company(caller);

  if (type === 'alias' && userId !== undefined) {
    const previous = message.previousId ?? '';
    if (previous !== userId && (await getUser(pool, { workspaceId, userId: previous })) !== null)
      refuse('segment_alias_known');
    await identify(pool, { workspaceId, userId, anonymousId: previous, now });
    return { dropped: [] };
  }
  const { traits, dropped } = mapTraits(message.traits);
  if (type === 'identify' && userId !== undefined) {
    await identify(pool, { workspaceId, userId, anonymousId, traits, now });
    return { dropped };
  }
  if (type === 'group') {
    const companyId = message.groupId ?? '';
    if (userId === undefined) await identifyCompany(pool, { workspaceId, companyId, traits, now });
    else await identify(pool, { workspaceId, userId, anonymousId, companyId, companyTraits: traits, now });
    return { dropped };
  }
  await track(pool, {
    workspaceId,
    userId,
    anonymousId,
    event: type === 'track' ? (message.name ?? '') : type,
    properties: propertiesOf(message),
    occurredAt: now,
    messageId: message.messageId,
  });
  return { dropped: [] };
}

function propertiesOf({ type, properties, traits, context, name, category }: Message): unknown {
  const sent = type === 'identify' ? traits : properties;
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
