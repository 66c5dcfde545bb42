import type { Refusal } from './options.js';
import type { Entry, Queue } from './queue.js';
import { bagOf, textOf } from './values.js';
import type { Bag } from './values.js';

export interface Account {
  readonly key: string;
  readonly url: string;
  /** Milliseconds before the first retry. */
  readonly retryMs: number;
}

export interface Sender {
  /** Sends what waits, unless that is being done or put off. */
  wake(): void;
  /** The network may be back: sends what waits now, unless the server asked for quiet. */
  retry(): void;
  /** The page may be gone in a moment: hands all that waits to the browser in one request. */
  leave(): void;
}

interface Parts {
  readonly queue: Queue;
  /** One tab sends at a time; they find each other by this name. */
  readonly name: string;
  readonly account: () => Account;
  /** Gets a fresh token where tokens are asked for. */
  readonly prepare: () => Promise<void>;
  /** The body with what proves who the user is. */
  readonly sign: (body: Bag) => Bag;
  readonly report: (refusal: Refusal) => void;
}

interface Answer {
  /** 0 when nothing came back. */
  readonly status: number;
  /** Milliseconds the server asked to be left alone for. */
  readonly quiet: number;
  readonly body: Bag;
}

const longestPause = 60_000;
const longestQuiet = 86_400_000;
const patience = 30_000;

/** Browsers take 64 KiB of such requests at once; one may be under way when the page is left. */
const lastBytes = 40_000;
const singleBytes = 20_000;

/** Sends the queue in order, one call at a time, and tries again what may yet succeed. */
export function openSender({ queue, name, account, prepare, sign, report }: Parts): Sender {
  /** What a page that was left gave away and has no answer to yet. */
  const handedOver = new Set<string>();
  let running = false;
  let failures = 0;
  let timer: number | undefined;
  let quietUntil = 0;

  /** Whether the call is over, sent or refused; otherwise the next try is arranged. */
  function settle(entry: Entry, { status, quiet, body }: Answer): boolean {
    if (status === 0 || status === 429 || status >= 500) {
      const pause = Math.min(longestPause, account().retryMs * 2 ** Math.min(failures, 16));
      failures += 1;
      // Half of it is chance: pages that failed together must not come back together.
      const delay = (quiet || pause / 2) + (Math.random() * pause) / 2;
      if (quiet > 0) quietUntil = Date.now() + quiet;
      clearTimeout(timer);
      timer = setTimeout(() => {
        timer = undefined;
        wake();
      }, delay);
      return false;
    }
    failures = 0;
    if (queue.remove(entry.id) && status >= 400) {
      const error = bagOf(body['error']);
      report({
        status,
        code: textOf(error['code']) ?? 'refused',
        message: textOf(error['message']) ?? `the server answered ${status}`,
        hint: textOf(error['hint']) ?? '',
        call: entry.call,
        body: entry.body,
      });
    }
    return true;
  }

  async function drain(): Promise<void> {
    for (;;) {
      const [entry] = queue.waiting();
      // What was handed over is answered there first; sending past it would change the order.
      if (entry === undefined || handedOver.has(entry.id) || timer !== undefined) return;
      await prepare();
      const answer = await post(account(), entry.call, JSON.stringify(sign(entry.body)), true);
      if (!settle(entry, answer)) return;
    }
  }

  async function run(): Promise<void> {
    running = true;
    try {
      await oneTab(name, drain);
    } finally {
      running = false;
    }
    // A call that came while the last answer was looked at found this running and relied on it.
    const [entry] = queue.waiting();
    if (entry !== undefined && !handedOver.has(entry.id)) wake();
  }

  function wake(): void {
    if (!running && timer === undefined) run().catch(() => undefined);
  }

  function retry(): void {
    if (Date.now() < quietUntil) return;
    clearTimeout(timer);
    timer = undefined;
    wake();
  }

  async function handOver(entries: readonly Entry[], body: string): Promise<void> {
    for (const { id } of entries) handedOver.add(id);
    const answer = await post(account(), 'beacon', body, false);
    for (const { id } of entries) handedOver.delete(id);
    entries.every((entry, at) => settle(entry, resultOf(answer, at)));
    wake();
  }

  function leave(): void {
    if (Date.now() < quietUntil) return;
    const { key, url } = account();
    const entries: Entry[] = [];
    let room = lastBytes;
    // The call that is being sent goes along once more: what follows it must not arrive before it, and a browser may
    // drop it with the page. The server stores an event once, and an identify says the same twice.
    for (const entry of queue.waiting()) {
      if (handedOver.has(entry.id)) continue;
      room -= new Blob([JSON.stringify(sign(entry.body))]).size + 100;
      if (room < 0) break;
      entries.push(entry);
    }
    if (entries.length === 0) return;
    const body = JSON.stringify({
      key,
      calls: entries.map((entry) => ({ call: entry.call, body: sign(entry.body) })),
    });
    if (!('keepalive' in Request.prototype)) {
      // It never says what came of it, so all of it stays here and is sent again; the server stores each event once.
      navigator.sendBeacon(`${url}/api/sdk/beacon`, body);
      return;
    }
    handOver(entries, body).catch(() => undefined);
  }

  return { wake, retry, leave };
}

/** The answer to one call of many; one that the server did not come to is as good as unanswered. */
function resultOf(answer: Answer, at: number): Answer {
  const { results } = answer.body;
  const { status, body, quiet = answer.quiet } = bagOf(Array.isArray(results) ? results[at] : undefined);
  return { status: Number(status) || 0, quiet: Number(quiet) || 0, body: bagOf(body) };
}

async function post({ key, url }: Account, call: string, body: string, withKey: boolean): Promise<Answer> {
  try {
    const response = await fetch(`${url}/api/sdk/${call}`, {
      method: 'POST',
      body,
      // Without these headers the browser sends at once, with no question of permission first.
      ...(withKey && { headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }),
      credentials: 'omit',
      // Outlives the page, as far as the browser has room for it.
      keepalive: !withKey || body.length < singleBytes / 3,
      signal: AbortSignal.timeout?.(patience) ?? null,
    });
    const quiet = response.headers.get('retry-after');
    return {
      status: response.status,
      quiet: quiet === null ? 0 : millisecondsOf(quiet),
      body: bagOf(await response.json().catch(() => undefined)),
    };
  } catch {
    return { status: 0, quiet: 0, body: {} };
  }
}

/** `Retry-After` comes in seconds or as a date. */
function millisecondsOf(text: string): number {
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Math.min(longestQuiet, Math.max(0, wait || 0));
}

/** Runs the work while no other tab does. Without locks (no TLS) tabs may both send, and the server stores once. */
async function oneTab(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await navigator.locks.request(name, work);
  } catch {
    await work();
  }
}
