import type { Span } from '@opentelemetry/api';
import type { Client } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import type { UserRecord } from '../../filter/record.js';
import { setTraits } from '../../traits/set-traits.js';
import { gather } from '../facts/gather.js';
import { advance } from '../series/advance.js';
import type { SeriesDefinition } from '../series/model.js';
import type { Advance, Happening, RefusalReason } from '../series/moves.js';
import { beginSpan, endSpan } from '../spans.js';
import { traitsOf } from '../work/commit.js';
import type { ActiveSeries } from './active-series.js';
import { readEntrants } from './entrants.js';
import type { Entrant } from './entrants.js';
import { noteRefusals, writeEntries } from './write-entries.js';

/** A person at the entrance of a series. */
export interface Entrance {
  /** Internal id of the person's row. */
  readonly endUser: string;
  readonly happening: Happening;
  /** When it happened. */
  readonly at: Date;
  /** The span that leads here, as W3C writes it; null or left out where nobody traced. */
  readonly trace?: string | null;
}

/** What the machine decided, in the order of the entrances. `gone`: there is no such person any more. */
export type Decision =
  | { readonly kind: 'entered' | 'held_out'; readonly enrollment: string; readonly active: boolean }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  | { readonly kind: 'gone' };

/** Somebody with a decision that is to be written down. */
export interface Entering {
  readonly entrance: Entrance;
  readonly entrant: Entrant;
  /** As the machine saw them, with the events that the series asks about. */
  readonly person: UserRecord;
  readonly move: Advance;
  /** The span of the decision, where somebody traces. */
  readonly span: Span | null;
}

/** Rounds of one call; another is needed only where somebody else let the same person in meanwhile. */
const mostRounds = 100;

/**
 * Lets the machine decide about people at the entrance of a series, and writes its decisions down: enrolments with their
 * first work row and trail, traits that are set on the way, and who was turned away and why.
 *
 * The number of the entry is what makes entries of one person follow each other: whoever finds it taken looks again. A
 * person who stands there several times is decided about several times, in order.
 *
 * Errors: `too_many_events`, where the person has too many of one name to be judged.
 */
export async function enter(
  client: Client,
  series: ActiveSeries,
  definition: SeriesDefinition,
  entrances: readonly Entrance[],
): Promise<Decision[]> {
  const decisions: (Decision | undefined)[] = entrances.map(() => undefined);
  for (let round = 0; ; round += 1) {
    const places = firstOfEach(entrances, decisions);
    if (places.length === 0) break;
    if (round >= mostRounds)
      throw new Error(`entries of \`${series.key}\` came and went ${mostRounds} times`);
    await decideRound(client, series, definition, entrances, places, decisions);
  }
  return decisions.map((decision) => decision ?? { kind: 'gone' });
}

/** The first undecided entrance of each person, in one order, so that two calls cannot wait for each other in a circle. */
function firstOfEach(entrances: readonly Entrance[], decisions: readonly (Decision | undefined)[]): number[] {
  const places = new Map<string, number>();
  for (const [place, { endUser }] of entrances.entries()) {
    if (decisions[place] === undefined && !places.has(endUser)) places.set(endUser, place);
  }
  return [...places].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);
}

async function decideRound(
  client: Client,
  series: ActiveSeries,
  definition: SeriesDefinition,
  entrances: readonly Entrance[],
  places: readonly number[],
  decisions: (Decision | undefined)[],
): Promise<void> {
  const standing = places.flatMap((place) => {
    const entrance = entrances[place];
    return entrance === undefined ? [] : [{ place, entrance }];
  });
  const entrants = await readEntrants(
    client,
    series,
    standing.map(({ entrance }) => entrance.endUser),
  );
  const present = standing.flatMap(({ place, entrance }) => {
    const entrant = entrants.get(entrance.endUser);
    if (entrant !== undefined) return [{ place, entrance, entrant }];
    decisions[place] = { kind: 'gone' };
    return [];
  });
  const { workspace } = series;
  const gathered = await gather(
    client,
    present.map(({ entrant: { endUser, now, zone, workspaceZone } }) => {
      return { workspace, endUser, definition, now, enteredAt: now, zone, workspaceZone, delivery: null };
    }),
  );
  const asked = present.map((each, index) => {
    const found = gathered[index];
    if (found === undefined) throw new Error('each person has their facts');
    if (found.fault !== null) throw new MusterError([found.fault]);
    const { entrance, entrant } = each;
    const facts = {
      person: { ...entrant.user, events: found.events },
      zone: entrant.zone,
      workspaceZone: entrant.workspaceZone,
      suppressed: entrant.suppressed,
      happening: entrance.happening,
      entries: entrant.entries,
      contacts: found.contacts,
      outcome: null,
    };
    const span = beginSpan('muster.enrol', entrance.trace ?? null, {
      'muster.workspace': workspace,
      'muster.series': series.key,
      'muster.happening': entrance.happening.kind,
    });
    return {
      ...each,
      person: facts.person,
      span,
      move: advance(definition, { status: 'entering' }, facts, entrant.now),
    };
  });

  const refused = asked.filter(({ move }) => move.state.status === 'refused');
  await noteRefusals(client, series, definition, refused);
  for (const { place, move } of refused) {
    if (move.state.status === 'refused') decisions[place] = { kind: 'refused', reason: move.state.reason };
  }
  const entering = asked.filter(({ move }) => move.state.status !== 'refused');
  const written = await writeEntries(client, series, entering);
  for (const { place, entrant, move } of entering) {
    const enrollment = written.get(entrant.endUser);
    // Without one, somebody else let this person in meanwhile: the next round sees that.
    if (enrollment === undefined) continue;
    const held = move.state.status === 'held_out';
    decisions[place] = {
      kind: held ? 'held_out' : 'entered',
      enrollment,
      active: move.state.status === 'active',
    };
  }
  for (const { span, place, entrant, move } of asked) {
    const lost = move.state.status !== 'refused' && !written.has(entrant.endUser);
    endSpan(span, { 'muster.decision': lost ? 'looked at again' : (decisions[place]?.kind ?? 'none') });
  }
  const setting = entering.flatMap(({ entrant: { endUser }, move }) => {
    const traits = written.has(endUser) ? traitsOf(move) : null;
    return traits === null ? [] : [{ endUser, traits }];
  });
  if (setting.length > 0) await setTraits(client, workspace, setting);
}
