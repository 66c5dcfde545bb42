import type { TraitEntity } from '../../../traits/catalogue/types.js';
import { defaultChannels } from '../grammar.js';

/** What a workspace has, for the names in a series to be checked against. */
export interface KnownNames {
  /** Channels that a message can go to; by default those that Muster ships with, null where any name may stand. */
  readonly channels?: readonly string[] | null;
  /** Endpoints that a webhook step can call; null or absent where any name may stand. */
  readonly endpoints?: readonly string[] | null;
  /** The saved filters that `segment` may name in filters, by key; without them it is refused. */
  readonly savedSegments?: ReadonlyMap<string, unknown> | null;
  /** Webhooks of Slack that a message can go to; null or absent where any name may stand. */
  readonly slack?: readonly string[] | null;
  /** What the workspace lacks to send e-mail; null or absent where nobody knows. */
  readonly emailLacks?: readonly string[] | null;
  /** Keys of the traits that were ever sent or declared; null or absent where nobody knows. */
  readonly traits?: KnownTraits | null;
  /** Segments that can start a series; null or absent where any name may stand. */
  readonly segments?: readonly string[] | null;
}

export type KnownTraits = Readonly<Record<TraitEntity, readonly string[]>>;

export type Names = Required<KnownNames>;

export function namesOf({ channels = defaultChannels, ...known }: KnownNames): Names {
  const { endpoints = null, slack = null, emailLacks = null, segments = null, savedSegments = null } = known;
  return { channels, endpoints, slack, emailLacks, segments, savedSegments, traits: known.traits ?? null };
}
