import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@fastify/type-provider-typebox';
import {
  isSnsSubscription,
  mostFeedback,
  readFeedback,
  snsConfirmer,
  snsSubscriptionOf,
  takeFeedback,
} from '../../automation/index.js';
import type { FeedbackTaken, Get } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { takeJsonOfAnyType } from '../body.js';
import { ErrorAnswer } from '../schemas.js';

const FeedbackBody = Type.Unsafe<unknown>({
  description:
    '{"events": [{"type": "hard_bounce", "message_id": "<...>", "email": "...", "at": "...", "reason": "..."}]}, or what Postmark, SendGrid, Mailgun and Amazon SES post',
});
const FeedbackAnswer = Type.Unsafe<FeedbackTaken & { confirmed?: string }>(
  Type.Object({
    taken: Type.Integer({ description: 'events that were new' }),
    repeated: Type.Integer({ description: 'events that were known already' }),
    unmatched: Type.Integer({ description: 'new ones that name neither a message of ours nor an address' }),
    confirmed: Type.Optional(
      Type.String({ description: 'the topic of Amazon SNS whose subscription was confirmed' }),
    ),
  }),
);

/**
 * `POST /api/channels/email/bounces`: bounces and complaints, as a provider's webhook posts them. A bounces key, or the secret one,
 * comes as a Bearer token, or as the user name of an address (`https://KEY@muster.example.com/...`), which providers can send.
 * A subscription that Amazon SNS asks to confirm is confirmed.
 */
export const emailFeedbackRoutes: FastifyPluginAsyncTypebox<{
  pool: Pool;
  clock: () => number;
  /** How Amazon SNS is called. */
  get: Get;
}> = async (app, { pool, clock, get }) => {
  const confirm = snsConfirmer(get, clock);
  // SNS sends its JSON as a text.
  takeJsonOfAnyType(app);
  app.post(
    '/api/channels/email/bounces',
    {
      config: { needs: 'bounces' },
      schema: {
        tags: ['channels'],
        body: FeedbackBody,
        response: {
          200: FeedbackAnswer,
          400: ErrorAnswer,
          401: ErrorAnswer,
          403: ErrorAnswer,
          503: ErrorAnswer,
        },
      },
    },
    async ({ body, workspaceId, log }) => {
      if (isSnsSubscription(body)) {
        const asked = snsSubscriptionOf(body);
        const nothing = { taken: 0, repeated: 0, unmatched: 0 };
        if (asked === null) return nothing;
        await confirm(asked);
        log.info(
          { workspace: workspaceId, topic: asked.topic },
          'a subscription of Amazon SNS was confirmed',
        );
        return { ...nothing, confirmed: asked.topic };
      }
      const events = readFeedback(body) ?? refuse('email_feedback_unknown');
      if (events.length > mostFeedback) {
        refuse('email_feedback_too_many', { count: events.length, limit: mostFeedback });
      }
      return takeFeedback(pool, workspaceId, events);
    },
  );
};
