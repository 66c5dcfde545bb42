import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  deleteEmailSettings,
  deleteSlackWebhook,
  emailView,
  getEmailSettings,
  listSlackWebhooks,
  networkRules,
  saveEmailSettings,
  saveSlackWebhook,
} from '../../automation/index.js';
import type { EmailSettings } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { ErrorAnswer } from '../schemas.js';
import { Deleted, Email, EmailBody, Slack, SlackBody, SlackList, SlackParams } from '../schemas/channels.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

export interface ChannelRoutes {
  readonly pool: Pool;
  readonly allowedNetworks: readonly string[];
  /** What the installation sends e-mail with. */
  readonly email: EmailSettings;
}

/** `/api/channels`: what a workspace sends by. No password and no URL that lets one post is ever answered. */
export const channelRoutes: FastifyPluginAsyncTypebox<ChannelRoutes> = async (
  app,
  { pool, allowedNetworks, email },
) => {
  const config = { needs: 'secret' } as const;
  const tags = ['channels'];
  const rules = networkRules(allowedNetworks);

  app.get(
    '/api/channels/email',
    { config, schema: { tags, response: { 200: Email, ...refusals } } },
    async ({ workspaceId }) => emailView(await getEmailSettings(pool, workspaceId), email),
  );

  app.put(
    '/api/channels/email',
    { config, schema: { tags, body: EmailBody, response: { 200: Email, ...refusals } } },
    async ({ body, workspaceId }) =>
      emailView(await saveEmailSettings(pool, { workspaceId, rules, change: body }), email),
  );

  app.delete(
    '/api/channels/email',
    { config, schema: { tags, response: { 200: Deleted, ...refusals } } },
    async ({ workspaceId }) => deleteEmailSettings(pool, workspaceId),
  );

  app.get(
    '/api/channels/slack',
    { config, schema: { tags, response: { 200: SlackList, ...refusals } } },
    async ({ workspaceId }) => ({ webhooks: await listSlackWebhooks(pool, workspaceId) }),
  );

  app.put(
    '/api/channels/slack/:key',
    {
      config,
      schema: {
        tags,
        params: SlackParams,
        body: SlackBody,
        response: { 200: Slack, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params: { key }, body, workspaceId }) =>
      saveSlackWebhook(pool, rules, { workspaceId, key, ...body }),
  );

  app.delete(
    '/api/channels/slack/:key',
    { config, schema: { tags, params: SlackParams, response: { 200: Deleted, ...refusals } } },
    async ({ params: { key }, workspaceId }) => deleteSlackWebhook(pool, { workspaceId, key }),
  );
};
