import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { deleteContextEntry, listContextEntries, setContextEntry } from '../../traits/context.js';
import { contextEntryView } from '../../traits/profile.js';
import { ErrorAnswer, UserParams } from '../schemas.js';
import { EntriesAnswer, Entry, EntryBody, EntryDeleted, EntryParams } from '../schemas/people.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/users/:user_id/context`: structured data about one user beside the traits, for an assistant's prompt. */
export const contextRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['users'];

  app.get(
    '/api/users/:user_id/context',
    { config, schema: { tags, params: UserParams, response: { 200: EntriesAnswer, ...refusals } } },
    async ({ params, workspaceId }) => {
      const entries = await listContextEntries(pool, { workspaceId, userId: params.user_id });
      return { entries: entries.map(contextEntryView) };
    },
  );

  app.put(
    '/api/users/:user_id/context/:key',
    {
      config,
      schema: {
        tags,
        params: EntryParams,
        body: EntryBody,
        response: { 200: Entry, ...refusals, 404: ErrorAnswer, 413: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }) =>
      contextEntryView(
        await setContextEntry(pool, {
          workspaceId,
          userId: params.user_id,
          key: params.key,
          value: body.value,
        }),
      ),
  );

  app.delete(
    '/api/users/:user_id/context/:key',
    { config, schema: { tags, params: EntryParams, response: { 200: EntryDeleted, ...refusals } } },
    async ({ params, workspaceId }) =>
      deleteContextEntry(pool, { workspaceId, userId: params.user_id, key: params.key }),
  );
};
