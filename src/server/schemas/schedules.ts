import { Type } from '@fastify/type-provider-typebox';
import type { ListedSchedule, SilentSeries } from '../../automation/index.js';
import { JsonObject, NullableText, NullableTime, closed } from '../schemas.js';

const Time = Type.String({ format: 'date-time' });
const oneOf = (...texts: string[]) => Type.Union(texts.map((text) => Type.Literal(text)));

export const SchedulesQuery = Type.Object(
  {
    runs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 5,
        description: 'of each schedule: coming, made and skipped runs',
      }),
    ),
  },
  closed,
);

export const Schedules = Type.Object({
  schedules: Type.Array(
    Type.Unsafe<ListedSchedule>(
      Type.Object({
        kind: Type.String({ description: 'what it starts: `series`, `broadcast`' }),
        key: Type.String(),
        state: oneOf('active', 'paused'),
        plan: JsonObject('as it was written'),
        fault: { ...NullableText, description: 'why nothing comes about any more' },
        next_runs: Type.Array(Time, { description: 'none of a date, which has one for each person' }),
        next_at: { ...NullableTime, description: 'when it is looked at next' },
        runs: Type.Array(
          Type.Object({
            scheduled_for: Time,
            state: oneOf('running', 'done', 'stopped', 'failed'),
            reason: {
              ...NullableText,
              description: '`paused`, `archived`, `changed`, or the code of a launch that was refused',
            },
            people: Type.Object({
              entered: Type.Integer(),
              held_out: Type.Integer(),
              turned_away: Type.Record(Type.String(), Type.Integer(), { description: 'by reason' }),
              put_aside: Type.Integer({ description: 'with whom it failed; they are tried again' }),
            }),
            launched: Type.Union(
              [Type.Object({ matched: Type.Integer(), to_send: Type.Integer() }), Type.Null()],
              { description: 'of a broadcast' },
            ),
            started_at: Time,
            finished_at: NullableTime,
            last_error: NullableText,
            retry_at: NullableTime,
          }),
          { description: 'the last ones first' },
        ),
        skipped: Type.Array(
          Type.Object({
            first_for: Time,
            last_for: Time,
            runs: Type.Integer({ description: 'how many followed each other' }),
            reason: oneOf('paused', 'superseded', 'too_late', 'missed'),
            decided_at: Time,
          }),
          { description: 'runs that came about and were not made' },
        ),
      }),
    ),
  ),
  silent_series: Type.Array(
    Type.Unsafe<SilentSeries>(
      Type.Object({ key: Type.String(), since: { ...Time, description: 'the latest entry' } }),
    ),
    {
      description: 'active series, of any trigger, that let nobody in for longer than their history explains',
    },
  ),
});
