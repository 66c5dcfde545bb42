import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@fastify/type-provider-typebox';
import { getWorkspaceCaps, setWorkspaceCaps } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { eventLimit } from '../failures.js';
import { ErrorAnswer, closed } from '../schemas.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

const Caps = Type.Object({
  caps: Type.Array(
    Type.Object({
      messages: Type.Integer(),
      days: Type.Integer({ description: "the person's calendar days, today included" }),
    }),
  ),
});
const CapsBody = Type.Object(
  { caps: Type.Unknown({ description: 'such as [{"messages": 3, "days": 7}]; an empty list for none' }) },
  closed,
);

/** `/api/frequency-caps`: how many messages one person may get from the workspace, by all series and broadcasts together. */
export const capRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['suppression'];

  app.get(
    '/api/frequency-caps',
    { config, schema: { tags, response: { 200: Caps, ...refusals } } },
    async ({ workspaceId }) => ({ caps: await getWorkspaceCaps(pool, workspaceId) }),
  );

  app.put(
    '/api/frequency-caps',
    { config, bodyLimit: eventLimit, schema: { tags, body: CapsBody, response: { 200: Caps, ...refusals } } },
    async ({ body, workspaceId }) => ({ caps: await setWorkspaceCaps(pool, workspaceId, body.caps) }),
  );
};
