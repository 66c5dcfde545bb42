import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  deleteEndpoint,
  enableEndpoint,
  getEndpoint,
  listEndpoints,
  rotateEndpointSecret,
  saveEndpoint,
} from '../../automation/channels/endpoints.js';
import type { SavedEndpoint } from '../../automation/channels/endpoints.js';
import { networkRules } from '../../automation/channels/webhook/networks.js';
import type { AllowedNetworks } from '../../automation/channels/webhook/networks.js';
import type { Pool } from '../../database/pool.js';
import { MusterError, problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { ErrorAnswer } from '../schemas.js';
import {
  Endpoint,
  EndpointBody,
  EndpointChange,
  EndpointDeleted,
  EndpointParams,
  EndpointRotated,
  EndpointSaved,
  Endpoints,
  SecretBody,
} from '../schemas/webhooks.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/webhooks`: where a workspace wants its calls. A secret is in the answer that makes it and nowhere else. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  allowedNetworks: AllowedNetworks;
}> = async (app, { pool, allowedNetworks }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['webhooks'];
  const rules = networkRules(allowedNetworks);

  app.get(
    '/api/webhooks',
    { config, schema: { tags, response: { 200: Endpoints, ...refusals } } },
    async ({ workspaceId }) => ({ endpoints: await listEndpoints(pool, workspaceId) }),
  );

  app.post(
    '/api/webhooks',
    {
      config,
      schema: { tags, body: EndpointBody, response: { 201: EndpointSaved, ...refusals, 409: ErrorAnswer } },
    },
    async ({ body, workspaceId }, reply) =>
      reply.status(201).send(answerOf(await saveEndpoint(pool, rules, { ...body, workspaceId }))),
  );

  app.get(
    '/api/webhooks/:key',
    {
      config,
      schema: { tags, params: EndpointParams, response: { 200: Endpoint, ...refusals, 404: ErrorAnswer } },
    },
    async ({ params, workspaceId }) => getEndpoint(pool, { workspaceId, key: params.key }),
  );

  app.put(
    '/api/webhooks/:key',
    {
      config,
      schema: {
        tags,
        params: EndpointParams,
        body: EndpointChange,
        response: { 200: EndpointSaved, ...refusals, 409: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }) => {
      const { key } = params;
      if (body.key !== undefined && body.key !== key) {
        const values = { key: shown(body.key), address: key };
        throw new MusterError(problem('key_differs', values, { path: '/key' }));
      }
      return answerOf(await saveEndpoint(pool, rules, { ...body, key, workspaceId }));
    },
  );

  app.delete(
    '/api/webhooks/:key',
    { config, schema: { tags, params: EndpointParams, response: { 200: EndpointDeleted, ...refusals } } },
    async ({ params, workspaceId }) => deleteEndpoint(pool, { workspaceId, key: params.key }),
  );

  app.post(
    '/api/webhooks/:key/rotate-secret',
    {
      config,
      schema: {
        tags,
        params: EndpointParams,
        body: SecretBody,
        response: { 201: EndpointRotated, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ params, body, workspaceId }, reply) => {
      const { overlap_seconds: overlap, secret: given } = body;
      const { endpoint, secret } = await rotateEndpointSecret(pool, {
        workspaceId,
        key: params.key,
        secret: given,
        ...(overlap === undefined ? {} : { overlap }),
      });
      return reply.status(201).send({ ...endpoint, secret });
    },
  );

  app.post(
    '/api/webhooks/:key/enable',
    {
      config,
      schema: { tags, params: EndpointParams, response: { 200: Endpoint, ...refusals, 404: ErrorAnswer } },
    },
    async ({ params, workspaceId }) => enableEndpoint(pool, { workspaceId, key: params.key }),
  );
};

function answerOf({ endpoint, secret }: SavedEndpoint): SavedEndpoint['endpoint'] & { secret?: string } {
  return secret === null ? endpoint : { ...endpoint, secret };
}
