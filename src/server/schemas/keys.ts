import { Type } from '@fastify/type-provider-typebox';
import { longestOverlap } from '../manage-keys.js';
import { NullableText, NullableTime, closed } from '../schemas.js';

const Kind = Type.Union([Type.Literal('write'), Type.Literal('secret'), Type.Literal('bounces')], {
  description:
    'write: may only send data; bounces: may only tell of bounces and complaints; secret: may do everything',
});

const key = {
  id: Type.String(),
  kind: Kind,
  name: NullableText,
  ending: Type.Union([Type.String(), Type.Null()], {
    description: "the last four characters of the key's text",
  }),
  state: Type.Union(
    [Type.Literal('live'), Type.Literal('ending'), Type.Literal('ended'), Type.Literal('revoked')],
    { description: 'ending: an overlap runs; ended: it is over' },
  ),
  created_at: Type.String({ format: 'date-time' }),
  valid_until: NullableTime,
  revoked_at: NullableTime,
};

export const Key = Type.Object(key);
export const KeyMade = Type.Object({
  key: Type.String({ description: 'shown this once; only its hash is kept' }),
  ...key,
});
export const KeyRotated = Type.Object({ ...KeyMade.properties, replaced: Key });
export const Keys = Type.Object({ keys: Type.Array(Key) });
export const KeyParams = Type.Object({ key_id: Type.String() }, closed);
export const KeyBody = Type.Object(
  { kind: Kind, name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
  closed,
);

const Overlap = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: longestOverlap,
    default: 86_400,
    description: 'seconds that the one before goes on working; 0 ends it at once',
  }),
);
export const RotateBody = Type.Object({ overlap_seconds: Overlap }, closed);

const Mode = Type.Union([Type.Literal('off'), Type.Literal('report'), Type.Literal('enforce')], {
  description: 'report counts what enforce would refuse',
});
export const IdentityBody = Type.Object({ mode: Mode }, closed);
export const Identity = Type.Object({
  mode: Mode,
  secrets: Type.Array(
    Type.Object({
      id: Type.String(),
      created_at: Type.String({ format: 'date-time' }),
      valid_until: NullableTime,
    }),
  ),
});
export const IdentityMade = Type.Object({
  id: Type.String(),
  secret: Type.String({ description: 'shown this once' }),
});
export const IdentityReport = Type.Object({
  mode: Mode,
  total: Type.Integer(),
  reasons: Type.Array(
    Type.Object({
      reason: Type.String({ description: 'the code that enforcing refuses with' }),
      count: Type.Integer(),
      first_seen: Type.String({ format: 'date-time' }),
      last_seen: Type.String({ format: 'date-time' }),
    }),
  ),
});
