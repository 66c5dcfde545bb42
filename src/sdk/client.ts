import { detectUser } from './detect.js';
import type { DetectedUser } from './detect.js';
import type { Options, Refusal } from './options.js';
import { openQueue } from './queue.js';
import { openSender } from './sender.js';
import { openStorage } from './storage.js';
import { bagOf, isBag, quietly, textOf, uuid } from './values.js';
import type { Bag } from './values.js';

/** The calls of the page; none of them throws or answers. */
export type Calls = Record<'identify' | 'track' | 'group' | 'reset', (...args: unknown[]) => void>;

/** What is known of one workspace's visitor in this browser, and the calls that tell the server. */
export interface Client {
  readonly calls: Calls;
  /** Takes effect from the next call on. */
  configure(options: Options): void;
}

export const warn = ({ call, code, message, hint }: Refusal): void => {
  // oxlint-disable-next-line no-console -- it is where a page's author looks
  console.warn(`muster: ${call} was not sent: ${message} (${code})${hint && `; ${hint}`}`);
};

export function openClient(name: string, first: Options, defaultUrl: string): Client {
  let options: Options = {};
  const storage = openStorage(`${name}:`);
  const proof: { of?: string | undefined; user_hash?: unknown; token?: unknown } = {};
  let spokenFor = false;

  const report = (refusal: Refusal): void => {
    // The page's own handler; what it throws must not reach the page.
    quietly(() => (options.onError ?? warn)(refusal));
  };
  const misuse = (call: string, code: string, message: string, hint: string, body: Bag = {}): void =>
    report({ status: 0, code, message, hint, call, body });

  const queue = openQueue(storage, ({ call, body }) =>
    misuse(call, 'queue_full', 'too many calls wait to be sent', 'is the address right?', body),
  );
  // An earlier script may have kept an id that is refused now.
  const userId = (): string | undefined => textOf(storage.get('user_id'));
  const sign = (body: Bag): Bag => {
    const { of, user_hash, token } = proof;
    const known = body['user_id'] !== undefined && body['user_id'] === (of ?? userId());
    // As JSON, what is undefined is left out.
    return known ? { ...body, user_hash, token } : body;
  };
  const sender = openSender({
    queue,
    name,
    account: () => ({
      key: options.key ?? '',
      url: (textOf(options.url) ?? defaultUrl).replace(/\/+$/, ''),
      retryMs: Number(options.retryMs) || 1000,
    }),
    async prepare() {
      try {
        if (typeof options.token === 'function') proof.token = await options.token();
      } catch {
        // The call goes with the last token; the server says when that is too old.
      }
    },
    sign,
    report,
  });

  const send = (call: string, body: Bag): void => {
    try {
      queue.add(call, sign({ ...body, library: 'muster.js' }));
    } catch (error) {
      misuse(call, 'not_sendable', String(error), 'send plain data: text, numbers, lists, objects');
      return;
    }
    sender.wake();
  };

  function anonymousId(): string {
    const known = storage.get('anonymous_id') ?? uuid();
    storage.set('anonymous_id', known);
    return known;
  }

  function forget(): void {
    for (const key of ['anonymous_id', 'user_id', 'company_id', 'detected']) storage.set(key, undefined);
    spokenFor = false;
  }

  function forgetProof(): void {
    proof.of = proof.user_hash = proof.token = undefined;
  }

  function identify(id: string, traits: Bag, given: Bag): void {
    const before = userId();
    // Another person at this browser: the visitor so far is not theirs.
    if (before !== undefined && before !== id) forget();
    if (proof.of !== undefined && proof.of !== id) forgetProof();
    proof.of = id;
    proof.user_hash = given['user_hash'] ?? proof.user_hash;
    proof.token = given['token'] ?? proof.token;
    storage.set('user_id', id);
    // A company that was named before the person was.
    const company_id = storage.get('company_id');
    storage.set('company_id', undefined);
    send('users/identify', {
      user_id: id,
      anonymous_id: anonymousId(),
      traits,
      ...(company_id !== undefined && { company_id }),
    });
  }

  const calls: Calls = {
    identify(who, ...rest) {
      const [bag, given] = isBag(who) ? [who, rest[0]] : [{ id: who, traits: rest[0] }, rest[1]];
      const { id, traits, user_hash, token, ...others }: Bag = bag;
      const user = textOf(id);
      if (user === undefined)
        return misuse(
          'identify',
          'no_user_id',
          'the user id is missing',
          'give it as text, first or as `id`',
          bag,
        );
      identify(user, { ...bagOf(traits), ...others }, { user_hash, token, ...bagOf(given) });
      spokenFor = true;
      storage.set('detected', undefined);
    },
    track(event, properties) {
      const user_id = userId();
      send('track', {
        ...(user_id !== undefined && { user_id }),
        anonymous_id: anonymousId(),
        event,
        properties: bagOf(properties),
        occurred_at: new Date().toISOString(),
        message_id: uuid(),
      });
    },
    group(company, traits) {
      const company_id = textOf(company);
      const user_id = userId();
      if (company_id === undefined)
        return misuse(
          'group',
          'no_company_id',
          'the company id is missing',
          'give it as text, first',
          bagOf(traits),
        );
      if (user_id !== undefined) {
        const company_traits = bagOf(traits);
        return send('users/identify', { user_id, anonymous_id: anonymousId(), company_id, company_traits });
      }
      storage.set('company_id', company_id);
      send('companies/identify', { company_id, traits: bagOf(traits) });
    },
    reset() {
      forget();
      forgetProof();
    },
  };

  function configure(next: Options): void {
    options = { ...options, ...next };
    proof.user_hash = next.userHash ?? proof.user_hash;
    if (typeof next.token === 'string') proof.token = next.token;
  }
  configure(first);

  detectUser(() => options, {
    found({ id, traits }: DetectedUser) {
      // What the page says itself counts for more.
      if (spokenFor) return;
      identify(id, traits, {});
      storage.set('detected', id);
    },
    gone() {
      if (storage.get('detected') !== undefined) calls.reset();
    },
  });

  const leave = (): void => quietly(() => sender.leave());
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') leave();
  });
  addEventListener('pageshow', () => sender.retry());
  addEventListener('online', () => sender.retry());
  sender.wake();

  return { calls, configure };
}
