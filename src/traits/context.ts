import { refuse } from '../errors/index.js';
import type { Database } from './database.js';
import type { WhichUser } from './read.js';

/** Structured data about one person beside their traits. */
export interface ContextEntry {
  readonly key: string;
  /** Any JSON. */
  readonly value: unknown;
  readonly updated_at: Date;
}

const later = (): never => refuse('not_available_yet', { what: 'context entries' });

/** Sets one entry. Errors: `no_such_user` `context_entry_too_large` `too_many_context_entries` and others. */
export async function setContextEntry(
  _db: Database,
  _call: WhichUser & { readonly key: string; readonly value: unknown },
): Promise<ContextEntry> {
  return later();
}

/** Answers whether there was one. */
export async function deleteContextEntry(
  _db: Database,
  _call: WhichUser & { readonly key: string },
): Promise<{ deleted: boolean }> {
  return later();
}

/** In the order of their keys; none for a person who is not there. */
export async function listContextEntries(_db: Database, _which: WhichUser): Promise<ContextEntry[]> {
  return later();
}
