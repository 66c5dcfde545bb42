import { refuse } from '../errors/index.js';
import type { Database } from './database.js';

/** A person by id, by e-mail address, or by both. At least one is needed. */
export interface Whom {
  readonly workspaceId: string;
  readonly userId?: string | undefined;
  readonly email?: string | undefined;
}

export interface Suppress extends Whom {
  /** Why, such as `hard_bounce`; default `manual`. */
  readonly reason?: string | undefined;
  /** Who says so, such as `api`; default `api`. */
  readonly source?: string | undefined;
}

export interface SuppressionEntry {
  readonly kind: 'user_id' | 'email';
  /** Null once the person was erased: only its salted hash is kept. */
  readonly identifier: string | null;
  readonly reason: string;
  readonly source: string;
  readonly at: Date;
}

export interface UnsubscribeEntry extends SuppressionEntry {
  /** Null for all topics. */
  readonly topic: string | null;
}

export interface ListOptions {
  readonly workspaceId: string;
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** Null at the end. */
  readonly next: string | null;
}

const later = (): never => refuse('not_available_yet', { what: 'suppression' });

/** Nothing is sent to this person any more, on any channel. Answers whether an entry is new. */
export async function suppress(_db: Database, _call: Suppress): Promise<{ changed: boolean }> {
  return later();
}

export async function unsuppress(_db: Database, _call: Whom): Promise<{ changed: boolean }> {
  return later();
}

/** The person's own wish: from one topic, or from all. */
export async function unsubscribe(
  _db: Database,
  _call: Suppress & { readonly topic?: string | undefined },
): Promise<{ changed: boolean }> {
  return later();
}

export async function resubscribe(
  _db: Database,
  _call: Whom & { readonly topic?: string | undefined },
): Promise<{ changed: boolean }> {
  return later();
}

/** Whether a message of this topic (or of none) must not be sent. */
export async function isSuppressed(
  _db: Database,
  _call: Whom & { readonly topic?: string | undefined },
): Promise<boolean> {
  return later();
}

export async function listSuppressed(_db: Database, _options: ListOptions): Promise<Page<SuppressionEntry>> {
  return later();
}

export async function listUnsubscribed(
  _db: Database,
  _options: ListOptions,
): Promise<Page<UnsubscribeEntry>> {
  return later();
}
