import { Type } from '@fastify/type-provider-typebox';
import { mostResolved } from '../../automation/index.js';
import type { ParkedDelivery, ResolvedMany } from '../../automation/index.js';
import { NullableText, NullableTime, closed } from '../schemas.js';
import { nextPage, pageQuery } from './series.js';

const State = Type.Union([Type.Literal('unknown'), Type.Literal('failed')], {
  description: 'unknown: it may have arrived, and the person waits; failed: it was given up',
});
const As = Type.Union([Type.Literal('retry'), Type.Literal('delivered'), Type.Literal('skip')], {
  description: 'retry: with the same idempotency key; delivered: it did arrive; skip: go on without it',
});

export const DeliveriesQuery = Type.Object(
  {
    state: Type.Optional(State),
    series: Type.Optional(Type.String({ maxLength: 63 })),
    broadcast: Type.Optional(Type.String({ maxLength: 63 })),
    ...pageQuery,
  },
  closed,
);
export const Deliveries = Type.Object({
  deliveries: Type.Array(
    Type.Unsafe<ParkedDelivery>(
      Type.Object({
        id: Type.String({ format: 'uuid', description: 'what providers saw as the idempotency key' }),
        state: State,
        series: Type.Union([Type.String(), Type.Null()], { description: 'null of a broadcast' }),
        version: Type.Optional(Type.Integer()),
        step: Type.Optional(Type.String()),
        visit: Type.Optional(Type.Integer()),
        enrollment: Type.Optional(Type.String()),
        broadcast: Type.Union([Type.String(), Type.Null()], { description: 'null of a series' }),
        run: Type.Optional(Type.String()),
        variant: Type.Optional(Type.String()),
        user_id: NullableText,
        anonymous_id: NullableText,
        channel: NullableText,
        kind: NullableText,
        attempts: Type.Integer(),
        error: NullableText,
        attempted_at: NullableTime,
        resolvable_as: Type.Array(As),
      }),
    ),
  ),
  ...nextPage,
});
export const DeliveryParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const ResolveBody = Type.Object({ as: As }, closed);
/** No stored key holds NUL, and as a parameter of a statement it would be an error of the database. */
const storable = '^[^\\u0000]*$';
const Key = Type.String({ maxLength: 63, pattern: storable });
const Id = Type.String({ maxLength: 100, pattern: storable });
export const ResolveManyBody = Type.Object(
  {
    as: As,
    ids: Type.Optional(Type.Array(Id, { maxItems: mostResolved })),
    state: Type.Optional(State),
    series: Type.Optional(Key),
    broadcast: Type.Optional(Key),
    channel: Type.Optional(Key),
  },
  closed,
);
export const ResolvedManyAnswer = Type.Unsafe<ResolvedMany>(
  Type.Object({
    resolved: Type.Integer(),
    refused: Type.Array(Type.Object({ id: Type.String(), code: Type.String() })),
    more: Type.Boolean({ description: `whether there are more than ${mostResolved}: asking again goes on` }),
  }),
);
export const ResolvedAnswer = Type.Object({ id: Type.String(), as: As });
