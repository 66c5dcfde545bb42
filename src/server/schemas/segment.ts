import { Type } from '@fastify/type-provider-typebox';
import { JsonObject } from '../schemas.js';

// Open on purpose: Segment's clients send keys of their own beside those that mean something here.

export const SegmentBody = JsonObject(
  "a call as Segment's clients send it: userId, anonymousId, messageId, timestamp, sentAt, context, traits, properties",
);
export const SegmentBatchBody = Type.Object(
  {
    batch: Type.Array(Type.Unknown(), { description: 'calls, each with its `type`' }),
    sentAt: Type.Optional(Type.Unknown({ description: 'ISO 8601; what the sender’s clock showed' })),
    context: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: true },
);
export const SegmentAnswer = Type.Object({ success: Type.Boolean() });
