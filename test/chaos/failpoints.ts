import { Job, Queue } from 'bullmq';
import type { Client, Pool } from '../../src/database/pool.js';
import { failpointStatements } from './subject.js';

/** A named place in the work of a worker process. */
export type Point = keyof typeof failpointStatements | 'add_bulk' | 'chunk_add_bulk' | 'deliver' | 'ack';
/** `during`: after the request has left and before its answer is there. */
export type When = 'before' | 'during' | 'after';

export interface Failpoint {
  readonly point: Point;
  readonly when: When;
  /** Dies at the nth time that the place is reached, the first being 1. */
  readonly nth: number;
}

let armed: { point: Point; when: When; left: number } | null = null;

/** From now on the process kills itself with SIGKILL at the place; null takes that back. */
export function arm(failpoint: Failpoint | null): void {
  armed = failpoint === null ? null : { point: failpoint.point, when: failpoint.when, left: failpoint.nth };
}

/** Runs what stands at a place, and dies there when it is time. */
export async function passing<T>(points: readonly Point[], run: () => Promise<T>): Promise<T> {
  if (!isDue(points)) return run();
  const when = armed?.when;
  if (when === 'before') return die();
  const running = run();
  if (when === 'during') {
    running.catch(() => undefined);
    // The driver writes to its socket in the next turns of the event loop.
    await nextTurn();
    await nextTurn();
    return die();
  }
  await running;
  return die();
}

function isDue(points: readonly Point[]): boolean {
  if (armed === null || !points.includes(armed.point)) return false;
  armed.left -= 1;
  return armed.left === 0;
}

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise<never>(() => {});
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * The pool with the named places in it, so that the product needs no switches. A statement on the pool is a place of its
 * own; one inside a transaction makes the transaction's COMMIT the place.
 */
export function withFailpoints(pool: Pool): Pool {
  return new Proxy(pool, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key === 'query') {
        return (...values: unknown[]) =>
          passing(pointsOf(values[0]), () => resultOf(Reflect.apply(value, target, values)));
      }
      if (key === 'connect') return async () => clientWithFailpoints(await target.connect());
      return value.bind(target) as unknown;
    },
  });
}

function clientWithFailpoints(client: Client): Client {
  let touched = new Set<Point>();
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'query') return value.bind(target) as unknown;
      return (...values: unknown[]) => {
        const run = (): Promise<unknown> => resultOf(Reflect.apply(value, target, values));
        const text = textOf(values[0]);
        if (text.startsWith('BEGIN')) touched = new Set();
        for (const point of pointsOf(text)) touched.add(point);
        return text === 'COMMIT' ? passing([...touched], run) : run();
      };
    },
  });
}

async function resultOf(result: unknown): Promise<unknown> {
  return result;
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const named = typeof query === 'object' && query !== null && 'text' in query ? query.text : '';
  return typeof named === 'string' ? named : '';
}

function pointsOf(query: unknown): Point[] {
  const text = textOf(query);
  return Object.entries(failpointStatements).flatMap(([point, pattern]) =>
    isStatementPoint(point) && pattern.test(text) ? [point] : [],
  );
}

function isStatementPoint(point: string): point is keyof typeof failpointStatements {
  return Object.hasOwn(failpointStatements, point);
}

/** The places inside BullMQ: a bulk of jobs of which half is added, and the acknowledgement of a job. */
export function patchBullmq(): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with the queue below
  const addBulk = Queue.prototype.addBulk;
  Queue.prototype.addBulk = async function (jobs) {
    if (!isDue([this.name.endsWith('-chunks') ? 'chunk_add_bulk' : 'add_bulk']))
      return addBulk.call(this, jobs);
    await addBulk.call(this, jobs.slice(0, Math.floor(jobs.length / 2)));
    return die();
  };
  // oxlint-disable-next-line typescript/unbound-method -- called with the job below
  const moveToCompleted = Job.prototype.moveToCompleted;
  Job.prototype.moveToCompleted = function (value, token, next) {
    return passing(['ack'], () => moveToCompleted.call(this, value, token, next));
  };
}
