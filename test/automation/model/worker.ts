import type { Claim } from '../../../src/automation/work/claim.js';
import { Actor, ConnectionLost, ask, persist } from './actor.js';
import type { Steps } from './actor.js';
import { perform } from './perform.js';
import type { Lease } from './perform.js';
import type { Slice } from './redis.js';
import { readClaim, writeClaim } from './statements/claim.js';
import { release, renew } from './statements/give-back.js';
import type { World } from './world.js';

/** Milliseconds that a claim holds without a renewal. */
export const leaseLength = 8000;

/**
 * What a worker does to a slice, as `startWorker` and `performer`: one job at a time, each step a place to die at. All of a
 * slice is claimed in one statement and held from then on; its steps are performed one after the other, which other workers
 * mix with theirs.
 */
export class Worker extends Actor {
  readonly #process: Process;

  constructor(world: World) {
    const process: Process = { world, slice: null, held: [] };
    super(() => runJob(process));
    this.#process = process;
  }

  override crash(): void {
    this.#process.slice = null;
    this.#process.held = [];
    super.crash();
  }

  /** Steps into the statement that writes a delivery down, where it comes to that. */
  untilBegins(): void {
    for (let count = 0; count < 20; count += 1) {
      if (this.isOpen && this.#process.held.length > 0) return;
      this.step();
      if (this.rests) return;
    }
  }

  /** The loop that renews leases and BullMQ's lock; a frozen process does neither. */
  renew(): void {
    const { world, slice, held } = this.#process;
    if (slice === null) return;
    world.redis.keep(slice, world.db.now);
    for (const lease of held) if (!renew(world.db, lease.claim, leaseLength)) lease.aborted = true;
  }

  /** The deadline of a stop is over: what was not sending is given back. */
  abandon(): void {
    const { world, held } = this.#process;
    for (const lease of held) {
      lease.aborted = true;
      if (!lease.sending) release(world.db, lease.claim);
    }
  }
}

interface Held extends Lease {
  readonly claim: Claim;
}

interface Process {
  readonly world: World;
  slice: Slice | null;
  held: Held[];
}

/** What is cut off from Redis or Postgres ends here: the rows come back by their leases, and the job by its lock. */
function* runJob(process: Process): Steps<void> {
  const { db, redis } = process.world;
  try {
    const slice = yield* ask(() => redis.take(db.now));
    if (slice === null) return;
    yield* work(process, slice);
    yield* ask(() => redis.complete(slice));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

function* work(process: Process, slice: Slice): Steps<void> {
  process.slice = slice;
  try {
    const claims = yield* claimAll(process.world, slice);
    process.held = claims.map((claim) => ({ claim, aborted: false, sending: false }));
    for (const lease of process.held) {
      // A step that an outage ends is left to its lease; BullMQ must not learn of it, and the others go on.
      yield* unlessCut(() => perform(process.world, lease.claim, lease));
      process.held = process.held.filter((each) => each !== lease);
    }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  } finally {
    process.slice = null;
    process.held = [];
  }
}

function* claimAll(world: World, slice: Slice): Steps<Claim[]> {
  const { db } = world;
  const requests = slice.map((job) => ({ ...job, token: world.freshToken() }));
  // Where a claim fails for good its job is gone as well, and the rows wait for the slow sweep.
  const attempts = world.wholeLosses ? Infinity : 3;
  return yield* persist(function* (): Steps<Claim[]> {
    const verdicts = yield* ask(() => requests.flatMap((request) => readClaim(db, request) ?? []));
    return yield* ask(() => verdicts.flatMap((verdict) => writeClaim(db, verdict, leaseLength) ?? []), {
      isOpen: true,
    });
  }, attempts);
}

function* unlessCut(steps: () => Steps<void>): Steps<void> {
  try {
    yield* steps();
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}
