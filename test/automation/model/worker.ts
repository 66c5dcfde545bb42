import type { Claim } from '../../../src/automation/work/claim.js';
import type { WorkJob } from '../../../src/automation/work/job.js';
import { Actor, ConnectionLost, ask, persist } from './actor.js';
import type { Steps } from './actor.js';
import { perform } from './perform.js';
import type { Lease } from './perform.js';
import { readClaim, writeClaim } from './statements/claim.js';
import { release, renew } from './statements/give-back.js';
import type { World } from './world.js';

/** Milliseconds that a claim holds without a renewal. */
export const leaseLength = 8000;

/** What a worker does to a claim, as `startWorker` and `performer`: one job at a time, each step a place to die at. */
export class Worker extends Actor {
  readonly #process: Process;

  constructor(world: World) {
    const process: Process = { world, lease: null };
    super(() => runJob(process));
    this.#process = process;
  }

  override crash(): void {
    this.#process.lease = null;
    super.crash();
  }

  /** The loop that renews leases and BullMQ's lock; a frozen process does neither. */
  renew(): void {
    const { world, lease } = this.#process;
    if (lease === null) return;
    world.redis.keep(lease.job, world.db.now);
    if (lease.claim !== null && !renew(world.db, lease.claim, leaseLength)) lease.aborted = true;
  }

  /** The deadline of a stop is over: what was not sending is given back. */
  abandon(): void {
    const { world, lease } = this.#process;
    if (lease?.claim === null || lease === null) return;
    lease.aborted = true;
    if (!lease.sending) release(world.db, lease.claim);
  }
}

interface Held extends Lease {
  readonly job: WorkJob;
  claim: Claim | null;
}

interface Process {
  readonly world: World;
  lease: Held | null;
}

/** What is cut off from Redis or Postgres ends here: the row comes back by its lease, and the job by its lock. */
function* runJob(process: Process): Steps<void> {
  const { db, redis } = process.world;
  try {
    const job = yield* ask(() => redis.take(db.now));
    if (job === null) return;
    yield* work(process, job);
    yield* ask(() => redis.complete(job));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

function* work(process: Process, job: WorkJob): Steps<void> {
  const { world } = process;
  const { db } = world;
  const lease: Held = { job, claim: null, aborted: false, sending: false };
  process.lease = lease;
  try {
    const request = { ...job, token: world.freshToken() };
    // Where a claim fails for good its job is gone as well, and the row waits for the slow sweep.
    const attempts = world.wholeLosses ? Infinity : 3;
    const claim = yield* persist(function* (): Steps<Claim | null> {
      const verdict = yield* ask(() => readClaim(db, request));
      if (verdict === null) return null;
      return yield* ask(() => writeClaim(db, verdict, leaseLength), { isOpen: true });
    }, attempts);
    if (claim === null) return;
    lease.claim = claim;
    yield* perform(world, claim, lease);
  } catch (error) {
    // BullMQ must not learn of failures.
    if (!(error instanceof ConnectionLost)) throw error;
  } finally {
    process.lease = null;
  }
}
