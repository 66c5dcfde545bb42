import type { Readable } from 'node:stream';
import { Type } from '@fastify/type-provider-typebox';
import { dateOrders, emptyCells, importKeys } from '../../traits/import/options.js';
import { presetNames } from '../../traits/import/presets.js';
import { fileFormats } from '../../traits/rows/source.js';
import { NullableText, JsonObject, closed, sharedColumns, User } from '../schemas.js';

/** What comes in about users, companies and events. */

const Id = (description: string) => Type.String({ minLength: 1, description });
const Traits = JsonObject('merged into what is known; null removes a trait');

/** What a browser sends to show that it acts for the user; a server with the secret key needs neither. */
export const signature = {
  user_hash: Type.Optional(
    Type.String({ description: 'HMAC-SHA256 of the user_id with the identity secret, in hexadecimal' }),
  ),
  token: Type.Optional(
    Type.String({
      description:
        'JWT (HS256) of the identity secret: sub is the user_id, aud the workspace, exp within an hour; company_id the company that the user may speak for',
    }),
  ),
};

/** What stores a call in part where it cannot be stored whole; the browser script sends it. */
const library = {
  library: Type.Optional(
    Type.String({
      maxLength: 100,
      description:
        'what made the call; of one that `muster.js` made what cannot be stored is left out, and kept as a refusal',
    }),
  ),
};
const partial = {
  partial: Type.Optional(
    Type.Literal(true, {
      description: 'part of the call was left out; `GET /api/ingest/refusals` says what and why',
    }),
  ),
};

export const IdentifyBody = Type.Object(
  {
    user_id: Type.Optional(Id("the person's id in your product; a visitor who is not signed in has none")),
    traits: Type.Optional(Traits),
    company_id: Type.Optional(Id('the company that the person belongs to from now on')),
    company_traits: Type.Optional(Traits),
    anonymous_id: Type.Optional(Id('the visitor that this person was until now, or, without a user_id, is')),
    ...signature,
    ...library,
  },
  closed,
);
export const IdentifyAnswer = Type.Object({ user: User, created: Type.Boolean() });
const SentIds = Type.Object(
  { user_id: Type.Optional(Type.String()), anonymous_id: Type.Optional(Type.String()) },
  { description: 'with a write key: the ids that the call sent, and nothing that is stored' },
);
export const SdkIdentifyAnswer = Type.Object({
  user: Type.Union([User, SentIds]),
  created: Type.Boolean({ description: 'false for a visitor: whoever they turn out to be is created then' }),
  ...partial,
});

export const CompanyBody = Type.Object(
  {
    company_id: Id("the company's id in your product"),
    traits: Type.Optional(Traits),
    token: signature.token,
    ...library,
  },
  closed,
);
export const Company = Type.Object({
  id: Type.String({ format: 'uuid' }),
  company_id: Type.String(),
  name: NullableText,
  ...sharedColumns,
});
export const CompanyAnswer = Type.Object({
  company: Type.Union([
    Company,
    Type.Object(
      { company_id: Type.String() },
      { description: 'with a write key: the id that the call sent' },
    ),
  ]),
  created: Type.Boolean(),
  ...partial,
});

export const TrackBody = Type.Object(
  {
    user_id: Type.Optional(Id("the person's id in your product")),
    anonymous_id: Type.Optional(Id('the visitor; needed when there is no user_id')),
    event: Type.String({ minLength: 1, description: "the event's name" }),
    properties: Type.Optional(JsonObject('what else is known of the event')),
    occurred_at: Type.Optional(Type.String({ description: 'ISO 8601; now when left out' })),
    message_id: Type.Optional(
      Type.String({ minLength: 1, description: 'unique per event; a repeat is accepted and stored once' }),
    ),
    ...signature,
    ...library,
  },
  closed,
);
export const TrackAnswer = Type.Object({
  accepted: Type.Boolean(),
  stored: Type.Boolean({ description: 'false for a message_id that was already there' }),
  ...partial,
});

const FireTriggers = Type.Boolean({
  default: false,
  description: 'whether people who are new start the series of user_created',
});
export const BackfillBody = Type.Object(
  {
    traits: Type.Optional(Traits),
    company_id: Type.Optional(Id('the company that the person belongs to from now on')),
    company_traits: Type.Optional(Traits),
    fire_triggers: Type.Optional(FireTriggers),
  },
  closed,
);
export const MergeBody = Type.Object(
  { from: Type.String({ description: 'the user id of the person who becomes part of this one' }) },
  closed,
);
export const MergeAnswer = Type.Object({
  user: User,
  merged: Type.String({ description: "the user id that is nobody's now" }),
});

export const UsersBatchBody = Type.Object(
  {
    users: Type.Array(Type.Unknown(), {
      minItems: 1,
      description:
        '{ "user_id", "traits", "company_id", "company_traits" } each; one that is refused does not stop the others',
    }),
    fire_triggers: Type.Optional(FireTriggers),
  },
  closed,
);
export const ItemProblem = Type.Object({
  code: Type.String(),
  message: Type.String(),
  path: Type.String({ description: 'JSON Pointer into the body' }),
  hint: Type.String(),
});
export const UsersBatchAnswer = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  rejected: Type.Integer(),
  results: Type.Array(
    Type.Object({
      user_id: NullableText,
      status: Type.Union([Type.Literal('created'), Type.Literal('updated'), Type.Literal('rejected')]),
      error: Type.Optional(ItemProblem),
    }),
    { description: 'in the order of the items' },
  ),
});

const Text = (description: string) => Type.String({ minLength: 1, description });
const Texts = (description: string) =>
  Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }))], { description });
const oneOf = <Value extends string>(values: readonly Value[], description: string) =>
  Type.Optional(Type.Unsafe<Value>({ type: 'string', enum: [...values], description }));

/** How a file of any kind is read. */
const fileQuery = {
  format: oneOf(fileFormats, 'default: by the content type, the name and the content'),
  delimiter: Type.Optional(Text('one character, or comma, semicolon, tab, pipe; default: detected')),
  encoding: Type.Optional(
    Text('such as windows-1252; default: the charset of the content type, else detected'),
  ),
  name: Type.Optional(Text('what the file is called; messages use it')),
  map: Type.Optional(
    Texts('fields by column: `Email Address=email,First Name=first_name`; `#3` is the third column'),
  ),
  dates: oneOf(dateOrders, 'the order of day, month and year in dates that are not ISO 8601'),
  null: Type.Optional(
    Type.String({
      description: 'words for nothing among numbers, booleans and times, with commas between them',
    }),
  ),
  strict: Type.Optional(
    Type.Boolean({ description: 'a bad cell refuses its row, a column that cannot be loaded the file' }),
  ),
  dry_run: Type.Optional(Type.Boolean({ description: 'read and count everything, write nothing' })),
};

export const ImportQuery = Type.Object(
  {
    fire_triggers: Type.Optional(FireTriggers),
    ...fileQuery,
    id: Type.Optional(Text('the column with the id that your product knows people by')),
    key: oneOf(importKeys, 'email: people are found by their address'),
    create: Type.Optional(
      Type.Boolean({
        description: 'with the key email: whoever is not found is made, the address being the id',
      }),
    ),
    preset: oneOf(presetNames, 'whose export it is'),
    empty: oneOf(emptyCells, 'clear: an empty cell removes the trait; default: leave'),
  },
  closed,
);
export const ImportEventsQuery = Type.Object(
  {
    fire_triggers: Type.Optional(
      Type.Boolean({ description: 'whether the events start series and answer waits; default false' }),
    ),
    ...fileQuery,
  },
  closed,
);

/** What is said of a file of any kind. */
const fileAnswer = {
  columns: Type.Array(
    Type.Object({
      name: Type.String(),
      field: NullableText,
      type: NullableText,
      read: Type.Integer(),
      empty: Type.Integer(),
      refused: Type.Integer(),
      example: NullableText,
      note: NullableText,
      map: NullableText,
    }),
    {
      description:
        'what became of each column of a CSV file; field is null where it is left out, map would load it',
    },
  ),
  rejects: Type.Array(
    Type.Object({
      line: Type.Integer(),
      column: Type.Optional(Type.String()),
      value: Type.Optional(Type.String()),
      code: Type.String(),
      message: Type.String(),
    }),
    { description: 'the first 100 of the rejected rows and refused cells' },
  ),
  format: Type.String(),
  delimiter: NullableText,
  encoding: Type.String(),
  dry_run: Type.Boolean(),
};

export const ImportAnswer = Type.Object({
  rows: Type.Integer(),
  created: Type.Integer({ description: 'people who were not there before' }),
  updated: Type.Integer({ description: 'people in the file who were' }),
  rejected: Type.Integer({ description: 'rows that were not loaded' }),
  cells_refused: Type.Integer({ description: 'cells kept out of rows that were loaded' }),
  unsubscribed: Type.Integer({ description: 'people whom the file unsubscribes from everything' }),
  suppressed: Type.Integer({ description: 'people whom the file suppresses' }),
  ...fileAnswer,
});
export const ImportEventsAnswer = Type.Object({
  rows: Type.Integer(),
  stored: Type.Integer({ description: 'events that were not there before' }),
  repeated: Type.Integer({ description: 'events that were, by their message id or by what their rows say' }),
  rejected: Type.Integer({ description: 'rows that were not loaded' }),
  cells_refused: Type.Integer({ description: 'cells kept out of rows that were loaded' }),
  ...fileAnswer,
});

export const EraseQuery = Type.Object(
  {
    suppress: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'whether nothing may be sent should the person come back',
      }),
    ),
  },
  closed,
);
export const EraseAnswer = Type.Object({ erased: Type.Boolean() });

export const ExportAnswer = Type.Unsafe<Readable>({ type: 'string', description: 'a JSON document a line' });

export const BeaconBody = Type.Object(
  {
    key: Type.String({ description: 'the write key; such a request cannot have headers' }),
    calls: Type.Array(Type.Object({ call: Type.String(), body: Type.Unknown() }, closed), { maxItems: 200 }),
  },
  closed,
);
export const BeaconAnswer = Type.Object({
  results: Type.Array(
    Type.Object({
      status: Type.Integer(),
      body: Type.Unknown(),
      quiet: Type.Optional(Type.Integer({ description: 'milliseconds to wait before trying again' })),
    }),
  ),
});
