import { Type } from '@fastify/type-provider-typebox';
import type { EmailView, SlackWebhook } from '../../automation/index.js';
import { NullableText, closed } from '../schemas.js';

const OnLost = Type.Union([Type.Literal('retry_same_key'), Type.Literal('park')], {
  description:
    'when the answer to a message was lost: send it again with the same Message-ID, or leave it `unknown` for somebody to decide',
});
const orNull = (description: string) =>
  Type.Optional(Type.Union([Type.String({ description }), Type.Null()]));

export const EmailBody = Type.Object(
  {
    smtp_url: orNull('smtps://user:password@host, or smtp://host:587 for STARTTLS; never shown again'),
    from: orNull('a name and an address, as in Example <hello@example.com>; goes with `smtp_url`'),
    reply_to: orNull('a name and an address, or an address'),
    footer: orNull('plain text beneath every message, such as the postal address'),
    public_url: orNull('where people reach this Muster, for the links in messages'),
    on_lost_confirmation: Type.Optional(Type.Union([OnLost, Type.Null()])),
  },
  { ...closed, description: 'what is left out stays as it is; null takes it away' },
);

export const Email = Type.Unsafe<EmailView>(
  Type.Object({
    ready: Type.Boolean({ description: 'whether messages can be sent' }),
    missing: Type.Array(Type.String(), { description: 'what keeps them from being sent' }),
    server: Type.Union([
      Type.Null(),
      Type.Object({ of: Type.Literal('installation') }),
      Type.Object({
        of: Type.Literal('workspace'),
        host: Type.String(),
        port: Type.Integer(),
        tls: Type.Union([Type.Literal('at_once'), Type.Literal('starttls')]),
      }),
    ]),
    from: NullableText,
    reply_to: NullableText,
    footer: NullableText,
    public_url: NullableText,
    on_lost_confirmation: OnLost,
  }),
);

export const Deleted = Type.Object({ deleted: Type.Boolean() });

export const Slack = Type.Unsafe<SlackWebhook>(
  Type.Object({
    key: Type.String(),
    host: Type.String({ description: 'where its URL leads; the URL itself is never shown' }),
    description: NullableText,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  }),
);
export const SlackList = Type.Object({ webhooks: Type.Array(Slack) });
export const SlackBody = Type.Object(
  {
    url: Type.String({ description: 'the URL of an incoming webhook, as Slack gives it' }),
    description: Type.Optional(Type.String()),
  },
  closed,
);
export const SlackParams = Type.Object({ key: Type.String() }, closed);
