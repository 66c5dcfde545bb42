import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { trimmedId } from '../../traits/ids.js';
import { track } from '../../traits/track.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { leniencyOf, storableCall } from '../leniency.js';
import { keepLostCalls } from '../refusals.js';
import type { RefusalBook } from '../refusals.js';
import { ErrorAnswer } from '../schemas.js';
import { TrackAnswer, TrackBody } from '../schemas/ingest.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 413: ErrorAnswer, 429: ErrorAnswer };

/** `POST /api/sdk/track`: what a user or a visitor did. */
export const trackRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  guard: IdentityGuard;
  onFact: () => void;
  refusals: RefusalBook;
}> = async (app, { pool, guard, onFact, refusals: book }) => {
  const config = { needs: 'write', call: 'track' } as const;
  const tags = ['sdk'];
  keepLostCalls(app, book, (request) => leniencyOf(request) !== 'none');

  app.post(
    '/api/sdk/track',
    {
      config,
      bodyLimit: eventLimit,
      schema: { tags, body: TrackBody, response: { 200: TrackAnswer, ...refusals } },
    },
    async (request) => {
      const { body, workspaceId, keyKind } = request;
      if (body.user_id !== undefined) {
        await guard.user({ workspaceId, kind: keyKind }, trimmedId(body.user_id), {
          hash: body.user_hash,
          token: body.token,
        });
      }
      const { properties, refused } = storableCall(request, body);
      const { accepted, stored } = await track(pool, {
        workspaceId,
        userId: body.user_id,
        anonymousId: body.anonymous_id,
        event: body.event,
        properties,
        occurredAt: body.occurred_at,
        messageId: body.message_id,
        byWriteKey: keyKind === 'write',
      });
      onFact();
      return { accepted, stored, ...(await book.keepPart(request, refused)) };
    },
  );
};
