import { Type } from '@fastify/type-provider-typebox';
import type { PeoplePage } from '../../audience/find-people.js';
import type { Preferences } from '../../automation/index.js';
import { NullableText, NullableTime, User, closed } from '../schemas.js';
import { timelineKinds } from '../../traits/statements/timeline-page.js';
import type { TimelinePage } from '../../traits/timeline.js';
import { ItemProblem } from './ingest.js';
import { nextPage, pageQuery } from './series.js';

/** Finding people, suppression lists and context entries. */

export const PeopleQuery = Type.Object(
  {
    search: Type.Optional(
      Type.String({
        description: 'a whole id or e-mail address, or words of the id, the address or the name',
      }),
    ),
    filter: Type.Optional(Type.String({ description: 'an audience filter as JSON; only who matches' })),
    ...pageQuery,
  },
  closed,
);
export const PeopleAnswer = Type.Unsafe<PeoplePage>(
  Type.Object({
    users: Type.Array(
      Type.Object({
        id: Type.String({ format: 'uuid' }),
        user_id: NullableText,
        anonymous_id: NullableText,
        name: NullableText,
        email: NullableText,
        company_id: NullableText,
        signed_up_at: NullableTime,
        created_at: Type.String({ format: 'date-time' }),
        last_seen: NullableTime,
      }),
    ),
    next: nextPage,
  }),
);

export const TimelineQuery = Type.Object(pageQuery, closed);
export const TimelineAnswer = Type.Unsafe<TimelinePage>(
  Type.Object({
    timeline: Type.Array(
      Type.Object({
        at: Type.String({ format: 'date-time' }),
        kind: Type.Union(timelineKinds.map((kind) => Type.Literal(kind))),
        data: Type.Unknown({ description: 'what it was, by its kind' }),
      }),
      { description: 'the newest first' },
    ),
    next: nextPage,
  }),
);

const Address = {
  user_id: Type.Optional(Type.String({ minLength: 1 })),
  email: Type.Optional(Type.String({ minLength: 1 })),
};
const Why = {
  reason: Type.Optional(Type.String({ minLength: 1, description: 'such as hard_bounce' })),
  source: Type.Optional(Type.String({ minLength: 1, description: 'who says so' })),
};
const Topic = Type.Optional(Type.String({ minLength: 1, description: 'all topics when left out' }));

export const SuppressBody = Type.Object({ ...Address, ...Why }, closed);
export const UnsuppressBody = Type.Object(Address, closed);
export const UnsubscribeBody = Type.Object({ ...Address, ...Why, topic: Topic }, closed);
export const ResubscribeBody = Type.Object({ ...Address, topic: Topic }, closed);
export const ChangedAnswer = Type.Object({ changed: Type.Boolean() });

export const OptOutsBody = Type.Object(
  {
    entries: Type.Array(Type.Unknown(), {
      minItems: 1,
      description:
        '{ "user_id"?, "email"?, "reason"?, "source"? } each, of unsubscribes with "topic"?; one that is refused does not stop the others',
    }),
  },
  closed,
);
export const OptOutsAnswer = Type.Object({
  added: Type.Integer(),
  present: Type.Integer({ description: 'who were on the list already' }),
  rejected: Type.Integer(),
  results: Type.Array(
    Type.Object({
      status: Type.Union([Type.Literal('added'), Type.Literal('present'), Type.Literal('rejected')]),
      error: Type.Optional(ItemProblem),
    }),
    { description: 'in the order of the entries' },
  ),
});

export const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
    after: Type.Optional(Type.String({ description: 'the `next` of the page before' })),
  },
  closed,
);
const entry = {
  kind: Type.Union([Type.Literal('user_id'), Type.Literal('email')]),
  identifier: Type.Union([Type.String(), Type.Null()], { description: 'null once the person was erased' }),
  reason: Type.String(),
  source: Type.String(),
  at: Type.String({ format: 'date-time' }),
};
export const SuppressedAnswer = Type.Object({
  entries: Type.Array(Type.Object(entry)),
  next: NullableText,
});
export const UnsubscribedAnswer = Type.Object({
  entries: Type.Array(Type.Object({ ...entry, topic: NullableText })),
  next: NullableText,
});

export const EntryParams = Type.Object({ user_id: Type.String(), key: Type.String() }, closed);
export const EntryBody = Type.Object(
  { value: Type.Unknown({ description: 'any JSON, bounded in size' }) },
  closed,
);
export const Entry = Type.Object({
  key: Type.String(),
  value: Type.Unknown(),
  updated_at: Type.String({ format: 'date-time' }),
});
export const UserWithContext = Type.Object({
  ...User.properties,
  context: Type.Array(Entry, {
    description: 'structured entries beside the profile, in the order of their keys',
  }),
});
export const EntriesAnswer = Type.Object({ entries: Type.Array(Entry) });
export const EntryDeleted = Type.Object({ deleted: Type.Boolean() });

export const PreferencesAnswer = Type.Unsafe<Preferences>(
  Type.Object({
    subscribed: Type.Boolean({ description: 'whether they want to hear of anything at all' }),
    suppressed: Type.Boolean({
      description: 'whether the workspace sends them nothing, whatever they choose',
    }),
    topics: Type.Array(Type.Object({ topic: Type.String(), subscribed: Type.Boolean() })),
  }),
);
export const PreferencesBody = Type.Object(
  {
    subscribed: Type.Optional(Type.Boolean()),
    topics: Type.Optional(
      Type.Unsafe<Record<string, boolean>>({
        type: 'object',
        additionalProperties: { type: 'boolean' },
        description: 'whether they want to hear of each; topics that are left out stay as they are',
      }),
    ),
  },
  closed,
);
