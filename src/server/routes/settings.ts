import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { diffZone, getSettings, saveSettings } from '../../automation/index.js';
import type { EmailSettings } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import type { AccessBook } from '../access.js';
import { eventLimit } from '../failures.js';
import { ErrorAnswer } from '../schemas.js';
import { Settings, SettingsBody, ZoneBody, ZoneMoves } from '../schemas/settings.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/settings`: what a workspace decides for all that it does, its zone first. */
export const settingsRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  access: AccessBook;
  onFact: () => void;
  email: EmailSettings;
}> = async (app, { pool, access, onFact, email }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['settings'];

  app.get(
    '/api/settings',
    { config, schema: { tags, response: { 200: Settings, ...refusals } } },
    async ({ workspaceId }) => getSettings(pool, workspaceId, email),
  );

  app.put(
    '/api/settings',
    {
      config,
      bodyLimit: eventLimit,
      schema: { tags, body: SettingsBody, response: { 200: Settings, ...refusals, 409: ErrorAnswer } },
    },
    async ({ body: { confirm, ...change }, workspaceId }) => {
      const saved = await saveSettings(pool, workspaceId, { change, email, confirm });
      access.forget(workspaceId);
      onFact();
      return saved;
    },
  );

  app.post(
    '/api/settings/diff',
    {
      config,
      bodyLimit: eventLimit,
      schema: {
        tags,
        body: ZoneBody,
        description: 'what another zone moves; nothing is saved',
        response: { 200: ZoneMoves, ...refusals },
      },
    },
    async ({ body, workspaceId }) => diffZone(pool, workspaceId, body.zone),
  );
};
