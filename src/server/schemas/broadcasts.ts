import { Type } from '@fastify/type-provider-typebox';
import { sampleLimit } from '../../audience/preview.js';
import type {
  BroadcastExplanation,
  Breakdown,
  BroadcastReportNow,
  Launched,
  PreviewOfBroadcast,
  Recipient,
  SavedBroadcast,
  TestSent,
} from '../../automation/index.js';
import type { Finding } from '../../filter/lint.js';
import {
  ExplainAnswer,
  JsonObject,
  NullableText,
  NullableTime,
  ReportAnswer,
  closed,
  Warnings,
} from '../schemas.js';
import { nextPage, pageQuery } from './series.js';

const Time = Type.String({ format: 'date-time' });
const oneOf = (...texts: string[]) => Type.Union(texts.map((text) => Type.Literal(text)));
const Run = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'the name of a launch; the latest when left out',
  }),
);

export const BroadcastParams = Type.Object({ key: Type.String() }, closed);
export const BroadcastUserParams = Type.Object({ key: Type.String(), user_id: Type.String() }, closed);
export const BroadcastBody = JsonObject(
  'a broadcast: key, name, audience, channel, message or variants, schedule; see docs/broadcast.schema.json',
);

const broadcastProperties = {
  key: Type.String(),
  name: Type.String(),
  state: oneOf('draft', 'scheduled', 'sending', 'paused', 'cancelled', 'completed', 'archived'),
  definition: JsonObject('the document as it was written'),
  run: NullableText,
  launched_at: NullableTime,
  created_at: Time,
  updated_at: Time,
};
export const Broadcast = Type.Unsafe<SavedBroadcast>(Type.Object(broadcastProperties));
/** A broadcast as it was saved, with what is probably not meant about its audience. */
export const SavedAnswer = Type.Unsafe<SavedBroadcast & { warnings: Finding[] }>(
  Type.Object({ ...broadcastProperties, warnings: Warnings }),
);
export const BroadcastList = Type.Object({ broadcasts: Type.Array(Broadcast) });
export const DeleteBroadcastQuery = Type.Object(
  {
    force: Type.Optional(
      Type.Boolean({ description: 'cancel what is under way; who was not sent to stays so' }),
    ),
  },
  closed,
);

const Count = Type.Integer();
const breakdown = {
  matched: Type.Integer({
    description: 'will_send + deferred + suppressed + unreachable + capped + passed + duplicate',
  }),
  to_send: Type.Integer({ description: 'will_send + deferred: how many messages there will be' }),
  will_send: Type.Integer({ description: 'sent to at the time of the broadcast' }),
  deferred: Type.Integer({ description: 'sent to when their quiet hours are over' }),
  suppressed: Type.Integer({ description: 'may not be sent to: suppressed or unsubscribed' }),
  unreachable: Type.Integer({ description: 'the channel has nowhere to reach them' }),
  capped: Type.Integer({ description: 'were sent as many messages as a frequency cap allows' }),
  passed: Type.Integer({ description: 'their hour is over, and the schedule says to skip them' }),
  duplicate: Type.Integer({ description: 'have the address of somebody who is sent to; only with `dedupe`' }),
  variants: Type.Array(Type.Object({ key: Type.String(), percent: Type.Number(), to_send: Count })),
  variables: Type.Array(
    Type.Object({
      field: Type.String(),
      without: Type.Integer({ description: 'how many of those to be sent to have no value for it' }),
    }),
  ),
  unknown_zone: Type.Integer({
    description: "sent to by the workspace's zone, because their own is unknown",
  }),
  late: Type.Integer({ description: "for whom the hour is over; the schedule's `passed` decides" }),
  first_due_at: NullableText,
  last_due_at: NullableText,
};
const BreakdownAnswer = Type.Unsafe<Breakdown>(Type.Object(breakdown));

export const PreviewBroadcastBody = Type.Object(
  {
    sample: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: sampleLimit,
        default: 5,
        description: 'people shown of each verdict',
      }),
    ),
  },
  closed,
);
const Sample = Type.Array(Type.Object({ user_id: NullableText, name: NullableText, email: NullableText }));
export const PreviewBroadcastAnswer = Type.Unsafe<PreviewOfBroadcast>(
  Type.Object({
    key: Type.String(),
    ...breakdown,
    shared_addresses: Type.Union(
      [Type.Object({ addresses: Type.Integer(), people: Type.Integer() }), Type.Null()],
      {
        description:
          'of those to be sent to: who has an address that another has too; null where the channel goes by the person',
      },
    ),
    samples: Type.Object({
      will_send: Sample,
      deferred: Sample,
      suppressed: Sample,
      unreachable: Sample,
      capped: Sample,
      passed: Sample,
      duplicate: Sample,
    }),
    as_of: Time,
    took_ms: Type.Number(),
  }),
);

export const LaunchBody = Type.Object(
  {
    run: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description:
          'names a launch of a broadcast that is launched many times; asking again with the same name launches nothing',
      }),
    ),
  },
  closed,
);
export const LaunchedAnswer = Type.Unsafe<Launched>(
  Type.Object({
    key: Type.String(),
    run: Type.String(),
    again: Type.Boolean({ description: 'whether an earlier call with the same run made this launch' }),
    launched_at: Time,
    breakdown: BreakdownAnswer,
  }),
);
export const TestBody = Type.Object(
  {
    user_id: Type.String({ minLength: 1, maxLength: 1024 }),
    variant: Type.Optional(
      Type.String({ maxLength: 63, description: 'the one that the person would get when left out' }),
    ),
  },
  closed,
);
export const TestAnswer = Type.Unsafe<TestSent>(
  Type.Object({
    key: Type.String(),
    run: Type.String({ description: 'a run of its own: its report tells what became of it' }),
    user_id: Type.String(),
    delivery: Type.String(),
    without: Type.Array(Type.String(), {
      description: 'merge tags without a fallback that this person has no value for',
    }),
  }),
);
export const RunQuery = Type.Object({ run: Run }, closed);

const progress = {
  recipients: Type.Integer({ description: 'sent + pending + skipped + failed + unknown' }),
  sent: Count,
  pending: Count,
  skipped: Count,
  failed: Count,
  unknown: Count,
};
const RunState = oneOf('running', 'paused', 'cancelled', 'completed');
export const BroadcastReportQuery = Type.Object(
  {
    run: Run,
    audience: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'false leaves out the report of the audience, which goes through everybody',
      }),
    ),
  },
  closed,
);
export const BroadcastReportAnswer = Type.Unsafe<BroadcastReportNow>(
  Type.Object({
    key: Type.String(),
    name: Type.String(),
    run: Type.Union([Type.String(), Type.Null()], { description: 'null before the first launch' }),
    runs: Type.Array(Type.Object({ run: Type.String(), state: RunState, launched_at: Time })),
    state: Type.String({ description: 'of the run; before the first launch, of the broadcast' }),
    reason: NullableText,
    detail: NullableText,
    launched_at: NullableTime,
    finished_at: NullableTime,
    breakdown: Type.Union([BreakdownAnswer, Type.Null()]),
    progress: Type.Union([Type.Object(progress), Type.Null()]),
    skipped: Type.Record(Type.String(), Count),
    failures: Type.Array(Type.Object({ error: Type.String(), count: Count })),
    variants: Type.Array(Type.Object({ key: Type.String(), percent: Type.Number(), ...progress })),
    unknown: Type.Array(
      Type.Object({ user_id: NullableText, delivery: Type.String(), reason: Type.String() }),
    ),
    first_sent_at: NullableTime,
    last_sent_at: NullableTime,
    audience: Type.Union([ReportAnswer, Type.Null()], {
      description:
        'why the audience is as large as it is now, whomever a launch took; null where it was not asked for',
    }),
    audience_as_of: NullableTime,
  }),
);

export const RecipientsQuery = Type.Object(
  {
    run: Run,
    state: Type.Optional(
      Type.Union([
        Type.Literal('pending'),
        Type.Literal('sending'),
        Type.Literal('sent'),
        Type.Literal('skipped'),
        Type.Literal('failed'),
        Type.Literal('unknown'),
      ]),
    ),
    verdict: Type.Optional(
      Type.Union([
        Type.Literal('will_send'),
        Type.Literal('deferred'),
        Type.Literal('suppressed'),
        Type.Literal('unreachable'),
        Type.Literal('capped'),
        Type.Literal('passed'),
      ]),
    ),
    variant: Type.Optional(Type.String({ maxLength: 63 })),
    ...pageQuery,
  },
  closed,
);
const RecipientAnswer = Type.Unsafe<Recipient>(
  Type.Object({
    user_id: NullableText,
    anonymous_id: NullableText,
    verdict: Type.String(),
    variant: Type.String(),
    state: Type.String(),
    reason: NullableText,
    due_at: NullableTime,
    attempts: Type.Integer(),
    retry_at: NullableTime,
    sent_at: NullableTime,
    delivery: Type.String(),
  }),
);
export const Recipients = Type.Object({ recipients: Type.Array(RecipientAnswer), ...nextPage });

export const BroadcastExplained = Type.Unsafe<BroadcastExplanation>(
  Type.Object({
    broadcast: Type.String(),
    user_id: Type.String(),
    state: Type.String(),
    status: Type.String({ description: '`sent`, `waiting`, `not_sent`, `unknown` or `not_launched`' }),
    reason: Type.Union([Type.String(), Type.Null()], { description: 'why not, or what it waits for' }),
    run: Type.Union([
      Type.Object({
        run: Type.String(),
        state: Type.String(),
        launched_at: Type.String({ format: 'date-time' }),
      }),
      Type.Null(),
    ]),
    recipient: Type.Union([RecipientAnswer, Type.Null()], { description: 'what the launch made of them' }),
    next: Type.Union(
      [
        Type.Object({
          verdict: Type.String(),
          variant: NullableText,
          due_at: NullableTime,
          instead: Type.Union([Type.String(), Type.Null()], {
            description: 'of a duplicate: who has the same address and is sent to',
          }),
        }),
        Type.Null(),
      ],
      { description: 'what a launch now would make of them' },
    ),
    unreachable: NullableText,
    opt_outs: Type.Array(
      Type.Object({
        list: Type.String(),
        by: Type.String(),
        topic: NullableText,
        reason: Type.String(),
        source: Type.String(),
        at: Type.String({ format: 'date-time' }),
      }),
    ),
    caps: Type.Array(Type.String()),
    audience: ExplainAnswer,
  }),
);
