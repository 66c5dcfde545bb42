import type { Pool } from '../database/pool.js';
import { amidstEngine, inWorkspace } from '../database/workspace.js';
import { refuse } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';
import { textFault } from './json.js';

export interface FindPerson {
  readonly workspaceId: string;
  /** A user_id, or an e-mail address that is nobody's user_id. */
  readonly text: string;
  /** Whether it is an e-mail address in any case. */
  readonly email?: boolean | undefined;
}

/** How many of several people are named. */
const mostNamed = 10;

/**
 * The user_id of the person whom a text names: by the id, else by the e-mail address, whose letter case does not count. A text
 * without `@` is an id, whether somebody has it or not.
 *
 * Errors: `no_such_user`; `address_shared`, naming the people who have the address.
 */
export async function findPerson(
  pool: Pool,
  { workspaceId, text, email = false }: FindPerson,
): Promise<string> {
  const nobody = (): never => refuse('no_such_user', { user_id: shown(text), workspace: workspaceId });
  if (!email && !text.includes('@')) return text;
  if (textFault(text) !== null) return nobody();
  const rows = await inWorkspace(
    pool,
    workspaceId,
    // The index of addresses is of no use under a policy of rows: `lower` could leak what it is given.
    (client) =>
      amidstEngine(client, 10_000, async () => {
        const { rows: found } = await client.query<Found>(email ? byEmail : byEither, [workspaceId, text]);
        return found;
      }),
    { readOnly: true },
  );
  const exact = rows.find(({ is_id: isId }) => isId);
  if (exact !== undefined) return exact.user_id;
  const [one] = rows;
  if (one === undefined) return nobody();
  if (rows.length === 1) return one.user_id;
  const named = rows.slice(0, mostNamed).map(({ user_id: id }) => `\`${shown(id)}\``);
  const count = rows.length > mostNamed ? `more than ${mostNamed}` : rows.length;
  return refuse('address_shared', { count, email: shown(text), people: named.join(', ') });
}

interface Found {
  user_id: string;
  is_id: boolean;
}

const byEmail = `
  SELECT u.user_id, false AS is_id FROM end_users AS u
  WHERE u.workspace_id = $1 AND lower(u.email) = lower(btrim($2::text) COLLATE "C") AND u.user_id IS NOT NULL
  ORDER BY u.user_id LIMIT ${mostNamed + 1}`;

const byEither = `
  SELECT u.user_id, true AS is_id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2::text
  UNION ALL (${byEmail})`;
