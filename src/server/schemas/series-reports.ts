import { Type } from '@fastify/type-provider-typebox';
import type { SeriesExplanation, SeriesReport } from '../../automation/index.js';
import { ExplainAnswer, NullableText, NullableTime, ReportAnswer, closed } from '../schemas.js';
import { StoryAnswer } from './series.js';

const Time = Type.String({ format: 'date-time' });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

export const SeriesReportQuery = Type.Object(
  {
    now: Type.Optional(Type.String({ description: 'ISO 8601 instant that the audience is asked about' })),
    zone: Type.Optional(Type.String({ description: "IANA zone; the workspace's when left out" })),
  },
  closed,
);
export const SeriesReportAnswer = Type.Unsafe<SeriesReport>(
  Type.Object({
    series: Type.String(),
    version: Type.Integer(),
    state: Type.String(),
    trigger: Type.String(),
    active_since: Time,
    audience: orNull(ReportAnswer),
    silence: orNull(
      Type.Object(
        {
          since: Type.String({ format: 'date-time', description: 'the latest entry' }),
          longest_gap_seconds: Type.Number({ description: 'the longest that it was without one before' }),
          active_hours: Type.Integer({ description: 'hours with an entry that this was read from' }),
        },
        { description: 'set where it lets nobody in for longer than its own history explains' },
      ),
    ),
    dates: orNull(
      Type.Object(
        {
          field: Type.String(),
          people: Type.Integer({ description: 'missing + unreadable + past + to_come' }),
          missing: Type.Integer(),
          unreadable: Type.Integer({ description: 'a value that is no ISO 8601 time' }),
          past: Type.Integer(),
          to_come: Type.Integer(),
          unreadable_examples: Type.Array(Type.String()),
          next: Type.Array(Type.Object({ at: Time, people: Type.Integer() })),
        },
        { description: 'where the dates of its audience stand; null for another trigger than a date' },
      ),
    ),
    people: Type.Array(
      Type.Object({
        why: Type.String({ description: 'where they stand, or why they never entered' }),
        people: Type.Integer({ description: 'of those in the audience now' }),
        text: Type.String(),
      }),
    ),
    turned_away: Type.Array(Type.Object({ reason: Type.String(), people: Type.Integer(), last_at: Time })),
    steps: Type.Array(
      Type.Object({
        step: Type.String(),
        type: NullableText,
        here: Type.Integer(),
        happened: Type.Record(Type.String(), Type.Integer()),
      }),
    ),
  }),
);

export const SeriesExplanationQuery = Type.Object(
  { at: Type.Optional(Type.String({ description: 'ISO 8601 instant up to which decisions count' })) },
  closed,
);
export const SeriesExplanationAnswer = Type.Unsafe<SeriesExplanation>(
  Type.Object({
    user_id: Type.String(),
    series: Type.String(),
    at: Time,
    decided: orNull(
      Type.Object({
        decision: Type.String(),
        reason: NullableText,
        version: Type.Integer(),
        happening: Type.Object({ kind: Type.String(), name: NullableText, at: NullableTime }),
        decided_at: Time,
        clauses: Type.Array(
          Type.Object({
            path: Type.String({ description: 'JSON Pointer in the definition of that version' }),
            sentence: NullableText,
            reason: Type.String(),
            seen: Type.Unknown(),
          }),
        ),
      }),
    ),
    now: Type.Object({
      version: Type.Integer(),
      decision: Type.String({ description: '`will_enter` where the trigger is still to come' }),
      reason: NullableText,
      trigger: Type.Object({
        type: Type.String(),
        state: Type.String({
          description: 'any_time, to_come, over, or of a date: missing, unreadable, past, to_come',
        }),
        field: NullableText,
        seen: Type.Unknown(),
        at: NullableTime,
      }),
      audience: orNull(ExplainAnswer),
    }),
    story: StoryAnswer,
  }),
);
