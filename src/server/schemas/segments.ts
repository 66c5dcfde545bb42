import type { Readable } from 'node:stream';
import { Type } from '@fastify/type-provider-typebox';
import type { SegmentDiff } from '../../audience/segments/diff.js';
import type { Members } from '../../audience/segments/members.js';
import type { SavedSegment } from '../../audience/segments/store.js';
import type { Finding } from '../../filter/lint.js';
import { FilterBody, NullableText, NullableTime, Warnings, closed } from '../schemas.js';
import { pageQuery } from './series.js';

const Time = Type.String({ format: 'date-time' });
const Key = Type.String({ description: '1 to 63 lower-case letters, digits, `-` and `_`' });

export const SegmentParams = Type.Object({ key: Type.String() }, closed);

const segmentProperties = {
  key: Key,
  name: Type.String(),
  filter: Type.Unknown({ description: 'as it was written' }),
  sentence: Type.String({ description: 'the filter in English' }),
  version: Type.Integer({ description: 'grows with each change of the filter' }),
  tracked: Type.Boolean({
    description: 'whether members are stored, and told of when they enter and leave',
  }),
  state: Type.Union([Type.Literal('ready'), Type.Literal('building'), Type.Literal('quarantined')]),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'why it is quarantined' }),
  created_at: Time,
  updated_at: Time,
};
export const SavedSegmentAnswer = Type.Unsafe<SavedSegment>(Type.Object(segmentProperties));
/** A segment as it was saved, with what is probably not meant about its filter. */
export const SavedAnswer = Type.Unsafe<SavedSegment & { warnings: Finding[] }>(
  Type.Object({ ...segmentProperties, warnings: Warnings }),
);
export const SegmentList = Type.Object({ segments: Type.Array(SavedSegmentAnswer) });

const Tracked = Type.Optional(
  Type.Boolean({ description: 'whether its members are stored; true for a new one, else as it was' }),
);
const Name = Type.Optional(Type.String({ description: 'the key when left out' }));
export const SegmentBody = Type.Object(
  { key: Key, name: Name, filter: FilterBody, tracked: Tracked },
  closed,
);
export const SegmentChange = Type.Object(
  {
    key: Type.Optional(Key),
    name: Name,
    filter: FilterBody,
    tracked: Tracked,
    confirm: Type.Optional(
      Type.Boolean({ description: 'needed where series would take many people because of it' }),
    ),
  },
  closed,
);

export const DiffBody = Type.Object(
  {
    filter: FilterBody,
    sample: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: 10 })),
  },
  closed,
);
const Person = Type.Object({ user_id: NullableText, name: NullableText, email: NullableText });
const Moved = Type.Object({ count: Type.Integer(), sample: Type.Array(Person) });
export const DiffAnswer = Type.Unsafe<SegmentDiff>(
  Type.Object({
    key: Type.String(),
    members: Type.Integer({ description: 'how many it would have' }),
    joins: Moved,
    leaves: Moved,
    around: Type.Array(Type.Object({ key: Type.String(), joins: Type.Integer(), leaves: Type.Integer() }), {
      description: 'tracked segments that it stands in and that would change',
    }),
    series: Type.Array(
      Type.Object({
        key: Type.String(),
        segment: Type.String(),
        on: Type.Union([Type.Literal('segment_entered'), Type.Literal('segment_left')]),
        people: Type.Integer({ description: 'whom it would take, its audience asked' }),
      }),
    ),
    messaged: Type.Integer({ description: 'people whom series would take, summed over them' }),
  }),
);

export const MembersQuery = Type.Object(pageQuery, closed);
export const MembersAnswer = Type.Unsafe<Members>(
  Type.Object({
    count: Type.Integer(),
    stored: Type.Boolean({ description: 'whether these are the stored members; otherwise computed now' }),
    members: Type.Array(
      Type.Object({
        user_id: NullableText,
        name: NullableText,
        email: NullableText,
        entered_at: NullableTime,
      }),
    ),
    next: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }),
  }),
);

export const ExportQuery = Type.Object(
  {
    fields: Type.Optional(
      Type.String({
        description: 'fields as filters name them, separated by commas; default all that are stored',
      }),
    ),
  },
  closed,
);
/** A CSV file in UTF-8. */
export const CsvAnswer = Type.Unsafe<Readable>({
  type: 'string',
  description: 'a header, then a line for each person',
});

export const OverrideParams = Type.Object({ key: Type.String(), user_id: Type.String() }, closed);
export const OverrideBody = Type.Object(
  {
    member: Type.Boolean({ description: 'true: they are in it; false: they are kept out of it' }),
    reason: Type.String({ description: 'why, for those who ask later' }),
    until: Type.Optional(
      Type.String({ description: 'when the filter decides again, in ISO 8601; default never' }),
    ),
  },
  closed,
);
export const OverrideAnswer = Type.Object({
  user_id: Type.String(),
  member: Type.Boolean(),
  reason: Type.String(),
  until: NullableTime,
  created_at: Time,
});
export const OverridesAnswer = Type.Object({ overrides: Type.Array(OverrideAnswer) });
export const OverrideRemoved = Type.Object({ removed: Type.Boolean() });
