import { Type } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { listParked, readQueue } from '../../automation/index.js';
import type { QueueView } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { boardPage } from '../board/page.js';
import { pageHeaders } from '../page.js';
import { ErrorAnswer, NullableNumber } from '../schemas.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };
const Count = Type.Integer();
const Queue = Type.Unsafe<QueueView>(
  Type.Object({
    series: Type.Array(
      Type.Object({
        series: Type.String(),
        state: Type.String(),
        later: Count,
        due: Count,
        oldest_due_ms: NullableNumber,
        enqueued: Count,
        claimed: Count,
        held: Count,
        unknown: Count,
        failed: Count,
      }),
    ),
    broadcasts: Type.Array(
      Type.Object({
        broadcast: Type.String(),
        run: Type.String(),
        state: Type.String(),
        later: Count,
        due: Count,
        oldest_due_ms: NullableNumber,
        enqueued: Count,
        claimed: Count,
        held: Count,
        recipients: Count,
        unknown: Count,
        failed: Count,
      }),
    ),
    outbox: Type.Object({ waiting: Count, oldest_ms: NullableNumber, parked: Count }),
    canary_age_ms: NullableNumber,
  }),
);

/** `/api/queue`: what is under way in a workspace. `/admin/queues`: the same as a page, for a browser. */
export const boardRoutes: FastifyPluginAsyncTypebox<{ pool: Pool; clock: () => number }> = async (
  app,
  { pool, clock },
) => {
  const config = { needs: 'secret' } as const;

  app.get(
    '/api/queue',
    { config, schema: { tags: ['deliveries'], response: { 200: Queue, ...refusals } } },
    async ({ workspaceId }) => readQueue(pool, workspaceId),
  );

  app.get(
    '/admin/queues',
    { config: { ...config, browser: true }, schema: { hide: true } },
    async ({ workspaceId }, reply) => {
      const [queue, { deliveries: parked, next }] = await Promise.all([
        readQueue(pool, workspaceId),
        listParked(pool, workspaceId, { limit: 50 }),
      ]);
      const page = boardPage({ workspaceId, queue, parked, more: next !== null, at: new Date(clock()) });
      return reply.headers(pageHeaders).type('text/html; charset=utf-8').send(page);
    },
  );
};
