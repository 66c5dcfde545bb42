import { Type } from '@fastify/type-provider-typebox';
import { sampleLimit } from '../audience/preview.js';
import type { AudienceReport } from '../audience/report.js';
import type { Explanation } from '../filter/explain.js';

/**
 * The shapes of the API. They are the one source of validation, of the handlers' types and of `/openapi.json`.
 * Unknown keys of a body are refused, so that a misspelt key is never silently without effect.
 */
export const closed = { additionalProperties: false } as const;

/** Any JSON object; every key is data, `__proto__` and `constructor` included. */
export const JsonObject = (description: string) =>
  Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description });

export const FilterBody = Type.Unsafe<unknown>({
  description: 'a filter, such as {"==": [{"var": "custom:role"}, "admin"]}',
});
export const Now = Type.String({
  description: 'ISO 8601 instant that stands for now; the clock when left out',
});
export const Zone = Type.String({
  description:
    "zone of calendar units, an IANA name or an offset such as UTC+2; the workspace's when left out",
});

const Path = Type.String({ description: 'JSON Pointer of the condition in the filter' });
const Sentence = Type.String({ description: 'the condition in English' });

export const ErrorAnswer = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    path: Type.String({
      description:
        'JSON Pointer into the body, or the name of a part of the address after a slash; empty for the whole call',
    }),
    hint: Type.String(),
    details: JsonObject('`problems` lists everything that is wrong, each with code, message, path and hint'),
  }),
});

export const NullableText = Type.Union([Type.String(), Type.Null()]);
export const NullableNumber = Type.Union([Type.Number(), Type.Null()]);
export const NullableTime = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);

/** What people and companies both have. */
export const sharedColumns = {
  signed_up_at: NullableTime,
  renewal_status: NullableText,
  renewal_date: NullableTime,
  contract_term: NullableText,
  payment_terms: NullableText,
  on_contract: Type.Union([Type.Boolean(), Type.Null()]),
  custom_fields: JsonObject('every other trait'),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
  first_seen: NullableTime,
  last_seen: NullableTime,
  last_contacted_at: NullableTime,
};

export const User = Type.Object({
  id: Type.String({ format: 'uuid' }),
  user_id: NullableText,
  anonymous_id: NullableText,
  company_id: NullableText,
  name: NullableText,
  email: NullableText,
  ...sharedColumns,
  customer_for: NullableText,
  days_since_signup: Type.Union([Type.Integer(), Type.Null()]),
  profile: Type.String({
    description: "columns and custom fields as lines of text, for an assistant's prompt",
  }),
});

export const CompileBody = Type.Object(
  { filter: FilterBody, now: Type.Optional(Now), zone: Type.Optional(Zone) },
  closed,
);
export const CompileAnswer = Type.Object({
  text: Type.String({ description: 'a condition on end_users, with $1, $2, ... for the values' }),
  values: Type.Array(Type.Unknown()),
  fields: Type.Array(Type.String()),
  indexes: Type.Array(
    Type.Object({
      path: Path,
      name: Type.Optional(Type.String()),
      definition: Type.String(),
      exists: Type.Boolean({ description: 'whether the migrations create it; otherwise it is a suggestion' }),
    }),
  ),
  sentence: Type.String(),
});

export const PreviewBody = Type.Object(
  {
    filter: FilterBody,
    now: Type.Optional(Now),
    zone: Type.Optional(Zone),
    sample: Type.Optional(Type.Integer({ minimum: 0, maximum: sampleLimit, default: 10 })),
  },
  closed,
);
export const ExportBody = Type.Object(
  {
    filter: FilterBody,
    now: Type.Optional(Now),
    zone: Type.Optional(Zone),
    fields: Type.Optional(
      Type.Array(Type.String(), { description: 'fields as filters name them; default all that are stored' }),
    ),
  },
  closed,
);
export const PreviewAnswer = Type.Object({
  count: Type.Integer(),
  exact: Type.Boolean(),
  clauses: Type.Array(Type.Object({ path: Path, sentence: Sentence, count: Type.Integer() })),
  sample: Type.Array(Type.Object({ user_id: NullableText, name: NullableText, email: NullableText })),
  took_ms: Type.Number(),
});

export const ExplainBody = Type.Object(
  { filter: FilterBody, user_id: Type.String(), now: Type.Optional(Now), zone: Type.Optional(Zone) },
  closed,
);
export const ExplainAnswer = Type.Unsafe<Explanation>(
  Type.Object({
    matched: Type.Boolean(),
    sentence: Type.String(),
    changes_at: NullableText,
    clauses: Type.Array(
      Type.Object({
        path: Path,
        sentence: Sentence,
        negated: Type.Boolean({ description: 'whether the condition stands under an odd number of `!`' }),
        verdict: Type.Boolean({ description: 'of the condition alone, before any `!` above it' }),
        reason: Type.String(),
        seen: Type.Unknown(),
        wanted: Type.Unknown(),
        changes_at: NullableText,
        segment: Type.Optional(
          JsonObject("of a segment: the explanation of its own filter, in this answer's shape"),
        ),
      }),
    ),
    tree: Type.Unknown({ description: 'how the verdicts combine, as a tree over the clauses' }),
  }),
);

/** What is probably not meant about a document. */
export const Warnings = Type.Array(
  Type.Object({
    code: Type.String(),
    severity: Type.Union([Type.Literal('error'), Type.Literal('warning')]),
    path: Type.String({ description: 'JSON Pointer in the document' }),
    message: Type.String(),
    hint: Type.String(),
  }),
);

export const ReportBody = Type.Object(
  { filter: FilterBody, now: Type.Optional(Now), zone: Type.Optional(Zone) },
  closed,
);
const People = (description: string) => Type.Integer({ description });
export const ReportAnswer = Type.Unsafe<AudienceReport>(
  Type.Object({
    total: People('everybody in the workspace'),
    matched: Type.Integer(),
    emptied_by: Type.Union([Type.String(), Type.Null()], {
      description: 'JSON Pointer of the first clause after which nobody is left',
    }),
    funnel: Type.Array(
      Type.Object({
        path: Path,
        kind: Type.String(),
        sentence: Sentence,
        depth: Type.Integer({ description: 'how many clauses it stands inside of' }),
        negated: Type.Boolean({ description: 'whether the filter takes those who fail it' }),
        passed_alone: People('before any `!` above it'),
        passed_so_far: People('left once it and all before it were asked'),
        failed: Type.Object({
          missing: Type.Integer(),
          type_mismatch: Type.Integer(),
          case_mismatch: Type.Integer(),
          unparsable_time: Type.Integer(),
          outside_window: Type.Integer(),
          different: Type.Integer(),
        }),
      }),
    ),
    values: Type.Array(
      Type.Object({
        field: Type.String(),
        values: Type.Array(Type.Object({ value: Type.Unknown(), people: Type.Integer() })),
        exact: Type.Boolean({ description: 'whether everybody was looked at, or 10,000 people' }),
      }),
    ),
    suggestions: Type.Array(
      Type.Object({
        path: Type.String(),
        code: Type.String(),
        text: Type.String(),
        people: People('whom it is about'),
        gain: Type.Union([Type.Integer(), Type.Null()], { description: 'how many more would match' }),
        exact: Type.Boolean({ description: 'otherwise `gain` is the most it could be' }),
        change: Type.Union(
          [
            Type.Object({ kind: Type.Literal('replace'), clause: JsonObject('what to write at `path`') }),
            Type.Object({
              kind: Type.Literal('send'),
              values: JsonObject('values by the `var` of their field'),
            }),
            Type.Null(),
          ],
          { description: 'what to do, for a program' },
        ),
      }),
    ),
    warnings: Warnings,
    took_ms: Type.Number(),
  }),
);

export const UserParams = Type.Object({ user_id: Type.String() }, closed);

export const SeriesParams = Type.Object({ key: Type.String() }, closed);
export const SeriesBody = JsonObject('a series: key, name, trigger, audience, entry and steps');

export const Health = Type.Object({ ok: Type.Boolean() });
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Record(Type.String(), Type.String()),
});
