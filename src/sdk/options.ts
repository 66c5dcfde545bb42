import type { Bag } from './values.js';

/** What `init` takes. */
export interface Options {
  /** The write key: `mk_write_WORKSPACE_...`. It may only send data, so a page may show it. */
  key?: string;
  /** Where Muster answers; the address that served this script when left out. */
  url?: string;
  /** HMAC-SHA256 of the user id, made on the customer's server. */
  userHash?: string;
  /** A short-lived signed token of the user, or what gives a fresh one. */
  token?: string | (() => string | Promise<string>);
  /** The Clerk instance, when it is not `window.Clerk`; `false` leaves Clerk alone. */
  clerk?: unknown;
  /** The Auth0 client, when it is not `window.auth0Client`; `false` leaves Auth0 alone. */
  auth0?: unknown;
  /** Hears of every call that was given up; a warning on the console when left out. */
  onError?: (refusal: Refusal) => void;
  /** Milliseconds before the first retry; default 1000. It doubles up to a minute. */
  retryMs?: number;
}

/** A call that will not be tried again, and why. */
export interface Refusal {
  /** The HTTP status, or 0 when it never left the page. */
  status: number;
  code: string;
  message: string;
  hint: string;
  /** What was to be sent. */
  call: string;
  body: Bag;
}
