import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { refuse } from '../errors/index.js';
import { selectIdentity } from './identity/settings.js';
import type { IdentitySettings } from './identity/settings.js';
import { isLive, isMistyped, matchKey, selectKeys, workspaceIn } from './keys.js';
import type { KeyHolder, StoredKey } from './keys.js';
import type { PersonTraits } from './segment/fill.js';

/** What a workspace lets in: its keys, how its browser users are told, and where it keeps what calls say beside traits. */
interface Access {
  readonly keys: readonly StoredKey[];
  readonly identity: IdentitySettings;
  readonly personTraits: PersonTraits;
  readonly readAt: number;
}

/** Knows keys, identity settings and names of traits, without asking the database at every call. */
export interface AccessBook {
  /** Errors: `key_mistyped`, `key_unknown`, `key_expired`, `key_revoked`. */
  holder(key: string): Promise<KeyHolder>;
  identity(workspaceId: string): Promise<IdentitySettings>;
  personTraits(workspaceId: string): Promise<PersonTraits>;
  /** Called after a change made here, so that the next call sees it. */
  forget(workspaceId: string): void;
}

/** How long another process may go on with what it read, in milliseconds: a revoked key works at most so long there. */
export const freshFor = 2000;
const mostWorkspaces = 10_000;

export function accessBook(pool: Pool, clock: () => number): AccessBook {
  const known = new Map<string, Access>();
  const reading = new Map<string, Promise<Access>>();

  /** Reads are shared while they run, so that a flood of unknown keys is not a flood of statements. */
  function read(workspaceId: string): Promise<Access> {
    const running = reading.get(workspaceId);
    if (running !== undefined) return running;
    const started = load(pool, workspaceId)
      .then((access) => {
        // Unknown workspaces are not kept, and one that was changed meanwhile is read again.
        if (reading.get(workspaceId) === started && access.keys.length > 0) {
          if (known.size >= mostWorkspaces) known.clear();
          known.set(workspaceId, access);
        }
        return access;
      })
      .finally(() => {
        if (reading.get(workspaceId) === started) reading.delete(workspaceId);
      });
    reading.set(workspaceId, started);
    return started;
  }

  const fresh = (workspaceId: string): Access | undefined => {
    const access = known.get(workspaceId);
    return access !== undefined && performance.now() - access.readAt < freshFor ? access : undefined;
  };

  return {
    async holder(key) {
      const workspaceId = workspaceIn(key);
      if (workspaceId === null) return refuse(isMistyped(key) ? 'key_mistyped' : 'key_unknown');
      const access = fresh(workspaceId);
      // A key that is not among those read may have been made since.
      const stored =
        (access === undefined ? null : matchKey(access.keys, key)) ??
        matchKey((await read(workspaceId)).keys, key);
      if (stored === null) return refuse(isMistyped(key) ? 'key_mistyped' : 'key_unknown');
      if (stored.revoked_at !== null) refuse('key_revoked');
      if (!isLive(stored, clock())) refuse('key_expired');
      return { workspaceId, kind: stored.kind, keyId: stored.key_id };
    },
    identity: async (workspaceId) => (fresh(workspaceId) ?? (await read(workspaceId))).identity,
    personTraits: async (workspaceId) => (fresh(workspaceId) ?? (await read(workspaceId))).personTraits,
    forget: (workspaceId) => {
      known.delete(workspaceId);
      reading.delete(workspaceId);
    },
  };
}

async function load(pool: Pool, workspaceId: string): Promise<Access> {
  const readAt = performance.now();
  // The key names its workspace itself, and is looked for nowhere else.
  return inWorkspace(pool, workspaceId, async (client) => {
    const keys = await selectKeys(client, workspaceId);
    const identity = await selectIdentity(client, workspaceId);
    return { keys, identity, personTraits: await selectPersonTraits(client, workspaceId), readAt };
  });
}

/** One that is not there has them as a new one does; none of its calls comes so far. */
async function selectPersonTraits(client: Client, workspaceId: string): Promise<PersonTraits> {
  const { rows } = await client.query<PersonTraits>(
    `SELECT person_zone_field AS zone, person_language_field AS language FROM workspaces WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? { zone: 'timezone', language: 'locale' };
}
