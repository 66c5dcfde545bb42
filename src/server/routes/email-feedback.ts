import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@fastify/type-provider-typebox';
import { mostFeedback, readFeedback, takeFeedback } from '../../automation/index.js';
import type { FeedbackTaken } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { takeJsonOfAnyType } from '../body.js';
import { ErrorAnswer } from '../schemas.js';

const FeedbackBody = Type.Unsafe<unknown>({
  description:
    '{"events": [{"type": "hard_bounce", "message_id": "<...>", "email": "...", "at": "...", "reason": "..."}]}, or what Postmark, SendGrid, Mailgun and Amazon SES post',
});
const FeedbackAnswer = Type.Unsafe<FeedbackTaken>(
  Type.Object({
    taken: Type.Integer({ description: 'events that were new' }),
    repeated: Type.Integer({ description: 'events that were known already' }),
    unmatched: Type.Integer({ description: 'new ones that name neither a message of ours nor an address' }),
  }),
);

/**
 * `POST /api/channels/email/bounces`: bounces and complaints, as a provider's webhook posts them. The secret key comes as a
 * Bearer token, or as the user name of an address (`https://KEY@muster.example.com/...`), which providers can send.
 */
export const emailFeedbackRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  // SNS sends its JSON as a text.
  takeJsonOfAnyType(app);
  app.post(
    '/api/channels/email/bounces',
    {
      config: { needs: 'secret' },
      schema: {
        tags: ['channels'],
        body: FeedbackBody,
        response: { 200: FeedbackAnswer, 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer },
      },
    },
    async ({ body, workspaceId }) => {
      const events = readFeedback(body) ?? refuse('email_feedback_unknown');
      if (events.length > mostFeedback) {
        refuse('email_feedback_too_many', { count: events.length, limit: mostFeedback });
      }
      return takeFeedback(pool, workspaceId, events);
    },
  );
};
