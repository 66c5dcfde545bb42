import { createHash, createHmac } from 'node:crypto';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { sameMailbox } from '../../traits/mailbox.js';
import { makeSalt } from '../../traits/statements/add-opt-outs.js';

/** A link of one kind is never taken for one of another. */
export type LinkPurpose = 'unsubscribe';

/** What the links of one workspace are signed with, and its e-mail addresses hashed with. */
export interface LinkSecrets {
  readonly keys: Readonly<Record<LinkPurpose, Buffer>>;
  /** As `muster_identifier_hash` makes it. */
  readonly hashEmail: (address: string) => Buffer;
}

export interface LinkSecretReader {
  /** Makes the workspace's secret where it has none yet. */
  of(workspaceId: string): Promise<LinkSecrets>;
  /** Null for a workspace that has none, as one that does not exist. */
  known(workspaceId: string): Promise<LinkSecrets | null>;
}

/** Workspaces kept in memory; the one read longest ago goes first. */
const kept = 1000;

/** Reads secrets, each once, because they never change: all come from the salt of the workspace's lists. */
export function linkSecretReader(pool: Pool): LinkSecretReader {
  const read = new Map<string, LinkSecrets>();
  const find = async (workspaceId: string, make: boolean): Promise<LinkSecrets | null> => {
    const found = read.get(workspaceId);
    if (found !== undefined) return found;
    const salt = await inWorkspace(pool, workspaceId, async (client) => {
      if (make) await client.query(makeSalt, [workspaceId]);
      const { rows } = await client.query<{ salt: Buffer }>(readSalt, [workspaceId]);
      return rows[0]?.salt ?? null;
    });
    if (salt === null) return null;
    const [oldest] = read.keys();
    if (read.size >= kept && oldest !== undefined) read.delete(oldest);
    const secrets = secretsFrom(salt);
    read.set(workspaceId, secrets);
    return secrets;
  };
  return {
    known: (workspaceId) => find(workspaceId, false),
    async of(workspaceId) {
      const secrets = await find(workspaceId, true);
      if (secrets === null) throw new Error('a salt that was just made is not there');
      return secrets;
    },
  };
}

export function secretsFrom(salt: Buffer): LinkSecrets {
  const keyOf = (purpose: LinkPurpose): Buffer =>
    createHmac('sha256', salt).update(`muster link: ${purpose}`).digest();
  return {
    keys: { unsubscribe: keyOf('unsubscribe') },
    hashEmail: (address) => {
      return createHash('sha256')
        .update(salt)
        .update(`email:${sameMailbox(address)}`)
        .digest();
    },
  };
}

const readSalt = 'SELECT salt FROM identifier_salts WHERE workspace_id = $1';
