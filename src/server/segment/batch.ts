import { MusterError } from '../../errors/index.js';
import { itemFault } from '../item.js';
import { readMessage } from './message.js';
import type { Message, Received } from './message.js';
import type { Applied } from './apply.js';

/** What became of a batch, without any of its data. */
export interface BatchOutcome {
  readonly accepted: number;
  /** How many items were refused, by the code of their first problem. */
  readonly rejected: Readonly<Record<string, number>>;
  /** How often a reserved trait was left out, by its name. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** People worked on at once; more would only wait for connections to the database. */
const lanes = 8;

/**
 * Applies every item, each by itself: one that is refused does not stop the others. Items about one person (linked by any
 * id) keep their order; different people go on at the same time. Throws only what is not a refusal of an item, such as
 * a lost database, so that the sender tries the whole batch again; events are stored once all the same.
 */
export async function applyBatch(
  items: readonly unknown[],
  received: Received,
  apply: (message: Message) => Promise<Applied>,
): Promise<BatchOutcome> {
  const rejected = new Map<string, number>();
  const dropped = new Map<string, number>();
  let accepted = 0;
  const refused = (error: unknown): void => {
    if (!(error instanceof MusterError) || error.status >= 500) throw error;
    count(rejected, error.code);
  };
  const messages: Message[] = [];
  for (const item of items) {
    try {
      const fault = itemFault(item);
      if (fault !== null) throw new MusterError(fault);
      messages.push(readMessage(item, received));
    } catch (error) {
      refused(error);
    }
  }
  const waiting = byPerson(messages);
  await Promise.all(
    Array.from({ length: Math.min(lanes, waiting.length) }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        for (const message of next) {
          try {
            const { dropped: names } = await apply(message);
            accepted += 1;
            for (const name of names) count(dropped, name);
          } catch (error) {
            refused(error);
          }
        }
      }
    }),
  );
  return { accepted, rejected: Object.fromEntries(rejected), dropped: Object.fromEntries(dropped) };
}

/** Messages of one person together, in their order; persons are joined by every id that a message shares with another. */
function byPerson(messages: readonly Message[]): Message[][] {
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    let at = id;
    for (let up = parent.get(at); up !== undefined; up = parent.get(at)) at = up;
    return at;
  };
  for (const message of messages) {
    const [first = '', ...others] = idsOf(message);
    for (const id of others) {
      const [from, to] = [root(id), root(first)];
      if (from !== to) parent.set(from, to);
    }
  }
  const groups = new Map<string, Message[]>();
  for (const message of messages) {
    const key = root(idsOf(message)[0] ?? '');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [message]);
    else group.push(message);
  }
  return [...groups.values()];
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function idsOf({ userId, anonymousId, previousId, groupId }: Message): string[] {
  const ids = [
    ...(userId === undefined ? [] : [`u${userId}`]),
    ...(anonymousId === undefined ? [] : [`a${anonymousId}`]),
    ...(previousId === undefined ? [] : [`a${previousId}`]),
  ];
  return ids.length > 0 ? ids : [`g${groupId ?? ''}`];
}
