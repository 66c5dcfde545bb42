import { Type } from '@fastify/type-provider-typebox';
import type { SavedSegment } from '../../audience/segments/store.js';
import { FilterBody, NullableText, closed } from '../schemas.js';

const Time = Type.String({ format: 'date-time' });
const Key = Type.String({ description: '1 to 63 lower-case letters, digits, `-` and `_`' });

export const SegmentParams = Type.Object({ key: Type.String() }, closed);

export const SavedSegmentAnswer = Type.Unsafe<SavedSegment>(
  Type.Object({
    key: Key,
    name: Type.String(),
    filter: Type.Unknown({ description: 'as it was written' }),
    sentence: Type.String({ description: 'the filter in English' }),
    version: Type.Integer({ description: 'grows with each change of the filter' }),
    created_at: Time,
    updated_at: Time,
  }),
);
export const SegmentList = Type.Object({ segments: Type.Array(SavedSegmentAnswer) });

export const SegmentBody = Type.Object({ key: Key, name: Type.String(), filter: FilterBody }, closed);
export const SegmentChange = Type.Object(
  { key: Type.Optional(Key), name: Type.String(), filter: FilterBody },
  closed,
);

export const MembersQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) },
  closed,
);
export const MembersAnswer = Type.Object({
  count: Type.Integer(),
  members: Type.Array(Type.Object({ user_id: NullableText, name: NullableText, email: NullableText })),
});
