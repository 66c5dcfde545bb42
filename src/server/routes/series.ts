import { Type } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { getSeries, listSeries, saveSeries } from '../../automation/series/store.js';
import type { Pool } from '../../database/pool.js';
import { problem, MusterError } from '../../errors/index.js';
import { described, shown } from '../../filter/parse/context.js';
import { ErrorAnswer, SeriesBody, SeriesParams } from '../schemas.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/series`: the automations of a workspace. Saving a changed one makes a new version. */
export const seriesRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['series'];

  app.get(
    '/api/series',
    {
      config,
      schema: { tags, response: { 200: Type.Object({ series: Type.Array(Type.Unknown()) }), ...refusals } },
    },
    async ({ workspaceId }) => ({ series: await listSeries(pool, workspaceId) }),
  );

  app.get(
    '/api/series/:key',
    {
      config,
      schema: {
        tags,
        params: SeriesParams,
        response: { 200: Type.Unknown(), ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params, workspaceId }) => getSeries(pool, workspaceId, params.key),
  );

  app.post(
    '/api/series',
    {
      config,
      schema: { tags, body: SeriesBody, response: { 201: Type.Unknown(), ...refusals, 409: ErrorAnswer } },
    },
    async ({ body, workspaceId }, reply) => reply.status(201).send(await saveSeries(pool, workspaceId, body)),
  );

  app.put(
    '/api/series/:key',
    {
      config,
      schema: {
        tags,
        params: SeriesParams,
        body: SeriesBody,
        response: { 200: Type.Unknown(), ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }) => {
      if (body.key !== params.key) {
        throw new MusterError(
          problem('key_differs', { key: textOf(body.key), address: params.key }, { path: '/key' }),
        );
      }
      return saveSeries(pool, workspaceId, body);
    },
  );
};

/** Never `String` of what was sent: a list that is nested deeply enough ends the stack. */
function textOf(key: unknown): string {
  return typeof key === 'string' ? shown(key) : described(key);
}
