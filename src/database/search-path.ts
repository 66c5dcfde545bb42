import type { Pool } from './pool.js';

/** Of each pool whose schemas another role would not find by itself, how they are written for `search_path`. */
const kept = new WeakMap<Pool, string>();

/**
 * Where the address's user has a schema of its own name and finds its tables there by `"$user"`, another role would look
 * in another schema. Answers the path as the user sees it, or null where it means the same to everybody.
 */
export const readOwnPath = `
  CASE WHEN current_setting('search_path') LIKE '%$user%' AND current_user::text = ANY (current_schemas(false)::text[])
    THEN (SELECT string_agg(quote_ident(name), ', ') FROM unnest(current_schemas(false)) AS name)
  END`;

/** Makes the schemas that are searched now those that are searched for the rest of the transaction, under any role. */
export const holdPath = `
  SELECT set_config('search_path',
    (SELECT string_agg(quote_ident(name), ', ') FROM unnest(current_schemas(false)) AS name), true)`;

export function keepPath(pool: Pool, path: string): void {
  kept.set(pool, path);
}

export function keptPath(pool: Pool): string | undefined {
  return kept.get(pool);
}
