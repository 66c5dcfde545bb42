import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { MusterError, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';
import { changeWishes, readWishes } from '../traits/preferences.js';
import type { WishChange, Wisher, Wishes } from '../traits/preferences.js';
import { collectText } from '../traits/text.js';
import type { LinkSecretReader } from './links/secret.js';
import { readToken, unsubscribeLinkIn } from './links/token.js';
import type { UnsubscribeLink } from './links/token.js';
import { seriesLimits } from './series/grammar.js';

/** What somebody can choose, and has chosen. */
export interface Preferences {
  /** Whether they want to hear of anything at all. */
  readonly subscribed: boolean;
  /** Whether the workspace sends them nothing, whatever they choose. */
  readonly suppressed: boolean;
  /** Topics of the workspace, and those that they once chose about. */
  readonly topics: readonly { readonly topic: string; readonly subscribed: boolean }[];
}

/** What is left out stays as it is. */
export interface PreferenceChange {
  readonly subscribed?: boolean | undefined;
  readonly topics?: Readonly<Record<string, boolean>> | undefined;
}

/** Errors: `no_such_user`. */
export async function getPreferences(pool: Pool, workspaceId: string, userId: string): Promise<Preferences> {
  return inWorkspace(pool, workspaceId, async (client) =>
    preferencesOf(client, await wisherOf(client, workspaceId, userId), null),
  );
}

/** Errors: `bad_label`, `no_such_user`. */
export async function setPreferences(
  pool: Pool,
  workspaceId: string,
  userId: string,
  change: PreferenceChange,
): Promise<Preferences> {
  const problems: Problem[] = [];
  for (const topic of Object.keys(change.topics ?? {})) {
    collectText('topics', topic, problems, seriesLimits.topicBytes);
  }
  if (problems.length > 0) throw new MusterError(problems);
  return inWorkspace(pool, workspaceId, async (client) => {
    const wisher = await wisherOf(client, workspaceId, userId);
    await changeWishes(client, wisher, wishOf(change, 'api'));
    return preferencesOf(client, wisher, null);
  });
}

/** A link to unsubscribe by, whose signature was checked. */
export interface OpenedLink {
  readonly link: UnsubscribeLink;
  /** Name of the workspace. */
  readonly sender: string;
  readonly preferences: Preferences;
}

/** What a token opens, changed first where something is to be changed; null for one that nobody here signed. */
export async function openUnsubscribeLink(
  pool: Pool,
  secrets: LinkSecretReader,
  token: string,
  change?: (link: UnsubscribeLink) => PreferenceChange,
): Promise<OpenedLink | null> {
  const read = readToken(token);
  const link = read === null ? null : unsubscribeLinkIn(read.said);
  if (read === null || link === null) return null;
  const { workspaceId, endUserId, emailHash, topic } = link;
  // A workspace's id is bounded and holds no NUL; whatever else stands there is no workspace of ours.
  if (workspaceId === '' || workspaceId.includes('\0')) return null;
  const known = await secrets.known(workspaceId);
  if (known === null || !read.isSignedBy(known.keys.unsubscribe)) return null;
  const wisher = { workspaceId, endUserId, emailHash };
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ name: string }>(readName, [workspaceId]);
    const sender = rows[0]?.name ?? '';
    const before = await preferencesOf(client, wisher, topic);
    if (change === undefined) return { link, sender, preferences: before };
    const { subscribed, topics } = change(link);
    // A form can be made up: what was never offered is nobody's wish.
    const offered = before.topics.filter((each) => Object.hasOwn(topics ?? {}, each.topic));
    const chosen = Object.fromEntries(offered.map((each) => [each.topic, topics?.[each.topic] === true]));
    await changeWishes(client, wisher, wishOf({ subscribed, topics: chosen }, 'link'));
    return { link, sender, preferences: await preferencesOf(client, wisher, topic) };
  });
}

async function preferencesOf(client: Client, wisher: Wisher, about: string | null): Promise<Preferences> {
  const wishes: Wishes = await readWishes(client, wisher);
  const { rows } = await client.query<{ topic: string }>(readTopics, [wisher.workspaceId]);
  const offered = rows.map(({ topic }) => topic);
  const topics = new Set([...offered, ...wishes.without, ...(about === null ? [] : [about])]);
  return {
    subscribed: !wishes.nothing,
    suppressed: wishes.suppressed,
    topics: [...topics].toSorted().map((topic) => ({ topic, subscribed: !wishes.without.includes(topic) })),
  };
}

async function wisherOf(client: Client, workspaceId: string, userId: string): Promise<Wisher> {
  const { rows } = await client.query<{ id: string }>(findPerson, [workspaceId, userId]);
  const endUserId = rows[0]?.id ?? refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
  return { workspaceId, endUserId };
}

function wishOf({ subscribed, topics }: PreferenceChange, source: string): WishChange {
  return { nothing: subscribed === undefined ? undefined : !subscribed, topics, source };
}

const findPerson = 'SELECT id FROM end_users WHERE workspace_id = $1 AND user_id = $2';

const readName = 'SELECT name FROM workspaces WHERE workspace_id = $1';

/** What a workspace sends messages about. */
const readTopics = `
  SELECT topic FROM series WHERE workspace_id = $1 AND topic IS NOT NULL AND state <> 'archived'
  UNION
  SELECT definition ->> 'topic' FROM broadcasts WHERE workspace_id = $1 AND definition ? 'topic' AND NOT archived`;
