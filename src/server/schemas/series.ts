import { Type } from '@fastify/type-provider-typebox';
import type {
  EnrolledByHand,
  ListedEnrollment,
  SavedSeries,
  SeriesVersion,
  Story,
} from '../../automation/index.js';
import type { Finding } from '../../filter/lint.js';
import { JsonObject, NullableText, NullableTime, Warnings, closed } from '../schemas.js';

const Time = Type.String({ format: 'date-time' });
const Definition = JsonObject('the document as it was written');
const oneOf = (...texts: string[]) => Type.Union(texts.map((text) => Type.Literal(text)));

const seriesProperties = {
  key: Type.String(),
  name: Type.String(),
  state: oneOf('active', 'paused', 'archived'),
  version: Type.Integer({ description: 'people inside keep the version they entered' }),
  definition: Definition,
  created_at: Time,
  updated_at: Time,
};
export const Series = Type.Unsafe<SavedSeries>(Type.Object(seriesProperties));
/** A series as it was saved, with what is probably not meant about it. */
export const SavedAnswer = Type.Unsafe<SavedSeries & { warnings: Finding[] }>(
  Type.Object({ ...seriesProperties, warnings: Warnings }),
);
export const SeriesList = Type.Object({ series: Type.Array(Series) });
export const SeriesVersions = Type.Object({
  versions: Type.Array(
    Type.Unsafe<SeriesVersion>(
      Type.Object({
        version: Type.Integer(),
        created_at: Time,
        inside: Type.Integer({ description: 'people inside on this version' }),
        definition: Definition,
      }),
    ),
  ),
});
export const DeleteQuery = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: 'archive it although people are inside' })) },
  closed,
);

export const PersonBody = Type.Object({ user_id: Type.String({ minLength: 1, maxLength: 1024 }) }, closed);
export const Enrolled = Type.Unsafe<EnrolledByHand>(
  Type.Union([
    Type.Object({
      entered: Type.Literal(true),
      state: oneOf('inside', 'held_out', 'over'),
      enrollment: Type.String(),
    }),
    Type.Object({
      entered: Type.Literal(false),
      reason: oneOf(
        'trigger',
        'audience',
        'suppressed',
        'inside',
        'entered_before',
        'too_soon',
        'paused',
        'too_late',
      ),
    }),
  ]),
);
export const Removed = Type.Object({ removed: Type.Integer({ description: 'entries that ended' }) });
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
export const MoveBody = Type.Object(
  {
    from: Type.Optional(Version),
    to: Type.Optional(Type.Integer({ ...Version, description: 'the current version when left out' })),
  },
  closed,
);
export const MovedAnswer = Type.Object({
  version: Type.Integer(),
  moved: Type.Integer(),
  left: Type.Integer({ description: 'held by workers all the time; asking again moves them' }),
});

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  // Longer than any `next`, which may be a name: of an event, 200 characters.
  after: Type.Optional(Type.String({ maxLength: 2000, description: '`next` of the page before' })),
};
const next = { next: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }) };

export const EnrollmentsQuery = Type.Object(
  {
    state: Type.Optional(
      Type.Union([
        Type.Literal('active'),
        Type.Literal('completed'),
        Type.Literal('exited'),
        Type.Literal('held_out'),
      ]),
    ),
    ...page,
  },
  closed,
);
export const Enrollments = Type.Object({
  enrollments: Type.Array(
    Type.Unsafe<ListedEnrollment>(
      Type.Object({
        enrollment: Type.String(),
        user_id: NullableText,
        anonymous_id: NullableText,
        state: oneOf('active', 'completed', 'exited', 'held_out'),
        reason: NullableText,
        version: Type.Integer(),
        entry: Type.Integer({ description: "which of the person's entries it is" }),
        step: NullableText,
        since: NullableTime,
        due_at: NullableTime,
        entered_at: Time,
        finished_at: NullableTime,
      }),
    ),
  ),
  ...next,
});
export const StoryParams = Type.Object({ key: Type.String(), user_id: Type.String() }, closed);
export const StoryAnswer = Type.Unsafe<Story>(
  Type.Object({
    user_id: Type.String(),
    series: Type.String(),
    last_contacted_at: NullableTime,
    suppressed: Type.Boolean({ description: 'whether nothing may be sent to them now' }),
    entries: Type.Array(
      Type.Object({
        enrollment: Type.String(),
        version: Type.Integer(),
        happening: Type.Object({ kind: Type.String(), name: NullableText, at: Time }),
        entered_at: Time,
        state: oneOf('active', 'completed', 'exited', 'held_out'),
        reason: NullableText,
        finished_at: NullableTime,
        next: Type.Union([
          Type.Null(),
          Type.Object({
            step: Type.String(),
            visit: Type.Integer(),
            since: Time,
            state: oneOf('pending', 'enqueued', 'claimed', 'unknown', 'held'),
            due_at: Time,
            listening: Type.Boolean(),
            attempts: Type.Integer(),
            error: NullableText,
          }),
        ]),
        trail: Type.Array(
          Type.Object({
            step: Type.String(),
            visit: Type.Integer(),
            what: Type.String(),
            detail: NullableText,
            at: Time,
          }),
        ),
        deliveries: Type.Array(
          Type.Object({
            delivery: Type.String(),
            step: Type.String(),
            visit: Type.Integer(),
            kind: oneOf('send', 'webhook'),
            channel: Type.String(),
            state: oneOf('sending', 'delivered', 'failed', 'unknown'),
            attempts: Type.Integer(),
            error: NullableText,
            created_at: Time,
            delivered_at: NullableTime,
            feedback: Type.Union([oneOf('hard_bounce', 'soft_bounce', 'complaint'), Type.Null()]),
            feedback_count: Type.Integer({ description: 'bounces and complaints about it' }),
          }),
        ),
      }),
    ),
    refusals: Type.Array(
      Type.Object({ happening: Type.String(), reason: Type.String(), version: Type.Integer(), at: Time }),
    ),
  }),
);

export { next as nextPage, page as pageQuery };
