import { Type } from '@fastify/type-provider-typebox';
import type { SeriesDiff } from '../../automation/index.js';
import { NullableText, NullableTime, closed } from '../schemas.js';

export const SeriesDiffQuery = Type.Object(
  {
    sample: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, default: 10, description: 'people to show of each' }),
    ),
  },
  closed,
);

const moved = {
  count: Type.Integer(),
  sample: Type.Array(Type.Object({ user_id: NullableText, name: NullableText, email: NullableText })),
};
const Moved = Type.Object(moved);

export const SeriesDiffAnswer = Type.Unsafe<SeriesDiff>(
  Type.Object({
    key: Type.String(),
    state: Type.Union([Type.Literal('active'), Type.Literal('paused'), Type.Null()], {
      description: 'as it is; null where there is none yet',
    }),
    version: Type.Integer({ description: 'that it would have' }),
    trigger: Type.String({ description: 'that it would have' }),
    would_message: Type.Union([Type.Integer(), Type.Null()], {
      description: 'of those who would enter, who are neither held out nor leave at once',
    }),
    would_enter: Type.Union(
      [
        Type.Object({
          ...moved,
          held_out: Type.Integer(),
          over_at_once: Type.Integer({ description: 'who match goal or exit already' }),
        }),
        Type.Null(),
      ],
      { description: 'whom a run would let in if it came about now; null for a date trigger' },
    ),
    next_run: NullableTime,
    taken_up: Type.Integer({ description: 'people whose trigger failed before, and is looked at again' }),
    audience: Type.Object({ before: Type.Integer(), after: Type.Integer() }),
    joins: Moved,
    leaves: Moved,
    inside: Type.Integer({ description: 'people who keep the version that they entered' }),
    if_moved: Type.Object(
      {
        goal: Moved,
        exit: Moved,
        steps_gone: Type.Array(Type.Object({ step: Type.String(), count: Type.Integer() })),
      },
      { description: 'what would become of those inside if they were moved to it' },
    ),
  }),
);
