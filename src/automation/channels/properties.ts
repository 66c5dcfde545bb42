import type { UserRecord } from '../../filter/record.js';
import type { Escape } from '../templates.js';
import { byEmail, everybody, identified } from './reach.js';
import type { Reach, Unreachable } from './reach.js';

/** What is known of a channel by its name, wherever it runs: to check, render, count and decide. */
export interface ChannelProperties {
  readonly reach: Reach;
  /**
   * The address of a person as it is compared, in SQL over a row of `end_users` under this alias: two people with the same one get
   * each other's messages. Null of a channel that goes by the person.
   */
  readonly address: ((alias: string) => string) | null;
  /** How merge values are escaped in `title` and `text`. In `html` they are always escaped as HTML. */
  readonly escape: Escape;
  /** Whether it carries `html`; otherwise a message to it has none. */
  readonly html: boolean;
  /**
   * `person`: a message counts as a contact; quiet hours, send window, caps and suppressions hold. `workspace`: it tells the
   * customer's own people about somebody, and none of these hold it back.
   */
  readonly speaksTo: 'person' | 'workspace';
  /** Whether a step names where in the workspace it goes. */
  readonly endpoint: boolean;
  /** Merge tags that the channel fills itself. */
  readonly tags: readonly string[];
}

const plain: ChannelProperties = {
  reach: everybody,
  address: null,
  escape: 'none',
  html: true,
  speaksTo: 'person',
  endpoint: false,
  tags: [],
};

const ours: Readonly<Record<string, ChannelProperties>> = {
  log: { ...plain, reach: identified, html: false },
  inbox: { ...plain, reach: identified, html: false },
  webhook: { ...plain, html: false, speaksTo: 'workspace', endpoint: true },
  slack: { ...plain, escape: 'slack', html: false, speaksTo: 'workspace', endpoint: true },
  email: {
    ...plain,
    reach: byEmail,
    address: (alias) => `muster_mailbox(${alias}.email)`,
    tags: ['unsubscribe_url'],
  },
};

/** Of a channel that Muster does not ship with, nothing is known: it reaches everybody and carries everything. */
export function channelProperties(name: string): ChannelProperties {
  return Object.hasOwn(ours, name) ? (ours[name] ?? plain) : plain;
}

/** Why this channel cannot reach the person; null where it can. */
export function reachability(channel: string, user: UserRecord): Unreachable | null {
  return channelProperties(channel).reach.of(user);
}

/** Whether a message there is one to the person, which counts as a contact and may be held back. */
export function speaksToPerson(channel: string): boolean {
  return channelProperties(channel).speaksTo === 'person';
}

/** The same in SQL: a text or NULL, over a row of `end_users` under this alias. */
export function unreachableSql(channel: string, alias: string): string {
  return channelProperties(channel).reach.sql(alias);
}

/** The address of a person on this channel as it is compared, in SQL; null where the channel goes by none. */
export function addressSql(channel: string, alias: string): string | null {
  return channelProperties(channel).address?.(alias) ?? null;
}
