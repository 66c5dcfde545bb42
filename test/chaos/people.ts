import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { pause } from '../../src/embedded/processes.js';
import type { Random } from './random.js';
import { crowdId } from './subject/broadcasts.js';
import { calls } from './subject/calls.js';
import { deadly, thanked } from './subject/series.js';

/** What was asked about one person, with times of this process in milliseconds since 1970. */
export interface Person {
  readonly userId: string;
  /** When the first try of identify began, and when one was answered: it is committed. */
  readonly began: number;
  readonly identified: number;
  /** Events that were answered, each of which lets them into a series. */
  readonly events: readonly string[];
  /** When they were let go on in the series that waits for it. */
  ready?: number;
  /** When an unsubscription or suppression was answered. */
  forbidden?: number;
  erased?: number;
}

/** A pause of the series that is stopped. */
export interface Pause {
  /** When it was answered, and when the resumption was asked for: in between it holds. */
  readonly from: number;
  readonly to: number;
  /** When the resumption was answered: from then on everybody enters. */
  readonly over: number;
}

/**
 * The customers of the service. Each call is repeated until it is answered, as a good client does; what was answered
 * must hold from then on.
 */
export interface People {
  readonly all: readonly Person[];
  readonly pauses: readonly Pause[];
  /** Those of the crowd, whom nobody identified, of whom something was asked. */
  readonly crowd: readonly Person[];
  /** Identify calls that failed, and were made again. */
  retried(): number;
  /** So many new people, spread over some milliseconds. */
  identify(count: number, within: number): void;
  /** Some new people whose calls are sent twice at a time, in two orders, as by a caller who lost the answers of a batch. */
  replay(random: Random): Promise<void>;
  /** Somebody new with a message that kills whoever sends it. */
  poison(): Promise<void>;
  /** Resolves when nobody is on their way any more. */
  settled(): Promise<void>;
  /** This and the next two answer false where nobody is there yet. Gives somebody who came lately another name, so that a message rendered anew would differ. */
  rename(random: Random): Promise<boolean>;
  forbid(random: Random, how: 'unsubscribe' | 'suppress'): Promise<boolean>;
  erase(random: Random): Promise<boolean>;
  pauseSeries(hold: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Whoever nothing may be sent to is out already; whom a message kills must be seen to the end. */
const isTouchable = ({ forbidden, erased, events }: Person): boolean =>
  forbidden === undefined && erased === undefined && !events.includes(deadly.event ?? '');

/** @param crowd how many are there whom nobody identified */
export async function startPeople(databaseUrl: string, random: Random, crowd: number): Promise<People> {
  const pool = await openPool(databaseUrl, { applicationName: 'chaos-people', max: 8, connectTimeout: 3000 });
  const all: Person[] = [];
  const pauses: Pause[] = [];
  const ofCrowd = new Map<string, Person>();
  const underWay: Promise<void>[] = [];
  let asked = 0;
  let retried = 0;
  const stopped = new AbortController();
  const { event = '' } = thanked;
  const { event: poisoned = '' } = deadly;

  const untilAnswered = async (call: (pool: Pool) => Promise<void>): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        return await call(pool);
      } catch {
        retried += 1;
        await pause(20);
      }
    }
  };
  const someOfCrowd = (draw: Random): Person | undefined => {
    const userId = crowdId(draw.int(1, crowd));
    const person = ofCrowd.get(userId) ?? { userId, began: 0, identified: 0, events: [] };
    if (!isTouchable(person)) return undefined;
    ofCrowd.set(userId, person);
    return person;
  };
  /** Somebody who came lately is likely to be in the middle of a series. */
  const somebody = (draw: Random, fits: (person: Person) => boolean = () => true): Person | undefined => {
    const found = crowd > 0 && draw.chance(0.7) ? someOfCrowd(draw) : undefined;
    if (found !== undefined) return found;
    const untouched = all.filter((person) => isTouchable(person) && fits(person)).slice(-100);
    return untouched.length === 0 ? undefined : draw.pick(untouched);
  };

  const newId = (): string => {
    asked += 1;
    return `p${asked}`;
  };
  /** Somebody whose first calls were answered goes on after a while, and then once more. */
  const arrived = async (fresh: Omit<Person, 'identified'>): Promise<void> => {
    if (stopped.signal.aborted) return;
    const person: Person = { ...fresh, identified: Date.now() };
    const { userId } = person;
    all.push(person);
    await pause(random.int(500, 2500));
    await untilAnswered((db) => calls.setReady(db, userId, false));
    await pause(random.int(500, 2500));
    await untilAnswered((db) => calls.setReady(db, userId, true));
    person.ready = Date.now();
  };

  return {
    all,
    pauses,
    get crowd() {
      return [...ofCrowd.values()];
    },
    retried: () => retried,
    identify(count, within) {
      for (let index = 0; index < count; index += 1) {
        const userId = newId();
        underWay.push(
          (async () => {
            await pause(random.int(0, within));
            const began = Date.now();
            await untilAnswered((db) => calls.identify(db, userId, { name: `Name ${userId}` }));
            await arrived({ userId, began, events: [] });
          })(),
        );
      }
    },
    async replay(draw) {
      const began = Date.now();
      const ids = Array.from({ length: draw.int(3, 12) }, newId);
      const batch = ids.flatMap((userId) => [
        (db: Pool) => calls.identify(db, userId, { name: `Name ${userId}` }),
        (db: Pool) => calls.track(db, userId, event),
      ]);
      const once = async (order: typeof batch): Promise<void> => {
        for (const call of order) await untilAnswered(call);
      };
      await Promise.all([once(draw.shuffled(batch)), once(draw.shuffled(batch))]);
      underWay.push(...ids.map((userId) => arrived({ userId, began, events: [event] })));
    },
    async poison() {
      const userId = newId();
      const began = Date.now();
      await untilAnswered((db) => calls.identify(db, userId, { name: `Name ${userId}` }));
      await untilAnswered((db) => calls.track(db, userId, poisoned));
      underWay.push(arrived({ userId, began, events: [poisoned] }));
    },
    async settled() {
      await Promise.all(underWay);
    },
    async rename(draw) {
      const person = somebody(draw);
      if (person === undefined) return false;
      await untilAnswered((db) => calls.identify(db, person.userId, { name: `Renamed ${draw.int(1, 1e6)}` }));
      return true;
    },
    async forbid(draw, how) {
      const person = somebody(draw);
      if (person === undefined) return false;
      await untilAnswered((db) => calls[how](db, person.userId));
      person.forbidden = Date.now();
      return true;
    },
    async erase(draw) {
      // Whoever is still to be made ready would be made anew by it.
      const person = somebody(draw, ({ ready }) => ready !== undefined);
      if (person === undefined) return false;
      await untilAnswered((db) => calls.erase(db, person.userId));
      person.erased = Date.now();
      return true;
    },
    async pauseSeries(hold) {
      await untilAnswered((db) => calls.pause(db));
      const from = Date.now();
      await hold();
      const to = Date.now();
      await untilAnswered((db) => calls.resume(db));
      pauses.push({ from, to, over: Date.now() });
    },
    async stop() {
      stopped.abort();
      await pool.end();
    },
  };
}
