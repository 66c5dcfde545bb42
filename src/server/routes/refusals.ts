import { Type } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { listRefusals } from '../../traits/refusals.js';
import type { KeptRefusal } from '../../traits/refusals.js';
import { ErrorAnswer, NullableText, closed } from '../schemas.js';
import { nextPage, pageQuery } from '../schemas/series.js';

const Id = Type.Optional(Type.String({ maxLength: 512 }));
const RefusalsQuery = Type.Object(
  {
    code: Type.Optional(Type.String({ maxLength: 100, description: 'only those with this code' })),
    user_id: Id,
    anonymous_id: Id,
    since: Type.Optional(Type.String({ description: 'ISO 8601; only those from this instant on' })),
    ...pageQuery,
  },
  closed,
);
const Refusals = Type.Object({
  refusals: Type.Array(
    Type.Unsafe<KeptRefusal>(
      Type.Object({
        id: Type.String(),
        at: Type.String({ format: 'date-time' }),
        call: Type.String({ description: 'what was called, such as `identify` or `track`' }),
        code: Type.String(),
        path: Type.String({ description: 'JSON Pointer into what was sent' }),
        message: Type.String(),
        value: Type.Union([Type.String(), Type.Null()], {
          description: 'what stood there: the beginning of its JSON, or what kind of list or object',
        }),
        whole: Type.Boolean({ description: 'false where only what stood at the path was left out' }),
        user_id: NullableText,
        anonymous_id: NullableText,
        message_id: NullableText,
      }),
    ),
    { description: 'the newest first' },
  ),
  next: nextPage,
});

/** `GET /api/ingest/refusals`: what was sent and could not be stored, where the sender is not told or does not look. */
export const refusalRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  app.get(
    '/api/ingest/refusals',
    {
      config: { needs: 'secret' },
      schema: {
        tags: ['ingest'],
        querystring: RefusalsQuery,
        response: { 200: Refusals, 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer },
      },
    },
    async ({
      query: { code, user_id: userId, anonymous_id: anonymousId, since, limit, after },
      workspaceId,
    }) =>
      listRefusals(pool, workspaceId, { code, userId, anonymousId, since: instantOf(since), limit, after }),
  );
};

/** Errors: `bad_since`. */
function instantOf(since: string | undefined): number | undefined {
  if (since === undefined) return undefined;
  return parseIso(since) ?? refuse('bad_since', { text: since.slice(0, 100) }, { path: '/since' });
}
