import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  enrollByHand,
  listEnrollments,
  moveToVersion,
  removeFromSeries,
  storyOf,
} from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { ErrorAnswer, SeriesParams } from '../schemas.js';
import {
  Enrolled,
  Enrollments,
  EnrollmentsQuery,
  MoveBody,
  MovedAnswer,
  PersonBody,
  Removed,
  StoryAnswer,
  StoryParams,
} from '../schemas/series.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer };

/** `/api/series/:key/...`: who is inside a series, and what happened to them. */
export const enrollmentRoutes: FastifyPluginAsyncTypebox<{ pool: Pool; onFact: () => void }> = async (
  app,
  { pool, onFact },
) => {
  const config = { needs: 'secret' } as const;
  const tags = ['series'];
  const params = SeriesParams;

  app.post(
    '/api/series/:key/enroll',
    {
      config,
      schema: {
        tags,
        params,
        body: PersonBody,
        description: 'lets a person in without the trigger; entry policy, audience and suppressions hold',
        response: { 200: Enrolled, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      const enrolled = await enrollByHand(pool, workspaceId, key, body.user_id);
      onFact();
      return enrolled;
    },
  );

  app.post(
    '/api/series/:key/remove',
    {
      config,
      schema: { tags, params, body: PersonBody, response: { 200: Removed, ...refusals } },
    },
    async ({ params: { key }, body, workspaceId }) => removeFromSeries(pool, workspaceId, key, body.user_id),
  );

  app.post(
    '/api/series/:key/move',
    {
      config,
      schema: {
        tags,
        params,
        body: MoveBody,
        description: 'moves people inside to a version, each to the step of the same key',
        response: { 200: MovedAnswer, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, body: { from, to }, workspaceId }) => {
      const moved = await moveToVersion(pool, workspaceId, key, to, from);
      onFact();
      return moved;
    },
  );

  app.get(
    '/api/series/:key/enrollments',
    {
      config,
      schema: { tags, params, querystring: EnrollmentsQuery, response: { 200: Enrollments, ...refusals } },
    },
    async ({ params: { key }, query, workspaceId }) => listEnrollments(pool, workspaceId, key, query),
  );

  app.get(
    '/api/series/:key/enrollments/:user_id',
    {
      config,
      schema: {
        tags,
        params: StoryParams,
        description: "one person's story in the series, from the trigger to the last delivery",
        response: { 200: StoryAnswer, ...refusals },
      },
    },
    async ({ params: { key, user_id: userId }, workspaceId }) => storyOf(pool, workspaceId, key, userId),
  );
};
