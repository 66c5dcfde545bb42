import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { reasonOf } from '../abort.js';
import { DeliveryUncertain } from '../channel.js';
import { hostOf } from './address.js';
import type { NetworkRules } from './networks.js';

/** Addresses of a host name, in the order to try them. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export interface Poster {
  /**
   * Posts once and answers what the receiver said. Rejects where it said nothing: with the signal's reason where that
   * aborted, with `DeliveryUncertain` where a connection stood and the receiver may therefore have the request. When it
   * settles, nothing of it runs any more.
   */
  readonly post: (request: Post) => Promise<Answer>;
  /** Closes idle connections. */
  readonly close: () => void;
}

export interface PosterOptions {
  readonly rules: NetworkRules;
  readonly resolve?: Resolve;
  /** Milliseconds from the beginning, name and connection included, to the answer's status. */
  readonly timeout: number;
  /** Whether connections are kept for the next request. Default true. */
  readonly keepAlive?: boolean;
  /** Certificates that are trusted beside those that Node trusts; PEM. */
  readonly ca?: string;
}

/** Bytes of an answer that are read, and dropped; a longer one costs its connection. */
const answerLimit = 65_536;
/** Milliseconds that the rest of an answer may take once its status is known. */
const answerRest = 1000;
/** Milliseconds that an idle connection is kept; servers commonly close theirs after 5,000. */
const keptFor = 4000;

/**
 * Posts to public addresses only. A host name's addresses are checked in the very look-up that its connection uses, so
 * that no later answer of its name server can lead elsewhere. Redirects are answers like others and never followed.
 */
export function poster(options: PosterOptions): Poster {
  const { rules, timeout } = options;
  const resolve = options.resolve ?? ((hostname) => lookUp(hostname, { all: true, verbatim: true }));
  const kept = { keepAlive: options.keepAlive ?? true, timeout: keptFor, maxFreeSockets: 16 };
  const plain = new HttpAgent({ ...kept, lookup: guarded(resolve, (address) => plainFault(rules, address)) });
  const secure = new HttpsAgent({
    ...kept,
    lookup: guarded(resolve, (address) => rules.fault(address)),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });

  const send = ({ url, headers, body, signal }: Post): Promise<Sent> =>
    new Promise((settle) => {
      const isPlain = url.protocol === 'http:';
      const request = isPlain
        ? httpRequest(url, { method: 'POST', agent: plain, headers })
        : httpsRequest(url, { method: 'POST', agent: secure, headers });
      let answer: Answer | null = null;
      let fault: Error | null = null;
      let stood = false;
      const stop = (): void => void request.destroy(reasonOf(signal));
      signal.addEventListener('abort', stop, { once: true });
      const late = (): void => void request.destroy(new Error(`no answer within ${timeout} ms`));
      let timer = setTimeout(late, timeout);

      // Over TLS nothing of the request leaves before hands are shaken.
      request.on('socket', (socket) => {
        if (request.reusedSocket) stood = true;
        else socket.once(isPlain ? 'connect' : 'secureConnect', () => (stood = true));
      });
      request.on('response', (response) => {
        answer = { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
        clearTimeout(timer);
        timer = setTimeout(() => response.destroy(), answerRest);
        drop(response);
      });
      request.on('error', (error) => {
        fault = error;
      });
      // Comes last in every case, also where a server switches protocols or hangs up without a word.
      request.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        const error = fault ?? new Error('the connection was closed without an answer');
        if (answer !== null) settle({ answer });
        else settle({ error, mayHaveIt: stood, stale: request.reusedSocket && isReset(error) });
      });
      request.end(body);
    });

  return {
    async post(request) {
      const { url, signal } = request;
      if (signal.aborted) throw reasonOf(signal);
      // Node asks no look-up for a host that is an address.
      const host = hostOf(url);
      if (isIP(host) !== 0) {
        const fault = url.protocol === 'http:' ? plainFault(rules, host) : rules.fault(host);
        if (fault !== null) throw blocked(host, fault);
      }
      const sent = await send(request);
      if ('answer' in sent) return sent.answer;
      // The receiver closed a kept connection at the moment it was used: that says nothing about the receiver.
      const again = sent.stale && !signal.aborted ? await send(request) : sent;
      if ('answer' in again) return again.answer;
      if (signal.aborted || !(sent.mayHaveIt || again.mayHaveIt)) throw again.error;
      throw new DeliveryUncertain(again.error.message, { cause: again.error });
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** `mayHaveIt`: the receiver may have the request. `stale`: over a kept connection that turned out to be closed. */
type Sent =
  | { readonly answer: Answer }
  | { readonly error: Error; readonly mayHaveIt: boolean; readonly stale: boolean };

/** Plain http shows everything to whoever is on the way, so that only one's own networks get it. */
function plainFault(rules: NetworkRules, address: string): string | null {
  return rules.isAllowed(address) ? null : (rules.fault(address) ?? 'to be called by https only');
}

/** One address that is not public is enough to refuse the name. */
export function guarded(resolve: Resolve, faultOf: (address: string) => string | null): LookupFunction {
  const check = callbackify(async (hostname: string, wanted: unknown): Promise<LookupAddress[]> => {
    const addresses = await resolve(hostname);
    for (const { address } of addresses) {
      const fault = faultOf(address);
      if (fault !== null) throw blocked(`${hostname}\` at \`${address}`, fault);
    }
    const usable = addresses.filter(({ family }) => (wanted !== 4 && wanted !== 6) || family === wanted);
    if (usable.length === 0) throw new Error(`\`${hostname}\` has no address`);
    return usable;
  });
  return (hostname, { all, family }, callback) => {
    check(hostname, family, (error, usable: LookupAddress[] | undefined) => {
      const [first] = usable ?? [];
      if (error !== null || first === undefined) callback(error, '');
      else if (all === true) callback(null, usable ?? []);
      else callback(null, first.address, first.family);
    });
  };
}

export function blocked(host: string, fault: string): Error {
  return new Error(`\`${host}\` may not be called: ${fault}`);
}

/** Reads an answer to its end, so that its connection can be used again, but not further than the limit. */
function drop(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > answerLimit) response.destroy();
  });
  // The status is known; how the rest ends changes nothing.
  response.on('error', () => undefined);
}

function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
