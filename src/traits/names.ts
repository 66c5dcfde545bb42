import { Pool } from 'pg';
import { MusterError, problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { child, shown } from '../filter/parse/context.js';
import type { Refused } from './bounds.js';
import { runStatement } from './database.js';
import type { Database } from './database.js';

/** A name that a call would store, and where it stands in the call. */
export interface SentName {
  /** What it is of: a custom trait of users or of companies, or an event. */
  readonly kind: 'user' | 'company' | 'event';
  readonly name: string;
  readonly path: string;
}

export interface NewNames {
  /** Whether they came with a write key, which is public and may take only half of the room. */
  readonly byWriteKey?: boolean | undefined;
  /** Whether names that are new are noted, for a call that writes them next; default true. */
  readonly note?: boolean | undefined;
}

/** Milliseconds for which a name that a workspace has needs no other look. */
const lookEvery = 60_000;
/** Names remembered of one pool; beyond it all are forgotten, which costs a look each. Long ones are never remembered. */
const mostRemembered = 50_000;
const longestRemembered = 200;

const remembered = new WeakMap<Pool, Map<string, number>>();

/**
 * Asks for room for names before anything that has them is stored: a workspace has up to 10,000 trait keys and 2,000 event
 * names, of which write keys may add half. Those that are there already, nearly always all, are remembered, so that the
 * usual call asks nobody. New ones are noted together or, where there is no room for one of them, not at all.
 *
 * Errors: `too_many_trait_keys` and `too_many_event_names`, of each name for which there is no room.
 */
export async function admitNames(
  db: Database,
  workspaceId: string,
  names: readonly SentName[],
  options: NewNames = {},
): Promise<void> {
  const refused = await refusedNames(db, workspaceId, names, options);
  const problems = names.flatMap((each) => refused.get(each) ?? []);
  if (problems.length > 0) throw new MusterError(problems);
}

/**
 * Asks for the names of many calls at once.
 *
 * @returns the calls of which names are refused, and the others, whose names are noted
 */
export async function admitNamesOfMany<T>(
  db: Database,
  workspaceId: string,
  calls: readonly T[],
  namesOf: (call: T) => readonly SentName[],
  options: NewNames = {},
): Promise<{ admitted: readonly T[]; refused: Refused<T>[] }> {
  const refused: Refused<T>[] = [];
  let left = calls.map((item) => ({ item, names: namesOf(item) }));
  for (;;) {
    const all = left.flatMap(({ names }) => names);
    const without = await refusedNames(db, workspaceId, all, options);
    if (without.size === 0) return { admitted: left.map(({ item }) => item), refused };
    left = left.filter(({ item, names }) => {
      const problems = names.flatMap((each) => without.get(each) ?? []);
      if (problems.length > 0) refused.push({ item, refusal: new MusterError(problems) });
      return problems.length === 0;
    });
  }
}

async function refusedNames(
  db: Database,
  workspaceId: string,
  names: readonly SentName[],
  { byWriteKey = false, note = true }: NewNames,
): Promise<ReadonlyMap<SentName, Problem>> {
  const known = knownTo(db);
  const now = Date.now();
  const textOf = ({ kind, name }: SentName): string => `${workspaceId}\n${kind}\n${name}`;
  const asked = names.filter((each) => (known?.get(textOf(each)) ?? -Infinity) <= now);
  if (asked.length === 0) return new Map();
  const { rows } = await runStatement<{ place: number; most: number }>(db, workspaceId, {
    text: 'SELECT place, most FROM muster_admit_names($1, $2::text[], $3::text[], $4, $5)',
    values: [workspaceId, asked.map(({ kind }) => kind), asked.map(({ name }) => name), byWriteKey, note],
  });
  if (rows.length === 0 && note && known !== null) {
    for (const each of asked) {
      if (each.name.length > longestRemembered) continue;
      if (known.size >= mostRemembered) known.clear();
      known.set(textOf(each), now + lookEvery);
    }
  }
  return new Map(
    rows.flatMap(({ place, most }) => {
      const sent = asked[place - 1];
      return sent === undefined ? [] : [[sent, problemOf(sent, most, byWriteKey)] as const];
    }),
  );
}

function knownTo(db: Database): Map<string, number> | null {
  // What a client's transaction notes, its rollback takes away.
  if (!(db instanceof Pool)) return null;
  const known = remembered.get(db) ?? new Map<string, number>();
  remembered.set(db, known);
  return known;
}

function problemOf({ kind, name, path }: SentName, limit: number, byWriteKey: boolean): Problem {
  const code = kind === 'event' ? 'too_many_event_names' : 'too_many_trait_keys';
  const values = { name: shown(name), limit, by: byWriteKey ? ' from write keys' : '' };
  const plain = problem(code, values, { path });
  // What is there already is taken from every key.
  const hint = `send it with a secret key once, which has room of its own; or ${plain.hint}`;
  return byWriteKey ? { ...plain, hint } : plain;
}

/** The custom traits that a call sets. */
export function traitNames(
  kind: 'user' | 'company',
  { custom }: { readonly custom: Readonly<Record<string, unknown>> },
  path = '/traits',
): SentName[] {
  return Object.keys(custom).map((name) => ({ kind, name, path: child(path, name) }));
}
