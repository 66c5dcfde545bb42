import { Type } from '@fastify/type-provider-typebox';
import type { PersonEvaluation } from '../../audience/rules/person.js';
import type { RuleVersion } from '../../audience/rules/store.js';
import type { Target, Targeting } from '../../audience/rules/targeting.js';
import type { RuleSummary, RuleView } from '../../audience/rules/views.js';
import { JsonObject, Now, NullableText, NullableTime, Zone, closed } from '../schemas.js';
import { signature } from './ingest.js';

/** Decision rules, and what a page shows. */

const Outcome = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const Title = Type.String({ description: 'for people who do not read rules' });
const oneOf = (...texts: string[]) => Type.Union(texts.map((text) => Type.Literal(text)));

const summary = {
  key: Type.String(),
  title: Title,
  decides: oneOf('checklist', 'tour', 'tooltip', 'banner', 'slack_mode', 'value'),
  version: Type.Integer(),
  source: oneOf('workspace', 'example'),
  outcomes: Type.Array(Outcome),
  updated_at: NullableTime,
};
export const RuleParams = Type.Object({ key: Type.String() }, closed);
export const RuleBody = JsonObject('a rule: key, title, decides, outcomes, default, rule');
export const RuleList = Type.Object({ rules: Type.Array(Type.Unsafe<RuleSummary>(Type.Object(summary))) });
export const RuleAnswer = Type.Unsafe<RuleView>(
  Type.Object({
    ...summary,
    default: Outcome,
    definition: JsonObject('the document as it was written'),
    lines: Type.Array(
      Type.Object({
        depth: Type.Integer({ description: 'how many `if` stand around it' }),
        condition: NullableText,
        outcome: NullableText,
      }),
      { description: 'the whole rule in words, branch by branch, as it is asked' },
    ),
  }),
);
export const RuleDeleted = Type.Object({ deleted: Type.Literal(true) });
export const RuleVersions = Type.Object({
  versions: Type.Array(
    Type.Unsafe<RuleVersion>(
      Type.Object({
        version: Type.Integer(),
        definition: Type.Union([JsonObject('the document'), Type.Null()], {
          description: 'null where the rule was deleted',
        }),
        created_at: Type.String({ format: 'date-time' }),
      }),
    ),
  ),
});

const language = Type.Optional(
  Type.String({ description: "such as `de-AT`; the call's own Accept-Language when left out" }),
);
const Page = Type.Object(
  { url: Type.String({ description: 'the whole address' }), language: Type.Optional(Type.String()) },
  closed,
);

export const EvaluateBody = Type.Object(
  {
    user_id: Type.Optional(Type.String({ description: 'a stored person' })),
    facts: Type.Optional(
      Type.Unknown({ description: 'a person as they would be stored, in place of user_id' }),
    ),
    page: Type.Optional(Page),
    now: Type.Optional(Now),
    zone: Type.Optional(Zone),
    explain: Type.Optional(Type.Boolean({ default: true, description: 'false: the value alone' })),
  },
  closed,
);

const Progress = Type.Object({
  done: Type.Integer(),
  of: Type.Integer(),
  items: Type.Array(Type.Object({ key: Type.String(), title: Type.String(), done: Type.Boolean() })),
});
type Evaluation = Pick<PersonEvaluation, 'key' | 'version' | 'value'> & Partial<PersonEvaluation>;
export const EvaluateAnswer = Type.Unsafe<Evaluation>(
  Type.Object({
    key: Type.String(),
    version: Type.Integer(),
    value: Outcome,
    sentence: Type.Optional(Type.String()),
    branch: Type.Optional(
      Type.Object({
        path: Type.String({ description: 'JSON Pointer of the value in the document' }),
        is_default: Type.Boolean(),
      }),
    ),
    conditions: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String(),
          sentence: Type.String(),
          verdict: Type.Boolean(),
          clauses: Type.Array(Type.Unknown({ description: 'as of POST /api/audiences/explain' })),
          tree: Type.Unknown(),
        }),
        { description: 'those that were asked, in that order' },
      ),
    ),
    fallbacks: Type.Optional(
      Type.Array(
        Type.Object({
          field: Type.String(),
          missing: Type.String(),
          used: Type.String(),
          sentence: Type.String(),
        }),
      ),
    ),
    progress: Type.Optional(Progress),
  }),
);

export const TargetingBody = Type.Object(
  {
    url: Type.String({ description: 'the whole address of the page' }),
    language,
    user_id: Type.Optional(Type.String({ minLength: 1, description: 'whoever is signed in' })),
    anonymous_id: Type.Optional(Type.String({ minLength: 1, description: 'the visitor' })),
    ...signature,
  },
  closed,
);
const Targets = Type.Array(
  Type.Unsafe<Target>(
    Type.Object({
      key: Type.String(),
      shows: Type.Boolean(),
      variant: Type.Union([Outcome, Type.Null()], { description: 'the outcome that shows' }),
      reason: oneOf(
        'shown',
        'needs_identity',
        'needs_traits',
        'needs_signature',
        'not_targeted',
        'undecided',
      ),
      progress: Type.Optional(Progress),
    }),
  ),
);
export const TargetingAnswer = Type.Unsafe<Targeting>(
  Type.Object({ tooltips: Targets, banners: Targets, checklists: Targets, tours: Targets }),
);
