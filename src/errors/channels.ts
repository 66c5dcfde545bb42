import type { ErrorEntry } from './table.js';

/** Refusals of what messages are sent by (`src/automation/channels`). A code is never reused for another meaning. */
export const channelErrors = {
  webhook_bad_key: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot name a webhook endpoint',
    hint: 'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  },
  webhook_bad_url: {
    status: 400,
    exit: 2,
    message: '`{url}` cannot be called: {reason}',
    hint: 'write a whole URL such as https://hooks.example.com/muster',
  },
  webhook_blocked_address: {
    status: 400,
    exit: 2,
    message: '`{address}` may not be called: {reason}',
    hint: 'use a public address, or let the operator allow its network with MUSTER_WEBHOOK_NETWORKS',
  },
  webhook_bad_network: {
    status: 400,
    exit: 2,
    message: '`{network}` is no network',
    hint: 'write an address and the length of its prefix, such as 10.0.0.0/8 or fd12:3456::/32',
  },
  webhook_bad_secret: {
    status: 400,
    exit: 2,
    message: 'the signing secret is none of Standard Webhooks',
    hint: 'write `whsec_` and 24 to 64 bytes in base64, or leave it out to have one made',
  },
  webhook_secret_differs: {
    status: 409,
    exit: 2,
    message: 'the endpoint `{key}` is signed with another secret already',
    hint: 'leave `secret` out, or POST it to /api/webhooks/{key}/rotate-secret, which lets both sign for a while',
  },
  webhook_not_found: {
    status: 404,
    exit: 2,
    message: 'there is no webhook endpoint `{key}`',
    hint: 'GET /api/webhooks lists them',
  },
  too_many_webhooks: {
    status: 409,
    exit: 2,
    message: 'the workspace has {limit} webhook endpoints, which is the limit',
    hint: 'delete one that is no longer needed',
  },
  email_bad_setting: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot be used for e-mail: {reason}',
    hint: '{hint}',
  },
  email_sender_without_server: {
    status: 400,
    exit: 2,
    message: 'a sender of your own needs a mail server of your own',
    hint: 'set `smtp_url` as well, or leave `from` out: the sender of this installation is used',
  },
  email_feedback_unknown: {
    status: 400,
    exit: 2,
    message: 'the body tells of no bounce and no complaint in a shape that is known here',
    hint: 'post {"events": [{"type": "hard_bounce", "email": "ada@example.org"}]}; types are hard_bounce, soft_bounce and complaint',
  },
  email_feedback_too_many: {
    status: 400,
    exit: 2,
    message: 'the body tells of {count} events, the limit is {limit}',
    hint: 'post them in several calls',
  },
  sns_not_amazon: {
    status: 400,
    exit: 2,
    message: 'the message asks to confirm a subscription and is none of Amazon SNS: {fault}',
    hint: 'let SNS post it as it is, without raw message delivery changed in between',
  },
  sns_not_signed: {
    status: 400,
    exit: 2,
    message: 'the signature of the message about `{topic}` is not right',
    hint: 'only what Amazon SNS signed is confirmed; ask SNS to send the confirmation again',
  },
  sns_not_confirmed: {
    status: 503,
    exit: 3,
    message: '`{host}` could not be asked: {reason}',
    hint: 'let the server reach Amazon SNS over https; SNS asks for the confirmation again by itself',
  },
  channel_not_set_up: {
    status: 400,
    exit: 2,
    message: 'the channel `{channel}` is not set up in this workspace: {missing}',
    hint: '{hint}',
  },
} as const satisfies Record<string, ErrorEntry>;
