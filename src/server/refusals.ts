import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pool } from '../database/pool.js';
import type { Problem } from '../errors/index.js';
import { keepRefusals, refusalsOf } from '../traits/refusals.js';
import type { Refusal } from '../traits/refusals.js';
import { refusalIn } from './failures.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What refusals of this call are kept as. */
    call?: string;
  }
}

/** Rows that one process keeps of one workspace in a minute. Beyond them refusals are only counted. */
const mostInMinute = 10_000;
const minute = 60_000;

/** Keeps what could not be stored, so that somebody finds it: the sender is not told, or does not look. */
export interface RefusalBook {
  keep(workspaceId: string, refusals: readonly Refusal[]): Promise<void>;
  /** What was taken out of a call whose rest is stored; gives what the answer says of it. */
  keepPart(request: FastifyRequest, refused: readonly Problem[]): Promise<{ partial?: true }>;
}

/** `count` hears of every refusal, also of those that are too many to be kept. */
export function refusalBook(pool: Pool, count: (code: string) => void, clock: () => number): RefusalBook {
  const kept = new Map<string, number>();
  let from = 0;
  const book: RefusalBook = {
    async keep(workspaceId, refusals) {
      if (refusals.length === 0) return;
      for (const { code } of refusals) count(code);
      const now = clock();
      if (now < from || now >= from + minute) {
        kept.clear();
        from = now;
      }
      const before = kept.get(workspaceId) ?? 0;
      const some = refusals.slice(0, Math.max(0, mostInMinute - before));
      kept.set(workspaceId, before + some.length);
      await keepRefusals(pool, workspaceId, some);
    },
    async keepPart({ workspaceId, routeOptions, body }, refused) {
      if (refused.length === 0) return {};
      const { call = '' } = routeOptions.config;
      await book.keep(workspaceId, refusalsOf(refused, { call, sent: body, whole: false }));
      return { partial: true };
    },
  };
  return book;
}

/**
 * Keeps the refusals of calls that are lost whole, of the routes that are registered from here on. `isKept` says of which
 * calls; one that is to be tried again, or whose key is no good, is not lost.
 */
export function keepLostCalls(
  app: FastifyInstance,
  book: RefusalBook,
  isKept: (request: FastifyRequest) => boolean,
): void {
  app.addHook('onError', async (request, _reply, error) => {
    const { workspaceId, log } = request;
    if (workspaceId === '' || !isKept(request)) return;
    const refusal = refusalIn(error, request);
    if (refusal === null || refusal.status >= 500 || refusal.status === 429) return;
    const { call = '' } = request.routeOptions.config;
    await book
      .keep(workspaceId, refusalsOf(refusal.problems, { call, sent: request.body, whole: true }))
      .catch((err: unknown) => log.warn({ err }, 'a refusal was not kept'));
  });
}

/** Codes with how often they occur, for the log. */
export function countCodes(refused: readonly { readonly code: string }[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { code } of refused) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Object.fromEntries(counts);
}
