import type { Options } from './options.js';
import { bagOf, methodOf, quietly, textOf } from './values.js';
import type { Bag } from './values.js';

/** A signed-in person, as an authentication library on the page knows them. */
export interface DetectedUser {
  readonly id: string;
  readonly traits: Bag;
}

export interface Listener {
  readonly found: (user: DetectedUser) => void;
  /** Somebody signed out. */
  readonly gone: () => void;
}

/** These libraries load when they like: looked for at 0, 0.1, 0.3, ... 25.5 seconds. */
const looks = 9;
const firstLook = 100;

/** Watches for Clerk and Auth0 and says who is signed in, once for each change. Never throws. */
export function detectUser(options: () => Options, { found, gone }: Listener): void {
  let said = '';
  let clerkHeard = false;
  let auth0Heard = false;

  const tell = (id: unknown, email: unknown, name: unknown): void => {
    const text = textOf(id);
    if (text === undefined) return;
    const user = { id: text, traits: { email: textOf(email), name: textOf(name) } };
    const now = JSON.stringify(user);
    if (now === said) return;
    said = now;
    found(user);
  };

  const tellClerk = (user: unknown): void => {
    // Undefined is "not known yet", null is "nobody".
    if (user === null) {
      said = '';
      gone();
      return;
    }
    const { id, fullName, firstName, lastName, primaryEmailAddress } = bagOf(user);
    const parts = [textOf(firstName), textOf(lastName)].filter(Boolean).join(' ');
    tell(id, bagOf(primaryEmailAddress)['emailAddress'], textOf(fullName) ?? parts);
  };

  const page: unknown = window;
  const given = (option: unknown, global: string): unknown => option ?? bagOf(page)[global];

  function lookForClerk(): void {
    const clerk = given(options().clerk, 'Clerk');
    const listen = methodOf(clerk, 'addListener');
    if (clerkHeard || listen === undefined) return;
    clerkHeard = true;
    listen((state: unknown) => quietly(() => tellClerk(bagOf(state)['user'])));
    tellClerk(bagOf(clerk)['user']);
  }

  async function lookForAuth0(): Promise<void> {
    const getUser = methodOf(given(options().auth0, 'auth0Client'), 'getUser');
    if (auth0Heard || getUser === undefined) return;
    const { sub, email, name } = bagOf(await getUser());
    if (textOf(sub) === undefined) return;
    auth0Heard = true;
    tell(sub, email, name);
  }

  function look(left: number, pause: number): void {
    quietly(lookForClerk);
    lookForAuth0().catch(() => undefined);
    if (left > 0) setTimeout(() => look(left - 1, pause * 2), pause);
  }

  // Not before the calls that the page made already: what it says itself counts for more.
  queueMicrotask(() => look(looks - 1, firstLook));
}
