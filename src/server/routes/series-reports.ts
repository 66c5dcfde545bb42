import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { explainSeries, reportSeries } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { momentOf } from '../../filter/time.js';
import { within } from '../failures.js';
import { ErrorAnswer, SeriesParams } from '../schemas.js';
import { StoryParams } from '../schemas/series.js';
import {
  SeriesExplanationAnswer,
  SeriesExplanationQuery,
  SeriesReportAnswer,
  SeriesReportQuery,
} from '../schemas/series-reports.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer };

/** `/api/series/:key/report` and `explain/:user_id`: why people are in a series or not. They only read. */
export const seriesReportRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const inLane = { needs: 'secret', lane: 'analysis' } as const;
  const tags = ['series'];

  app.get(
    '/api/series/:key/report',
    {
      config: inLane,
      schema: {
        tags,
        params: SeriesParams,
        querystring: SeriesReportQuery,
        response: { 200: SeriesReportAnswer, ...refusals },
      },
    },
    async ({ params: { key }, query: { now, zone }, workspaceId }) => {
      const instant = now === undefined ? undefined : within('/now', () => momentOf(now)).now;
      if (zone !== undefined) within('/zone', () => momentOf(0, zone));
      return reportSeries(pool, {
        workspaceId,
        key,
        ...(instant === undefined ? {} : { now: instant }),
        ...(zone === undefined ? {} : { zone }),
      });
    },
  );

  app.get(
    '/api/series/:key/explain/:user_id',
    {
      config: inLane,
      schema: {
        tags,
        params: StoryParams,
        querystring: SeriesExplanationQuery,
        description: 'what was decided about somebody at the entrance, what would be now, and their story',
        response: { 200: SeriesExplanationAnswer, ...refusals },
      },
    },
    async ({ params: { key, user_id: userId }, query: { at }, workspaceId }) => {
      const instant = at === undefined ? {} : { at: within('/at', () => momentOf(at)).now };
      return explainSeries(pool, { workspaceId, key, userId, ...instant });
    },
  );
};
