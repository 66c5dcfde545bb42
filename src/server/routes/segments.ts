import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox';
import { filterWarnings } from '../../audience/lint/warnings.js';
import { diffSegment, editSegment } from '../../audience/segments/diff.js';
import { exportAudience } from '../../audience/export.js';
import { listMembers } from '../../audience/segments/members.js';
import { listOverrides, removeOverride, setOverride } from '../../audience/segments/overrides.js';
import type { Override } from '../../audience/segments/overrides.js';
import { parseFilterIn } from '../../audience/segments/saved.js';
import { deleteSegment, getSegment, listSegments, saveSegment } from '../../audience/segments/store.js';
import type { SavedSegment } from '../../audience/segments/store.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { MusterError, problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { exportWaitMs } from '../lanes.js';
import type { Lane } from '../lanes.js';
import { sendCsv } from '../lines.js';
import { ErrorAnswer } from '../schemas.js';
import {
  DiffAnswer,
  CsvAnswer,
  DiffBody,
  ExportQuery,
  MembersAnswer,
  MembersQuery,
  OverrideAnswer,
  OverrideBody,
  OverrideParams,
  OverrideRemoved,
  OverridesAnswer,
  SavedAnswer,
  SavedSegmentAnswer,
  SegmentBody,
  SegmentChange,
  SegmentList,
  SegmentParams,
} from '../schemas/segments.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/segments`: filters saved under a key, for other filters and for series to name. */
export const savedSegmentRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  clock: () => number;
  analysis: Lane;
}> = async (app, { pool, clock, analysis }) => {
  const config = { needs: 'secret' } as const;
  const inLane = { needs: 'secret', lane: 'analysis' } as const;
  const tags = ['segments'];
  const params = SegmentParams;
  const nowIn = async (workspaceId: string): Promise<Moment> =>
    momentOf(clock(), await zoneOf(pool, workspaceId));
  const warned = async (workspaceId: string, saved: SavedSegment) => ({
    ...saved,
    warnings: await filterWarnings(pool, workspaceId, saved.filter, clock()),
  });

  app.get(
    '/api/segments',
    { config, schema: { tags, response: { 200: SegmentList, ...refusals } } },
    async ({ workspaceId }) => ({ segments: await listSegments(pool, workspaceId) }),
  );

  app.get(
    '/api/segments/:key',
    {
      config,
      schema: { tags, params, response: { 200: SavedSegmentAnswer, ...refusals, 404: ErrorAnswer } },
    },
    async ({ params: { key }, workspaceId }) => getSegment(pool, workspaceId, key),
  );

  app.post(
    '/api/segments',
    {
      config,
      schema: {
        tags,
        body: SegmentBody,
        response: { 201: SavedAnswer, ...refusals, 409: ErrorAnswer, 422: ErrorAnswer },
      },
    },
    async ({ body, workspaceId }, reply) =>
      reply
        .status(201)
        .send(await warned(workspaceId, await saveSegment(pool, workspaceId, body, { create: true }))),
  );

  app.put(
    '/api/segments/:key',
    {
      config: inLane,
      schema: {
        tags,
        params,
        body: SegmentChange,
        response: {
          200: SavedAnswer,
          ...refusals,
          409: ErrorAnswer,
          422: ErrorAnswer,
        },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      if (body.key !== undefined && body.key !== key) {
        const values = { key: shown(body.key), address: key };
        throw new MusterError(problem('key_differs', values, { path: '/key' }));
      }
      const { confirm = false, ...segment } = body;
      const moment = await nowIn(workspaceId);
      return warned(
        workspaceId,
        await editSegment(pool, workspaceId, { ...segment, key }, { confirm, moment }),
      );
    },
  );

  app.post(
    '/api/segments/:key/diff',
    {
      config: inLane,
      schema: {
        tags,
        params,
        body: DiffBody,
        description: 'what saving it with this filter would do; nothing is saved',
        response: { 200: DiffAnswer, ...refusals },
      },
    },
    async ({ params: { key }, body: { filter, sample = 10 }, workspaceId }) => {
      const moment = await nowIn(workspaceId);
      return diffSegment(pool, { workspaceId, key, filter, moment, sample });
    },
  );

  app.delete(
    '/api/segments/:key',
    {
      config,
      schema: {
        tags,
        params,
        description: 'refused while another segment or a series uses it',
        response: { 200: SavedSegmentAnswer, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, workspaceId }) => deleteSegment(pool, workspaceId, key),
  );

  app.get(
    '/api/segments/:key/overrides',
    {
      config,
      schema: {
        tags,
        description: 'who is in it or kept out of it by hand',
        params,
        response: { 200: OverridesAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key }, workspaceId }) => ({
      overrides: (await listOverrides(pool, workspaceId, key)).map(overrideView),
    }),
  );

  app.put(
    '/api/segments/:key/overrides/:user_id',
    {
      config,
      schema: {
        tags,
        description: 'puts a person into the segment or keeps them out of it, whatever its filter says',
        params: OverrideParams,
        body: OverrideBody,
        response: { 200: OverrideAnswer, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params: { key, user_id: userId }, body, workspaceId }) =>
      overrideView(await setOverride(pool, { workspaceId, key, userId, ...body })),
  );

  app.delete(
    '/api/segments/:key/overrides/:user_id',
    {
      config,
      schema: {
        tags,
        description: 'lets the filter decide about the person again',
        params: OverrideParams,
        response: { 200: OverrideRemoved, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key, user_id: userId }, workspaceId }) =>
      removeOverride(pool, { workspaceId, key, userId }),
  );

  app.get(
    '/api/segments/:key/members',
    {
      config: inLane,
      schema: {
        tags,
        params,
        querystring: MembersQuery,
        response: { 200: MembersAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key }, query: { limit = 100, after }, workspaceId }) => {
      const moment = await nowIn(workspaceId);
      return listMembers(pool, { workspaceId, key, moment, limit, after });
    },
  );

  app.get(
    '/api/segments/:key/members.csv',
    {
      config,
      schema: {
        tags,
        description:
          "Its people as a CSV file; text that a spreadsheet would run as a formula begins with `'`.",
        produces: ['text/csv'],
        params,
        querystring: ExportQuery,
        response: { 200: CsvAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params: { key }, query: { fields }, workspaceId }, reply) => {
      await getSegment(pool, workspaceId, key);
      const filter = await parseFilterIn(pool, workspaceId, { segment: key });
      const moment = await nowIn(workspaceId);
      const inTurn = analysis.turns(workspaceId, exportWaitMs);
      return sendCsv(
        reply,
        key,
        exportAudience(pool, { workspaceId, filter, moment, fields: listed(fields), inTurn }),
      );
    },
  );
};

/** `a,b` as the fields that it names. A field with a comma in its name needs the call for audiences, which takes a list. */
function listed(fields: string | undefined): string[] | undefined {
  return fields?.split(',').map((field) => field.trim());
}

function overrideView({ until, created_at: since, ...override }: Override): Static<typeof OverrideAnswer> {
  return { ...override, until: until?.toISOString() ?? null, created_at: since.toISOString() };
}
