import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { listSchedules, listSilentSeries } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { ErrorAnswer } from '../schemas.js';
import { Schedules, SchedulesQuery } from '../schemas/schedules.js';

/** `/api/schedules`: what comes about by the clock, and what its runs did. */
export const scheduleRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  app.get(
    '/api/schedules',
    {
      config: { needs: 'secret' },
      schema: {
        tags: ['series'],
        querystring: SchedulesQuery,
        response: { 200: Schedules, 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer },
      },
    },
    async ({ query: { runs }, workspaceId }) => ({
      schedules: await listSchedules(pool, workspaceId, { runs }),
      silent_series: await listSilentSeries(pool, workspaceId),
    }),
  );
};
