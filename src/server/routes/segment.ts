import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { takeJsonOfAnyType } from '../body.js';
import { eventLimit } from '../failures.js';
import type { IdentityGuard } from '../identity/guard.js';
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
  clock: () => number;
  onFact: () => void;
}> = async (app, { pool, guard, clock, onFact }) => {
  const config = { needs: 'write' } as const;
  const tags = ['segment'];
  const response = {
    200: SegmentAnswer,
    400: ErrorAnswer,
    401: ErrorAnswer,
    413: ErrorAnswer,
    429: ErrorAnswer,
  };
  const parts = { pool, guard };

  takeJsonOfAnyType(app);

  for (const type of segmentTypes) {
    for (const path of [type, type.charAt(0)]) {
      app.post(
        `/v1/${path}`,
        { config, bodyLimit: eventLimit, schema: { tags, body: SegmentBody, response } },
        async ({ body, workspaceId, keyKind, log }) => {
          const message = readMessage(body, { at: clock(), type });
          const { dropped } = await applyMessage(parts, { workspaceId, kind: keyKind }, message);
          if (dropped.length > 0)
            log.warn({ workspace: workspaceId, dropped }, 'reserved traits were left out');
          onFact();
          return { success: true };
        },
      );
    }
  }

  for (const path of ['batch', 'b']) {
    app.post(
      `/v1/${path}`,
      { config, schema: { tags, body: SegmentBatchBody, response } },
      async ({ body, workspaceId, keyKind, log }) => {
        const { batch, sentAt, context } = body;
        if (batch.length > batchLimit)
          refuse('batch_too_long', { count: batch.length, limit: batchLimit }, { path: '/batch' });
        const { accepted, rejected, dropped } = await applyBatch(
          parts,
          { workspaceId, kind: keyKind },
          batch,
          { at: clock(), batch: { sentAt, context } },
        );
        if (Object.keys(rejected).length > 0 || Object.keys(dropped).length > 0) {
          log.warn({ workspace: workspaceId, accepted, rejected, dropped }, 'parts of a batch were left out');
        }
        onFact();
        return { success: true };
      },
    );
  }

  // The client sends figures about itself without a key, and reports a fault to the page when it cannot.
  app.post('/v1/m', { bodyLimit: eventLimit, schema: { tags, body: SegmentBody, response } }, async () => ({
    success: true,
  }));
};
