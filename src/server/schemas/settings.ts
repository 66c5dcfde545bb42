import { Type } from '@fastify/type-provider-typebox';
import type { SettingsView, ZoneDiff } from '../../automation/index.js';
import { NullableText, NullableTime, closed } from '../schemas.js';

const zone =
  'in which the workspace counts its days: an IANA name such as Europe/Berlin, or an offset such as UTC+2';
const zoneTrait = "key of the custom trait that holds a person's zone";
const languageTrait = "key of the custom trait that holds a person's language";

export const Settings = Type.Unsafe<SettingsView>(
  Type.Object({
    name: Type.String(),
    zone: Type.String({ description: zone }),
    zone_trait: Type.String({ description: zoneTrait }),
    language_trait: Type.String({ description: languageTrait }),
    sender: Type.Object(
      {
        from: NullableText,
        reply_to: NullableText,
        missing: Type.Array(Type.String(), { description: 'what keeps e-mail from being sent' }),
      },
      { description: 'who e-mail comes from; PUT /api/channels/email sets it' },
    ),
  }),
);

export const SettingsBody = Type.Object(
  {
    name: Type.Optional(Type.String()),
    zone: Type.Optional(Type.String({ description: zone })),
    zone_trait: Type.Optional(Type.String({ description: zoneTrait })),
    language_trait: Type.Optional(Type.String({ description: languageTrait })),
    confirm: Type.Optional(Type.Boolean({ description: 'it is known what another zone moves' })),
  },
  { ...closed, description: 'what is left out stays as it is' },
);

export const ZoneBody = Type.Object({ zone: Type.String({ description: zone }) }, closed);

export const ZoneMoves = Type.Unsafe<ZoneDiff>(
  Type.Object({
    from: Type.String(),
    to: Type.String(),
    waiting: Type.Integer({ description: 'people inside series, who are looked at again' }),
    schedules: Type.Array(
      Type.Object({
        kind: Type.String(),
        key: Type.String(),
        next_at: NullableTime,
        next_at_then: NullableTime,
      }),
      { description: 'what comes about at another time' },
    ),
    segments: Type.Array(Type.String(), { description: 'whose people are gone through anew' }),
  }),
);
