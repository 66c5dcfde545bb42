import type { Channel } from '../channels/channel.js';
import { zoneOfPerson } from '../facts/zone.js';
import { capSince } from '../series/cap-since.js';
import type { FrequencyCap } from '../series/model.js';
import type { Lease } from '../work/leases.js';
import { renderedMessage } from '../work/render.js';
import type { RenderedMessage } from '../work/render.js';
import type { BeginRecipient } from './begin-batch.js';
import type { CallChannel } from './call-channel.js';
import type { Chunk } from './claim-chunk.js';
import type { LaunchedBroadcast } from './launched.js';
import type { Candidate } from './read-batch.js';

/** A chunk with what it sends by. */
export interface ChunkTask {
  readonly chunk: Chunk;
  readonly launched: LaunchedBroadcast;
  /** Those of the broadcast and of its workspace. */
  readonly caps: readonly FrequencyCap[];
  readonly channel: Channel;
  readonly lease: Lease;
  readonly call: CallChannel;
  /** The clock of Postgres, in milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

/** Renders what a person is sent. Throws where the launch knows no such variant. */
export function messageOf(
  { chunk, launched, now }: ChunkTask,
  candidate: Candidate,
  own: Readonly<Record<string, string>> = {},
): RenderedMessage {
  const { channel } = launched.definition;
  const message = launched.messages.get(candidate.variant);
  if (message === undefined) throw new Error(`there is no variant \`${candidate.variant}\``);
  const moment = { now: now(), zone: chunk.workspaceZone };
  return renderedMessage(message, { channel, user: candidate.person, moment, own });
}

/** What is written down of a person before the channel is called. */
export async function recipientOf(task: ChunkTask, candidate: Candidate): Promise<BeginRecipient> {
  const { channel, chunk, launched } = task;
  const { definition, needs } = launched;
  const { number, endUser, hasMessage, zone: written, person: user } = candidate;
  const { topic } = definition;
  const about = { workspaceId: chunk.workspace, endUserId: endUser ?? '', user, topic };
  const terms = endUser === null ? undefined : await channel.terms?.(about);
  const parks = (terms?.onLostConfirmation ?? channel.onLostConfirmation) === 'park';
  const personal = needs.personal && !hasMessage && endUser !== null;
  const message = personal ? messageOf(task, candidate, terms?.tags) : null;
  if (task.caps.length === 0) return { number, endUser, message, parks, caps: [] };
  const { zoneField, workspaceZone } = chunk;
  const zone = zoneOfPerson({ custom_fields: { [zoneField]: written } }, zoneField, workspaceZone);
  const moment = { now: task.now(), zone };
  const caps = task.caps.map((cap) => ({ messages: cap.messages, since: capSince(cap, moment) }));
  return { number, endUser, message, parks, caps };
}
