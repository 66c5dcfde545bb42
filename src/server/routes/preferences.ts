import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { getPreferences, setPreferences } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { eventLimit } from '../failures.js';
import { ErrorAnswer, UserParams } from '../schemas.js';
import { PreferencesAnswer, PreferencesBody } from '../schemas/people.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer };

/** `/api/users/:user_id/preferences`: what somebody wants to hear of, as on the page that links to unsubscribe lead to. */
export const preferenceRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['suppression'];
  const params = UserParams;

  app.get(
    '/api/users/:user_id/preferences',
    { config, schema: { tags, params, response: { 200: PreferencesAnswer, ...refusals } } },
    async ({ params: { user_id }, workspaceId }) => getPreferences(pool, workspaceId, user_id),
  );

  app.put(
    '/api/users/:user_id/preferences',
    {
      config,
      bodyLimit: eventLimit,
      schema: { tags, params, body: PreferencesBody, response: { 200: PreferencesAnswer, ...refusals } },
    },
    async ({ params: { user_id }, body, workspaceId }) => setPreferences(pool, workspaceId, user_id, body),
  );
};
