import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { filterWarnings } from '../../audience/lint/warnings.js';
import {
  cancelBroadcast,
  deleteBroadcast,
  explainBroadcast,
  getBroadcast,
  launchBroadcast,
  listBroadcasts,
  listRecipients,
  pauseBroadcast,
  previewBroadcast,
  reportBroadcastNow,
  resumeBroadcast,
  saveBroadcast,
  testBroadcast,
} from '../../automation/index.js';
import type { EmailSettings } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { ErrorAnswer } from '../schemas.js';
import { underKey } from '../params.js';
import {
  Broadcast,
  BroadcastBody,
  BroadcastExplained,
  BroadcastList,
  BroadcastParams,
  BroadcastReportAnswer,
  BroadcastReportQuery,
  BroadcastUserParams,
  DeleteBroadcastQuery,
  LaunchBody,
  LaunchedAnswer,
  PreviewBroadcastAnswer,
  PreviewBroadcastBody,
  Recipients,
  RecipientsQuery,
  RunQuery,
  SavedAnswer,
  TestAnswer,
  TestBody,
} from '../schemas/broadcasts.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };
const missing = { ...refusals, 404: ErrorAnswer };
const conflicts = { ...missing, 409: ErrorAnswer };

/** `/api/broadcasts`: one message to everybody in an audience, counted before it is launched. */
export const broadcastRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  onFact: () => void;
  /** What the installation sends e-mail with. */
  email: EmailSettings;
  clock: () => number;
}> = async (app, { pool, onFact, email, clock }) => {
  const config = { needs: 'secret' } as const;
  const inLane = { needs: 'secret', lane: 'analysis' } as const;
  const tags = ['broadcasts'];
  const params = BroadcastParams;

  const save = async (workspaceId: string, body: unknown) => {
    const saved = await saveBroadcast(pool, workspaceId, body, { email });
    const { audience } = saved.definition;
    return { ...saved, warnings: await filterWarnings(pool, workspaceId, audience, clock(), '/audience') };
  };

  app.get(
    '/api/broadcasts',
    { config, schema: { tags, response: { 200: BroadcastList, ...refusals } } },
    async ({ workspaceId }) => ({ broadcasts: await listBroadcasts(pool, workspaceId) }),
  );

  app.get(
    '/api/broadcasts/:key',
    { config, schema: { tags, params, response: { 200: Broadcast, ...missing } } },
    async ({ params: { key }, workspaceId }) => getBroadcast(pool, workspaceId, key),
  );

  app.post(
    '/api/broadcasts',
    {
      config,
      schema: { tags, body: BroadcastBody, response: { 201: SavedAnswer, ...refusals, 409: ErrorAnswer } },
    },
    async ({ body, workspaceId }, reply) => reply.status(201).send(await save(workspaceId, body)),
  );

  app.put(
    '/api/broadcasts/:key',
    { config, schema: { tags, params, body: BroadcastBody, response: { 200: SavedAnswer, ...conflicts } } },
    async ({ params: { key }, body, workspaceId }) => save(workspaceId, underKey(body, key)),
  );

  app.delete(
    '/api/broadcasts/:key',
    {
      config,
      schema: {
        tags,
        params,
        querystring: DeleteBroadcastQuery,
        description:
          'removes a draft; archives what was launched, because what it did to people stays on record',
        response: { 200: Broadcast, ...conflicts },
      },
    },
    async ({ params: { key }, query: { force = false }, workspaceId }) =>
      deleteBroadcast(pool, workspaceId, key, { force }),
  );

  app.post(
    '/api/broadcasts/:key/preview',
    {
      config: inLane,
      schema: {
        tags,
        params,
        body: PreviewBroadcastBody,
        description: 'what a launch would do now, counted by the statement that a launch freezes',
        response: { 200: PreviewBroadcastAnswer, ...conflicts },
      },
    },
    async ({ params: { key }, body, workspaceId }) =>
      previewBroadcast(pool, workspaceId, key, { sample: body.sample }),
  );

  app.post(
    '/api/broadcasts/:key/launch',
    {
      config,
      schema: {
        tags,
        params,
        body: LaunchBody,
        description: 'freezes the audience and sends',
        response: { 200: LaunchedAnswer, ...conflicts },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      const launched = await launchBroadcast(pool, workspaceId, key, { run: body.run });
      onFact();
      return launched;
    },
  );

  app.post(
    '/api/broadcasts/:key/test',
    {
      config,
      schema: {
        tags,
        params,
        body: TestBody,
        description: 'sends it to one person now; hours, caps, rate and schedule do not hold',
        response: { 200: TestAnswer, ...conflicts },
      },
    },
    async ({ params: { key }, body, workspaceId }) => {
      const sent = await testBroadcast(pool, workspaceId, key, {
        userId: body.user_id,
        variant: body.variant,
      });
      onFact();
      return sent;
    },
  );

  app.get(
    '/api/broadcasts/:key/report',
    {
      config: inLane,
      schema: {
        tags,
        params,
        querystring: BroadcastReportQuery,
        response: { 200: BroadcastReportAnswer, ...missing },
      },
    },
    async ({ params: { key }, query, workspaceId }) => reportBroadcastNow(pool, workspaceId, key, query),
  );

  app.get(
    '/api/broadcasts/:key/recipients',
    {
      config,
      schema: { tags, params, querystring: RecipientsQuery, response: { 200: Recipients, ...missing } },
    },
    async ({ params: { key }, query, workspaceId }) => listRecipients(pool, workspaceId, key, query),
  );

  app.get(
    '/api/broadcasts/:key/explain/:user_id',
    {
      config: inLane,
      schema: {
        tags,
        params: BroadcastUserParams,
        querystring: RunQuery,
        description: 'whether one person was sent it, waits for it, or why not',
        response: { 200: BroadcastExplained, ...missing },
      },
    },
    async ({ params: { key, user_id: userId }, query: { run }, workspaceId }) =>
      explainBroadcast(pool, workspaceId, key, { userId, run }),
  );

  const changes = { pause: pauseBroadcast, resume: resumeBroadcast, cancel: cancelBroadcast } as const;
  for (const [name, change] of Object.entries(changes)) {
    app.post(
      `/api/broadcasts/:key/${name}`,
      {
        config,
        schema: { tags, params, querystring: RunQuery, response: { 200: Broadcast, ...conflicts } },
      },
      async ({ params: { key }, query: { run }, workspaceId }) => {
        const changed = await change(pool, workspaceId, key, { run });
        onFact();
        return changed;
      },
    );
  }
};
