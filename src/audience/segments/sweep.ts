import type { Client } from '../../database/pool.js';
import { boundOfInstant, firstMoment } from '../../filter/day.js';
import { edgePlace } from '../../filter/edges/sql.js';
import type { EdgePlace } from '../../filter/edges/sql.js';
import { nextPassing, passedBetween } from '../../filter/edges/passing.js';
import { storedAround, storedLater } from '../../filter/edges/stored.js';
import { instantText } from '../../filter/sql/range.js';
import { instantOf } from '../../filter/time.js';
import { matchingAmong } from '../people.js';
import { turnsOf } from './flips.js';
import type { Flip } from './flips.js';
import { isBuilt, pairKey } from './keeping.js';
import type { Keeping } from './keeping.js';
import { readPeople } from './people.js';
import type { Person } from './people.js';
import type { TrackedEdge, TrackedSegment } from './tracked.js';
import { amidstTimeout } from './timeout.js';
import { writeFlips } from './write.js';

/**
 * Brings memberships up to the clock. Of each edge whose time is come, the people are found whose stored times it passed since
 * the last sweep, by a range of an index; they alone are asked, and only about the segments with that edge. Then the edge is
 * planned for the next stored time that comes to it.
 *
 * Answers how many edges were due.
 */
export async function sweepEdges(keeping: Keeping): Promise<number> {
  const { client, workspaceId, tracked, now } = keeping;
  const { rows } = await client.query<{ edge: string }>(readDue, [workspaceId, new Date(now).toISOString()]);
  const due = rows.flatMap(({ edge }) => tracked.edges.get(edge) ?? []);
  const people = new Map<string, Set<number>>();
  const planned = new Map<string, number | null>();
  for (const edges of bySource(due)) {
    try {
      await amidstTimeout(client, keeping.limits.timeoutMs, async () => {
        await findPassed(keeping, edges, people);
        for (const [key, at] of await findNext(keeping, edges)) planned.set(key, at);
      });
    } catch (error) {
      giveUp(keeping, edges, error);
    }
  }
  const ids = [...people.keys()];
  for (let from = 0; from < ids.length; from += keeping.limits.batch) {
    await ask(keeping, ids.slice(from, from + keeping.limits.batch), people);
  }
  await client.query(plan, [
    workspaceId,
    [...planned.keys()],
    [...planned.values()].map((at) => (at === null ? null : new Date(at).toISOString())),
  ]);
  return due.length;
}

/** Edges that look at the same stored times are looked up together. */
function bySource(edges: readonly TrackedEdge[]): TrackedEdge[][] {
  const groups = new Map<string, TrackedEdge[]>();
  for (const edge of edges) {
    const key = JSON.stringify(edge.edge.source);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [edge]);
    else group.push(edge);
  }
  return [...groups.values()];
}

function placeOf([first]: readonly TrackedEdge[]): EdgePlace {
  if (first === undefined) throw new Error('a group of edges has one');
  return edgePlace(first.edge.source);
}

async function findPassed(
  { client, workspaceId, zone, now, sweptTo }: Keeping,
  edges: readonly TrackedEdge[],
  people: Map<string, Set<number>>,
): Promise<void> {
  const place = placeOf(edges);
  const passed = edges.map(({ edge }) => {
    const instants = passedBetween(edge.time, sweptTo, now, zone);
    return place.isDay === null ? instants : storedAround(instants, zone);
  });
  const values: unknown[] = [workspaceId, ...(place.event === null ? [] : [place.event])];
  const at = values.length;
  values.push(
    edges.map((_, position) => position),
    passed.map(({ low }) => instantText(low)),
    passed.map(({ high }) => instantText(high + 1)),
  );
  const { rows } = await client.query<{ place: number; person: string }>(passedText(place, at), values);
  for (const row of rows) {
    const segments = people.get(row.person) ?? new Set<number>();
    for (const position of edges[row.place]?.segments ?? []) segments.add(position);
    people.set(row.person, segments);
  }
}

const passedText = (place: EdgePlace, at: number): string => `
  SELECT r.place, p.person
  FROM unnest($${at + 1}::int[], $${at + 2}::timestamptz[], $${at + 3}::timestamptz[]) AS r (place, low, beyond)
  CROSS JOIN LATERAL (
    SELECT ${place.person} AS person FROM ${place.people}
    WHERE ${place.where} AND ${place.value} >= r.low AND ${place.value} < r.beyond OFFSET 0
  ) AS p`;

/** When each edge is to be looked at next. */
export async function findNext(
  { client, workspaceId, zone, now }: Pick<Keeping, 'client' | 'workspaceId' | 'zone' | 'now'>,
  edges: readonly TrackedEdge[],
): Promise<Map<string, number | null>> {
  const place = placeOf(edges);
  const named = [workspaceId, ...(place.event === null ? [] : [place.event])];
  const bounds = edges.map(({ edge }) => instantOf(edge.time, { now, zone }));
  const { rows } = await client.query<StoredTime>(nextText(place, named.length), [
    ...named,
    edges.map((_, position) => position),
    bounds.map(instantText),
    ...(place.isDay === null ? [] : [bounds.map((bound) => instantText(boundOfInstant(bound, zone).day))]),
  ]);
  const ahead = new Map(
    rows.map(({ place: position, value, is_day: isDayed }) => [
      position,
      { stored: value, isDayed, instant: isDayed ? firstMoment(value, zone) : value },
    ]),
  );
  // A time that is stored later may come first, where one of the two is a day.
  const others = [...ahead].flatMap(([position, { stored, isDayed }]) => {
    const stretch = place.isDay === null ? null : storedLater(stored, isDayed, bounds[position] ?? 0, zone);
    return stretch === null ? [] : [{ position, ...stretch }];
  });
  if (others.length > 0) {
    const found = await client.query<StoredTime>(laterText(place, named.length), [
      ...named,
      others.map(({ position }) => position),
      others.map(({ from }) => instantText(from)),
      others.map(({ to }) => instantText(to)),
      others.map(({ days }) => days),
    ]);
    for (const { place: position, value, is_day: isDayed } of found.rows)
      ahead.set(position, { stored: value, isDayed, instant: isDayed ? firstMoment(value, zone) : value });
  }
  return new Map(
    edges.map(({ key, edge }, position) => [
      key,
      nextPassing(edge.time, ahead.get(position)?.instant ?? null, now, zone),
    ]),
  );
}

interface StoredTime {
  readonly place: number;
  readonly value: number;
  readonly is_day: boolean;
}

const storedTime = ({ value, isDay }: EdgePlace): string =>
  `${value} AS value, ${isDay === null ? 'false' : `(${isDay}) IS TRUE`} AS is_day`;

const told = `SELECT r.place, floor(extract(epoch FROM n.value) * 1000)::double precision AS value, n.is_day`;

const nextText = (place: EdgePlace, at: number): string => {
  const { isDay, rows, value, where } = place;
  const from = isDay === null ? 'r.low' : 'least(r.low, r.day)';
  const ahead = isDay === null ? '' : `AND ${value} >= CASE WHEN ${isDay} THEN r.day ELSE r.low END`;
  const asked =
    isDay === null
      ? `unnest($${at + 1}::int[], $${at + 2}::timestamptz[]) AS r (place, low)`
      : `unnest($${at + 1}::int[], $${at + 2}::timestamptz[], $${at + 3}::timestamptz[]) AS r (place, low, day)`;
  return `
  ${told}
  FROM ${asked}
  CROSS JOIN LATERAL (
    SELECT ${storedTime(place)} FROM ${rows}
    WHERE ${where} AND ${value} >= ${from} AND ${value} < '10000-01-01 00:00:00+00' ${ahead}
    ORDER BY ${value} LIMIT 1
  ) AS n`;
};

const laterText = (place: EdgePlace, at: number): string => `
  ${told}
  FROM unnest($${at + 1}::int[], $${at + 2}::timestamptz[], $${at + 3}::timestamptz[], $${at + 4}::boolean[])
    AS r (place, low, beyond, days)
  CROSS JOIN LATERAL (
    SELECT ${storedTime(place)} FROM ${place.rows}
    WHERE ${place.where} AND ${place.value} >= r.low AND ${place.value} < r.beyond
      AND ((${place.isDay}) IS TRUE) = r.days
    ORDER BY ${place.value} LIMIT 1
  ) AS n`;

async function ask(
  keeping: Keeping,
  ids: readonly string[],
  people: ReadonlyMap<string, ReadonlySet<number>>,
): Promise<void> {
  const { client, workspaceId, tracked, zone, sweptTo } = keeping;
  const positions = new Set(ids.flatMap((id) => [...(people.get(id) ?? [])]));
  const segments = [...positions].flatMap((position) => tracked.segments[position] ?? []);
  const found = await readPeople(client, workspaceId, ids, segments, { now: sweptTo, zone });
  const flips: Flip[] = [];
  for (const person of found) {
    for (const position of people.get(person.id) ?? []) {
      const segment = tracked.segments[position];
      if (segment === undefined || !isBuilt(keeping, segment, person.id)) continue;
      const pair = pairKey(person.id, segment.key);
      if (keeping.asked.has(pair) || keeping.broken.has(segment.key)) continue;
      keeping.asked.add(pair);
      const turns = await turnsOfPerson(keeping, person, segment);
      for (const turn of turns)
        flips.push({ endUser: person.id, userId: person.userId, segment: segment.key, ...turn });
    }
  }
  await writeFlips(client, workspaceId, flips, true);
  keeping.flips.push(...flips);
}

async function turnsOfPerson(
  { client, workspaceId, zone, now, sweptTo }: Keeping,
  person: Person,
  { key, filter, events }: TrackedSegment,
): Promise<{ entered: boolean; at: number }[]> {
  const stored = person.inside.has(key);
  if ([...events.keys()].some((event) => person.tooMany.has(event))) {
    const [found] = await matchingAmong(client, { workspaceId, moment: { now, zone } }, filter, [person.id]);
    return (found !== undefined) === stored ? [] : [{ entered: !stored, at: now }];
  }
  // What changed meanwhile was asked about when it was told, so that the clock alone counts from there.
  const from = Math.min(now, Math.max(sweptTo, person.changedAt));
  return turnsOf(filter, person.record, stored, { from, to: now, zone }, false);
}

/** Segments whose stored times cannot be found in time are not kept any longer; the others are. */
function giveUp(keeping: Keeping, edges: readonly TrackedEdge[], error: unknown): void {
  const reason = reasonOf(error, edges);
  if (reason === null) throw error;
  for (const { segments } of edges) {
    for (const position of segments) {
      const segment = keeping.tracked.segments[position];
      if (segment !== undefined) keeping.broken.set(segment.key, reason);
    }
  }
}

function reasonOf(error: unknown, edges: readonly TrackedEdge[]): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== '57014') return null;
  const { index } = placeOf(edges);
  const help = index === null || index.exists ? '' : `; an index would help: ${index.definition}`;
  return `finding whose times come to the clock took too long${help}`;
}

/** Plans the edges of segments that are new, and forgets those of which no segment is left. */
export async function listEdges(
  client: Client,
  workspaceId: string,
  edges: readonly string[],
): Promise<void> {
  await client.query(forget, [workspaceId, edges]);
  if (edges.length > 0) await client.query(add, [workspaceId, edges]);
}

const readDue = `SELECT edge FROM segment_edges WHERE workspace_id = $1 AND next_at <= $2`;

const plan = `
  UPDATE segment_edges e SET next_at = planned.at
  FROM unnest($2::text[], $3::timestamptz[]) AS planned (edge, at)
  WHERE e.workspace_id = $1 AND e.edge = planned.edge`;

const forget = `DELETE FROM segment_edges WHERE workspace_id = $1 AND edge <> ALL ($2::text[])`;

// The first look plans them.
const add = `
  INSERT INTO segment_edges (workspace_id, edge, next_at)
  SELECT $1, edge, date_trunc('milliseconds', now()) FROM unnest($2::text[]) AS edge
  ON CONFLICT (workspace_id, edge) DO NOTHING`;
