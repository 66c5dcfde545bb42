import { Type } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { listEvents } from '../../traits/catalogue/events.js';
import type { EventsPage } from '../../traits/catalogue/events.js';
import { ErrorAnswer, closed } from '../schemas.js';
import { nextPage, pageQuery } from '../schemas/series.js';

const EventsQuery = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({ maxLength: 200, description: 'what names begin with, without regard to letter case' }),
    ),
    ...pageQuery,
  },
  closed,
);
const Events = Type.Unsafe<EventsPage>(
  Type.Object({
    events: Type.Array(
      Type.Object({
        event: Type.String(),
        count: Type.Integer({ description: 'events that are kept, counted up to 10,000' }),
        count_exact: Type.Boolean({ description: 'false where there are more' }),
        first_seen: Type.String({ format: 'date-time' }),
        last_seen: Type.String({ format: 'date-time' }),
        properties: Type.Array(Type.String(), { description: 'of its last 100 events' }),
      }),
    ),
    next: nextPage,
  }),
);

/** `GET /api/events`: which events arrive, how many, and with what properties. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  app.get(
    '/api/events',
    {
      config: { needs: 'secret' },
      schema: {
        tags: ['events'],
        querystring: EventsQuery,
        response: { 200: Events, 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer },
      },
    },
    async ({ query: { prefix, limit, after }, workspaceId }) =>
      listEvents(pool, { workspaceId, prefix, limit, after }),
  );
};
