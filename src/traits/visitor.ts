import { MusterError } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { momentOf } from '../filter/time.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { collectTraits } from './check.js';
import { atomically } from './database.js';
import type { Database } from './database.js';
import { collectId } from './ids.js';
import { collectFill, namesOfPerson, writtenPerson } from './identify.js';
import { admitNames } from './names.js';
import type { EndUser } from './row.js';
import { mergeVisitor } from './statements/merge-visitor.js';

export interface IdentifyVisitor {
  readonly workspaceId: string;
  /** The id of somebody who is not signed in: text of 1 to 512 bytes. */
  readonly anonymousId: string;
  /** Names and values; null removes a trait, what is not named stays. */
  readonly traits?: unknown;
  /** Names and values that are set only where the visitor has none and `traits` says nothing. */
  readonly fill?: unknown;
  /** When it happened, in milliseconds since 1970 (UTC) or as a Date; default the database's clock. */
  readonly now?: Date | number | undefined;
  /** Whether it came with a write key, which may take only half of the room for new names; default false. */
  readonly byWriteKey?: boolean | undefined;
}

/** The row that another call makes or joins meanwhile is seen by the second try; a third is for one deleted in between. */
const mostTries = 10;

/**
 * Merges traits onto a visitor, atomically, and makes their row where there is none. It is a visit: `last_seen` moves, never
 * backwards. A visitor is nobody yet, so it fires no `user_created`: the identify that says who they are does, whatever came
 * before it. A change of a visitor who was there is `user_updated` in the outbox.
 *
 * What is known of a person by their user id is worth more than what a visitor says. So when an identify joins the visitor
 * with a person who is there, the person's own traits stay and the visitor's fill what is missing; and a visitor who is
 * somebody already only fills what that person lacks, and removes nothing. It makes no difference which of the two came
 * first. Where the person was not there, the visitor's row becomes theirs, traits included.
 *
 * Given a pool, it commits before it returns; given a client, the caller's transaction decides.
 *
 * Errors, all at once and before anything is written: `bad_user_id` and `id_missing_value` (the anonymous id) and those of `checkTraits`; then those of `admitNames`,
 * `too_many_custom_traits` and `custom_traits_too_large`.
 *
 * @returns the row, which is a person's where it has a user id
 */
export async function identifyVisitor(db: Database, call: IdentifyVisitor): Promise<EndUser> {
  const { workspaceId } = call;
  const problems: Problem[] = [];
  const anonymousId = collectId('anonymous_id', call.anonymousId, problems);
  const traits = collectTraits(call.traits, problems);
  const fill = collectFill(call, problems);
  if (problems.length > 0) throw new MusterError(problems);
  await admitNames(db, workspaceId, namesOfPerson({ traits, fill }), call);
  const merge = {
    workspaceId,
    anonymousId,
    at: call.now === undefined ? null : new Date(momentOf(call.now).now).toISOString(),
    ...writtenPerson(traits, fill),
  };
  const user = await atomically(db, workspaceId, async (client) => {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const merged = await mergeVisitor(client, merge);
      if (merged !== null) return merged;
    }
    throw new Error(`the row of a visitor came and went ${mostTries} times during one call`);
  });
  await noteTraitsSent(db, workspaceId, 'user', [...sentKeys(traits), ...sentKeys(fill)]);
  return user;
}
