import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { listParked, resolveDelivery, resolveDeliveries } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { ErrorAnswer } from '../schemas.js';
import {
  Deliveries,
  DeliveriesQuery,
  DeliveryParams,
  ResolveBody,
  ResolveManyBody,
  ResolvedAnswer,
  ResolvedManyAnswer,
} from '../schemas/deliveries.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };

/** `/api/deliveries`: what was given up or is unknown, of series and of broadcasts, for an operator to decide about. */
export const deliveryRoutes: FastifyPluginAsyncTypebox<{ pool: Pool; onFact: () => void }> = async (
  app,
  { pool, onFact },
) => {
  const config = { needs: 'secret' } as const;
  const tags = ['deliveries'];

  app.get(
    '/api/deliveries',
    { config, schema: { tags, querystring: DeliveriesQuery, response: { 200: Deliveries, ...refusals } } },
    async ({ query, workspaceId }) => listParked(pool, workspaceId, query),
  );

  app.post(
    '/api/deliveries/resolve',
    {
      config,
      schema: {
        tags,
        body: ResolveManyBody,
        response: { 200: ResolvedManyAnswer, ...refusals, 404: ErrorAnswer },
      },
    },
    async ({ body: { as, ...which }, workspaceId }) => {
      const resolved = await resolveDeliveries(pool, workspaceId, which, as);
      onFact();
      return resolved;
    },
  );

  app.post(
    '/api/deliveries/:id/resolve',
    {
      config,
      schema: {
        tags,
        params: DeliveryParams,
        body: ResolveBody,
        response: { 200: ResolvedAnswer, ...refusals, 404: ErrorAnswer, 409: ErrorAnswer },
      },
    },
    async ({ params: { id }, body, workspaceId }) => {
      const resolved = await resolveDelivery(pool, workspaceId, id, body.as);
      onFact();
      return resolved;
    },
  );
};
