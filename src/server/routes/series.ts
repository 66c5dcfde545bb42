import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  archiveSeries,
  deleteSeries,
  diffSeries,
  getSeries,
  listSeries,
  listVersions,
  pauseSeries,
  resumeSeries,
  saveSeries,
  warningsAbout,
} from '../../automation/index.js';
import type { EmailSettings } from '../../automation/index.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { momentOf } from '../../filter/time.js';
import { underKey } from '../params.js';
import { ErrorAnswer, SeriesBody, SeriesParams } from '../schemas.js';
import { DeleteQuery, SavedAnswer, Series, SeriesList, SeriesVersions } from '../schemas/series.js';
import { SeriesDiffAnswer, SeriesDiffQuery } from '../schemas/series-diff.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/series`: the automations of a workspace. Saving a changed one makes a new version. */
export const seriesRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  onFact: () => void;
  email: EmailSettings;
  clock: () => number;
}> = async (app, { pool, onFact, email, clock }) => {
  const config = { needs: 'secret' } as const;
  const inLane = { needs: 'secret', lane: 'analysis' } as const;
  const tags = ['series'];
  const params = SeriesParams;

  const save = async (workspaceId: string, body: unknown) => {
    const saved = await saveSeries(pool, workspaceId, body, { email });
    return { ...saved, warnings: await warningsAbout(pool, workspaceId, saved.definition, clock()) };
  };

  app.get(
    '/api/series',
    { config, schema: { tags, response: { 200: SeriesList, ...refusals } } },
    async ({ workspaceId }) => ({ series: await listSeries(pool, workspaceId) }),
  );

  app.get(
    '/api/series/:key',
    { config, schema: { tags, params, response: { 200: Series, ...refusals, 404: ErrorAnswer } } },
    async ({ params: { key }, workspaceId }) => getSeries(pool, workspaceId, key),
  );

  app.post(
    '/api/series',
    {
      config,
      schema: { tags, body: SeriesBody, response: { 201: SavedAnswer, ...refusals, 409: ErrorAnswer } },
    },
    async ({ body, workspaceId }, reply) => reply.status(201).send(await save(workspaceId, body)),
  );

  app.put(
    '/api/series/:key',
    {
      config,
      schema: {
        tags,
        params,
        body: SeriesBody,
        response: { 200: SavedAnswer, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      return save(workspaceId, underKey(body, key));
    },
  );

  app.post(
    '/api/series/:key/diff',
    {
      config: inLane,
      schema: {
        tags,
        params,
        querystring: SeriesDiffQuery,
        body: SeriesBody,
        description: 'what saving it with this definition would do; nothing is saved',
        response: { 200: SeriesDiffAnswer, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, query: { sample = 10 }, body, workspaceId }) => {
      const input = underKey(body, key);
      const moment = momentOf(clock(), await zoneOf(pool, workspaceId));
      return diffSeries(pool, { workspaceId, input, moment, sample }, { email });
    },
  );

  app.delete(
    '/api/series/:key',
    {
      config,
      schema: {
        tags,
        params,
        querystring: DeleteQuery,
        description: 'archives it: what it did to people stays on record',
        response: { 200: Series, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, query: { force = false }, workspaceId }) => {
      const deleted = await deleteSeries(pool, workspaceId, key, { force });
      onFact();
      return deleted;
    },
  );

  app.get(
    '/api/series/:key/versions',
    { config, schema: { tags, params, response: { 200: SeriesVersions, ...refusals, 404: ErrorAnswer } } },
    async ({ params: { key }, workspaceId }) => ({ versions: await listVersions(pool, workspaceId, key) }),
  );

  const changes = { pause: pauseSeries, resume: resumeSeries, archive: archiveSeries } as const;
  for (const [name, change] of Object.entries(changes)) {
    app.post(
      `/api/series/:key/${name}`,
      {
        config,
        schema: { tags, params, response: { 200: Series, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer } },
      },
      async ({ params: { key }, workspaceId }) => {
        const changed = await change(pool, workspaceId, key);
        onFact();
        return changed;
      },
    );
  }
};
