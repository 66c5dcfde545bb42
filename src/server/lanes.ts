import type { FastifyInstance } from 'fastify';
import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import { ErrorAnswer } from './schemas.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The lane that the call waits in and runs in; none when left out. */
    lane?: 'analysis';
  }
}

export interface LaneOptions {
  /** How much may run at once. */
  readonly most: number;
  /** Milliseconds that work may wait for its place. */
  readonly waitMs: number;
  /** Called when the wait is over; throws. */
  readonly refuse: () => never;
}

/** A small share of what the process does at once, so that other work always finds room beside it. */
export interface Lane {
  /** Runs work as soon as there is a place. First come, first served, but one workspace never takes all places of several. */
  run<T>(workspaceId: string, work: () => Promise<T>, waitMs?: number): Promise<T>;
  /** The same for work that comes in parts, such as pages: each part waits for a place of its own. */
  turns(workspaceId: string, waitMs: number): <T>(work: () => Promise<T>) => Promise<T>;
}

interface Waiting {
  readonly workspaceId: string;
  readonly start: () => void;
}

export function openLane({ most, waitMs: patience, refuse: refuseWork }: LaneOptions): Lane {
  const perWorkspace = Math.max(1, most - 1);
  const running = new Map<string, number>();
  const waiting = new Set<Waiting>();
  let places = most;

  const isFree = (workspaceId: string): boolean =>
    places > 0 && (running.get(workspaceId) ?? 0) < perWorkspace;
  const take = (workspaceId: string): void => {
    places -= 1;
    running.set(workspaceId, (running.get(workspaceId) ?? 0) + 1);
  };
  const giveBack = (workspaceId: string): void => {
    places += 1;
    const left = (running.get(workspaceId) ?? 1) - 1;
    if (left === 0) running.delete(workspaceId);
    else running.set(workspaceId, left);
    [...waiting].find((next) => isFree(next.workspaceId))?.start();
  };
  const place = async (workspaceId: string, waitMs: number): Promise<void> => {
    if (isFree(workspaceId)) return take(workspaceId);
    const found = await new Promise<boolean>((resolve) => {
      const end = (isFound: boolean): void => {
        clearTimeout(timer);
        waiting.delete(own);
        resolve(isFound);
      };
      const start = (): void => {
        take(workspaceId);
        end(true);
      };
      const own: Waiting = { workspaceId, start };
      const timer = setTimeout(() => end(false), waitMs);
      waiting.add(own);
    });
    if (!found) refuseWork();
  };

  const run = async <T>(workspaceId: string, work: () => Promise<T>, waitMs = patience): Promise<T> => {
    await place(workspaceId, waitMs);
    try {
      return await work();
    } finally {
      giveBack(workspaceId);
    }
  };
  return { run, turns: (workspaceId, waitMs) => (work) => run(workspaceId, work, waitMs) };
}

/** So many of a pool's connections, in a process that also takes in data and sends. */
export function shareOf(pool: Pool): number {
  return Math.max(1, Math.floor((pool.options.max ?? 10) * 0.3));
}

/** Seconds after which a call that found its lane full is worth repeating. */
const retryAfter = 5;
/** Milliseconds that each page of an export may wait; refusing it would waste those before. */
export const exportWaitMs = 30_000;

/** The lane of previews, reports and other looks at an audience, which take long and each hold a connection meanwhile. */
export function analysisLane(pool: Pool): Lane {
  return openLane({
    most: shareOf(pool),
    waitMs: 2000,
    refuse: () => refuse('audience_busy', { seconds: retryAfter }, { details: { retry_after: retryAfter } }),
  });
}

/** Runs the handlers of all calls whose route says so in their lane. */
export function keepLane(app: FastifyInstance, analysis: Lane): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.lane !== 'analysis') return;
    const { handler, schema } = route;
    route.handler = function run(request, reply) {
      return analysis.run(request.workspaceId, async () => handler.call(this, request, reply));
    };
    const answers = typeof schema?.response === 'object' ? schema.response : {};
    route.schema = { ...schema, response: { ...answers, 422: ErrorAnswer, 429: ErrorAnswer } };
  });
}
