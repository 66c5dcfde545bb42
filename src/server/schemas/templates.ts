import { Type } from '@fastify/type-provider-typebox';
import type { TemplateCheck, TemplatePreview } from '../../automation/index.js';
import { NullableText, closed } from '../schemas.js';

const Template = Type.Unsafe<unknown>({
  description: 'a message as in a step, such as {"title": "Hi", "text": "Hello {{ name|there }}"}',
});
const Now = Type.String({ description: 'ISO 8601 instant that stands for now; the clock when left out' });
const Channel = Type.String({ description: 'a channel, such as `email`' });
const Problems = Type.Array(
  Type.Object({ code: Type.String(), message: Type.String(), path: Type.String(), hint: Type.String() }),
);

export const TemplateCheckBody = Type.Object(
  {
    template: Template,
    channel: Type.Optional(Channel),
    filter: Type.Optional(Type.Unsafe<unknown>({ description: 'the audience; everybody when left out' })),
    now: Type.Optional(Now),
    zone: Type.Optional(Type.String({ description: "IANA zone; the workspace's when left out" })),
  },
  closed,
);
export const TemplateCheckAnswer = Type.Unsafe<TemplateCheck>(
  Type.Object({
    audience: Type.Integer(),
    tags: Type.Array(
      Type.Object({
        tag: Type.String(),
        field: NullableText,
        in: Type.Array(Type.String()),
        fallback: Type.Boolean({ description: 'whether it has one everywhere' }),
        missing: Type.Integer({ description: 'people of the audience who lack the value' }),
        percent: Type.Number(),
      }),
    ),
    refusals: Problems,
    warnings: Problems,
  }),
);

export const TemplatePreviewBody = Type.Object(
  {
    template: Template,
    channel: Channel,
    user_id: Type.String({ minLength: 1 }),
    now: Type.Optional(Now),
  },
  closed,
);
export const TemplatePreviewAnswer = Type.Unsafe<TemplatePreview>(
  Type.Object({
    title: NullableText,
    text: Type.String(),
    html: Type.Optional(Type.String()),
    to: NullableText,
    unreachable: NullableText,
    blank: Type.Array(Type.String(), { description: 'tags that render nothing for this person' }),
  }),
);
