import { jobIdOf } from '../../../src/automation/work/job.js';
import type { WorkJob } from '../../../src/automation/work/job.js';

/** A model of Redis with BullMQ: jobs by id, a counter, and everything that may befall them. */

/** Milliseconds that a job stays a worker's without word from it; then it is given to another one. */
export const lock = 10_000;

/** What one job carries. */
export type Slice = readonly [WorkJob, ...WorkJob[]];

interface Job {
  readonly id: string;
  readonly slice: Slice;
  readonly readyAt: number;
  /** Set while a worker has it. */
  readonly lockedUntil: number | null;
}

/** What a dump holds. */
export interface Dump {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly incarnation: number | null;
}

export const emptyDump: Dump = { jobs: new Map(), incarnation: null };

export class Redis {
  incarnation: number | null = null;
  #jobs = new Map<string, Job>();
  /** Every job that was ever offered, for one that comes twice. */
  readonly #known: Job[] = [];

  /** An id that is still known is ignored, as BullMQ does. */
  add(slice: Slice, readyAt: number): void {
    const id = jobIdOf(slice);
    if (this.#jobs.has(id)) return;
    const job = { id, slice, readyAt, lockedUntil: null };
    this.#jobs.set(id, job);
    this.#known.push(job);
  }

  /** The next job for a worker; one whose worker was silent for too long is given away again. */
  take(now: number): Slice | null {
    for (const job of this.#jobs.values()) {
      if ((job.lockedUntil ?? job.readyAt) > now) continue;
      this.#jobs.set(job.id, { ...job, lockedUntil: now + lock });
      return job.slice;
    }
    return null;
  }

  keep(slice: Slice, now: number): void {
    const job = this.#jobs.get(jobIdOf(slice));
    if (job !== undefined) this.#jobs.set(job.id, { ...job, lockedUntil: now + lock });
  }

  complete(slice: Slice): void {
    this.#jobs.delete(jobIdOf(slice));
  }

  flush(): void {
    this.restore(emptyDump);
  }

  dump(): Dump {
    return { jobs: new Map(this.#jobs), incarnation: this.incarnation };
  }

  restore({ jobs, incarnation }: Dump): void {
    this.#jobs = new Map(jobs);
    this.incarnation = incarnation;
  }

  /** The newest job is gone, and nobody notices. */
  lose(): void {
    const id = [...this.#jobs.keys()].at(-1);
    if (id !== undefined) this.#jobs.delete(id);
  }

  /** A job that was offered comes once more, though it is done or another worker has it. */
  repeat(back: number): void {
    const job = this.#known.at(-1 - back);
    if (job !== undefined) this.#jobs.set(job.id, job);
  }

  /** When the next job can be taken; null where there is none. */
  nextAt(): number | null {
    let next: number | null = null;
    for (const job of this.#jobs.values()) {
      const at = job.lockedUntil ?? job.readyAt;
      if (next === null || at < next) next = at;
    }
    return next;
  }
}
