import { Type } from '@fastify/type-provider-typebox';
import { defaultSecretOverlap, longestSecretOverlap } from '../../automation/channels/endpoints.js';
import { NullableText, NullableTime, closed } from '../schemas.js';

const Secret = Type.String({ description: '`whsec_` and 24 to 64 bytes in base64' });
const SecretShown = Type.String({ description: 'what calls are signed with; shown this once' });

const endpoint = {
  key: Type.String(),
  url: Type.String(),
  description: NullableText,
  enabled: Type.Boolean(),
  disabled_reason: Type.Union(
    [Type.Literal('by_hand'), Type.Literal('gone'), Type.Literal('failing'), Type.Null()],
    { description: 'gone: it answered 410; failing: ten failures in a row, over three days or more' },
  ),
  disabled_at: NullableTime,
  failing_since: NullableTime,
  failures: Type.Integer({ description: 'in a row, up to now' }),
  last_error: NullableText,
  secrets: Type.Array(
    Type.Object({
      id: Type.String(),
      created_at: Type.String({ format: 'date-time' }),
      valid_until: NullableTime,
    }),
    { description: 'each signs every call; the current one comes first' },
  ),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
};

export const Endpoint = Type.Object(endpoint);
export const Endpoints = Type.Object({ endpoints: Type.Array(Endpoint) });
export const EndpointSaved = Type.Object({ ...endpoint, secret: Type.Optional(SecretShown) });
export const EndpointRotated = Type.Object({ ...endpoint, secret: SecretShown });
export const EndpointDeleted = Type.Object({ deleted: Type.Boolean() });
export const EndpointParams = Type.Object({ key: Type.String() }, closed);

const changes = {
  url: Type.String({ description: 'https, and a public address unless the operator allows its network' }),
  description: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean({ description: 'as it is when left out; a new one is enabled' })),
  secret: Type.Optional(Secret),
};
export const EndpointBody = Type.Object({ key: Type.String(), ...changes }, closed);
export const EndpointChange = Type.Object({ key: Type.Optional(Type.String()), ...changes }, closed);
export const SecretBody = Type.Object(
  {
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: longestSecretOverlap,
        default: defaultSecretOverlap,
        description: 'seconds that the one before goes on signing beside it; 0 ends it at once',
      }),
    ),
    secret: Type.Optional(Secret),
  },
  closed,
);
