import type { Client } from '../../database/pool.js';
import type { Moment } from '../../filter/time.js';
import { instantOf } from '../../filter/time.js';
import { nextPassing } from '../../filter/edges/passing.js';
import { storedInstants } from '../../filter/edges/values.js';
import { matchingAmong } from '../people.js';
import { turnsOf } from './flips.js';
import type { Flip } from './flips.js';
import { isBuilt, pairKey } from './keeping.js';
import type { Keeping } from './keeping.js';
import { readPeople } from './people.js';
import type { Person } from './people.js';
import { writeFlips } from './write.js';

/** Milliseconds. */
const unseen = 1000;

interface Change {
  /** What changed; null: all of it. */
  names: Set<string> | null;
  /** When it did last, in milliseconds since 1970 (UTC). */
  at: number;
}

/**
 * Takes what changed since the last look, and asks of each person those segments that read any of it and either hold them now or
 * may take them. Answers how many changes were taken.
 */
export async function keepChanges(keeping: Keeping): Promise<number> {
  const { client, workspaceId, tracked, limits } = keeping;
  const { rows } = await client.query<ChangeRow>(take, [workspaceId, limits.batch]);
  if (rows.length === 0) return 0;
  await spread(client, workspaceId, rows);
  const changes = changesOf(rows, keeping.now);
  const names = allNames(changes);
  const concerned = tracked.segments.filter(({ reads }) => names === null || meets(reads, names));
  const earliest = Math.min(keeping.now, ...[...changes.values()].map(({ at }) => at));
  const since = { now: earliest, zone: keeping.zone };
  const people = await readPeople(client, workspaceId, [...changes.keys()], concerned, since);
  const flips: Flip[] = [];
  for (const person of people) {
    const change = changes.get(person.id);
    if (change !== undefined) flips.push(...(await flipsOf(keeping, person, change)));
  }
  await writeFlips(client, workspaceId, flips, true);
  keeping.flips.push(...flips);
  await bringForward(keeping, people, names, since);
  return rows.length;
}

async function flipsOf(keeping: Keeping, person: Person, { names, at }: Change): Promise<Flip[]> {
  const { tracked, zone, now } = keeping;
  const matching = new Set(tracked.index.matching(person.record, { now, zone }, names));
  const positions = new Set(matching);
  for (const key of person.inside) {
    const position = tracked.positions.get(key);
    const segment = position === undefined ? undefined : tracked.segments[position];
    if (position === undefined || segment === undefined) continue;
    if (names === null || meets(segment.reads, names)) positions.add(position);
  }
  await askAboutMany(keeping, person, names, matching, positions);
  const flips: Flip[] = [];
  for (const position of positions) {
    const segment = tracked.segments[position];
    if (segment === undefined || !isBuilt(keeping, segment, person.id)) continue;
    const { key, filter, moves } = segment;
    keeping.asked.add(pairKey(person.id, key));
    const stored = person.inside.has(key);
    const tooMany = [...segment.events.keys()].some((event) => person.tooMany.has(event));
    // What began and ended within the moment that a change waits to be looked at is not told; finding it would cost every change.
    const settled = matching.has(position) === stored && now - at <= unseen;
    if (settled) continue;
    const turns =
      moves && !tooMany
        ? turnsOf(filter, person.record, stored, { from: at, to: now, zone }, true)
        : matching.has(position) === stored
          ? []
          : [{ entered: !stored, at }];
    for (const turn of turns)
      flips.push({ endUser: person.id, userId: person.userId, segment: key, ...turn });
  }
  return flips;
}

/** Who did something too often for it to be held in memory is asked about in SQL, which only counts. */
async function askAboutMany(
  { client, workspaceId, tracked, now, zone }: Keeping,
  person: Person,
  names: ReadonlySet<string> | null,
  matching: Set<number>,
  positions: Set<number>,
): Promise<void> {
  if (person.tooMany.size === 0) return;
  for (const [position, segment] of tracked.segments.entries()) {
    if (![...segment.events.keys()].some((event) => person.tooMany.has(event))) continue;
    if (names !== null && !meets(segment.reads, names)) continue;
    positions.add(position);
    const moment: Moment = { now, zone };
    const [found] = await matchingAmong(client, { workspaceId, moment }, segment.filter, [person.id]);
    if (found === undefined) matching.delete(position);
    else matching.add(position);
  }
}

/** New stored times may come to the clock before those that the next sweep is planned for. */
async function bringForward(
  { client, workspaceId, tracked, zone }: Keeping,
  people: readonly Person[],
  names: ReadonlySet<string> | null,
  since: Moment,
): Promise<void> {
  const times = new Map<string, number[]>();
  const edges: string[] = [];
  const instants: string[] = [];
  for (const { key, edge, reads } of tracked.edges.values()) {
    if (names !== null && !meets(reads, names)) continue;
    const source = JSON.stringify(edge.source);
    let sorted = times.get(source);
    if (sorted === undefined) {
      sorted = people
        .flatMap(({ record }) => storedInstants(edge.source, record, zone))
        .toSorted((a, b) => a - b);
      times.set(source, sorted);
    }
    const next = firstFrom(sorted, instantOf(edge.time, since));
    const { source: of } = edge;
    // Of somebody with too many events the times are not at hand: the sweep looks for itself.
    const unknown = of.kind !== 'field' && people.some(({ tooMany }) => tooMany.has(of.event));
    const at = unknown ? since.now : next === null ? null : nextPassing(edge.time, next, since.now, zone);
    if (at === null) continue;
    edges.push(key);
    instants.push(new Date(at).toISOString());
  }
  if (edges.length > 0) await client.query(forward, [workspaceId, edges, instants]);
}

/** The least of the sorted numbers that is not below the bound, or null. */
function firstFrom(sorted: readonly number[], bound: number): number | null {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) < bound) low = middle + 1;
    else high = middle;
  }
  return sorted[low] ?? null;
}

interface ChangeRow {
  end_user_id: string | null;
  company_id: string | null;
  names: string[] | null;
  at: Date;
}

/** A change of a company is one of each of its people, who are found now and looked at next. */
async function spread(client: Client, workspaceId: string, rows: readonly ChangeRow[]): Promise<void> {
  const companies = rows.filter((row) => row.company_id !== null);
  if (companies.length === 0) return;
  await client.query(spreadCompanies, [
    workspaceId,
    companies.map((row) => row.company_id),
    companies.map(({ names }) => (names === null ? null : JSON.stringify(names))),
    companies.map(({ at }) => at.toISOString()),
  ]);
}

function changesOf(rows: readonly ChangeRow[], now: number): Map<string, Change> {
  const found = new Map<string, Change>();
  for (const { end_user_id: id, names, at } of rows) {
    if (id === null) continue;
    const known = found.get(id);
    const instant = Math.min(at.getTime(), now);
    if (known === undefined) found.set(id, { names: names === null ? null : new Set(names), at: instant });
    else {
      known.at = Math.max(known.at, instant);
      if (names === null) known.names = null;
      else if (known.names !== null) for (const name of names) known.names.add(name);
    }
  }
  return found;
}

function allNames(changes: ReadonlyMap<string, Change>): Set<string> | null {
  const all = new Set<string>();
  for (const { names } of changes.values()) {
    if (names === null) return null;
    for (const name of names) all.add(name);
  }
  return all;
}

function meets(reads: ReadonlySet<string>, names: ReadonlySet<string>): boolean {
  for (const name of names) if (reads.has(name)) return true;
  return false;
}

const take = `
  DELETE FROM segment_changes c
  USING (SELECT id FROM segment_changes WHERE workspace_id = $1 ORDER BY id LIMIT $2) AS oldest
  WHERE c.workspace_id = $1 AND c.id = oldest.id
  RETURNING c.end_user_id, c.company_id, c.names, c.at`;

const spreadCompanies = `
  INSERT INTO segment_changes (workspace_id, end_user_id, names, at)
  SELECT $1, u.id, CASE WHEN told.names IS NULL THEN NULL ELSE ARRAY(SELECT jsonb_array_elements_text(told.names)) END, told.at
  FROM unnest($2::text[], $3::jsonb[], $4::timestamptz[]) AS told (company_id, names, at)
  JOIN end_users u ON u.workspace_id = $1 AND u.company_id = told.company_id`;

const forward = `
  UPDATE segment_edges e SET next_at = told.at
  FROM unnest($2::text[], $3::timestamptz[]) AS told (edge, at)
  WHERE e.workspace_id = $1 AND e.edge = told.edge AND (e.next_at IS NULL OR e.next_at > told.at)`;
