import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import type { AccessBook } from '../access.js';
import { takeJsonOfAnyType } from '../body.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
import { countCodes, keepLostCalls } from '../refusals.js';
import type { RefusalBook } from '../refusals.js';
import { ErrorAnswer } from '../schemas.js';
import { SegmentAnswer, SegmentBatchBody, SegmentBody } from '../schemas/segment.js';
import { applyMessage } from '../segment/apply.js';
import { applyBatch } from '../segment/batch.js';
import { readMessage, segmentTypes } from '../segment/message.js';

/** Calls of one batch, as Segment has it. */
const batchLimit = 2500;

/**
 * `/v1`: Segment's HTTP tracking API, so that its clients work with the address changed and nothing else. The key is the
 * user name of Basic authentication, or a Bearer key. The client for browsers sends to the first letter of each path.
 */
export const segmentRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  guard: IdentityGuard;
  access: AccessBook;
  clock: () => number;
  onFact: () => void;
  refusals: RefusalBook;
}> = async (app, { pool, guard, access, clock, onFact, refusals }) => {
  const tags = ['segment'];
  const response = {
    200: SegmentAnswer,
    400: ErrorAnswer,
    401: ErrorAnswer,
    413: ErrorAnswer,
    429: ErrorAnswer,
  };
  const parts = { pool, guard, access };

  takeJsonOfAnyType(app);
  keepLostCalls(app, refusals, () => true);

  for (const type of segmentTypes) {
    for (const path of [type, type.charAt(0)]) {
      app.post(
        `/v1/${path}`,
        {
          config: { needs: 'write', call: type },
          bodyLimit: eventLimit,
          schema: { tags, body: SegmentBody, response },
        },
        async (request) => {
          const { body, workspaceId, keyKind } = request;
          const message = readMessage(body, { at: clock(), type });
          const refused = await applyMessage(parts, { workspaceId, kind: keyKind }, message);
          onFact();
          await refusals.keepPart(request, refused);
          return { success: true };
        },
      );
    }
  }

  for (const path of ['batch', 'b']) {
    app.post(
      `/v1/${path}`,
      {
        config: { needs: 'write', call: 'batch' },
        schema: { tags, body: SegmentBatchBody, response },
      },
      async ({ body, workspaceId, keyKind, log }) => {
        const { batch, sentAt, context } = body;
        if (batch.length > batchLimit)
          refuse('batch_too_long', { count: batch.length, limit: batchLimit }, { path: '/batch' });
        const outcome = await applyBatch(parts, { workspaceId, kind: keyKind }, batch, {
          at: clock(),
          batch: { sentAt, context },
        });
        onFact();
        await refusals.keep(workspaceId, outcome.refusals);
        if (outcome.refusals.length > 0) {
          const refused = countCodes(outcome.refusals);
          log.warn(
            { workspace: workspaceId, accepted: outcome.accepted, refused },
            'parts of a batch were refused',
          );
        }
        return { success: true };
      },
    );
  }

  // The client sends figures about itself without a key, and reports a fault to the page when it cannot.
  app.post('/v1/m', { bodyLimit: eventLimit, schema: { tags, body: SegmentBody, response } }, async () => ({
    success: true,
  }));
};
