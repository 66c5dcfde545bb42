import { lookup as lookUp } from 'node:dns/promises';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { hostOf } from './address.js';
import type { NetworkRules } from './networks.js';
import { blocked, guarded } from './post.js';
import type { Resolve } from './post.js';

export interface Fetched {
  readonly status: number;
  readonly body: Buffer;
}

/** Gets a document by https; rejects where there is no answer. */
export type Get = (url: URL) => Promise<Fetched>;

export interface GetterOptions {
  readonly rules: NetworkRules;
  readonly resolve?: Resolve | undefined;
  /** Milliseconds for all of it. Default 10,000. */
  readonly timeout?: number | undefined;
  /** Bytes of an answer. Default 65,536. */
  readonly limit?: number | undefined;
  /** Certificates that are trusted beside those that Node trusts; PEM. */
  readonly ca?: string | undefined;
}

/** Gets from public addresses only, by the rules of `poster`: addresses are checked in the look-up that is used, redirects are not followed. */
export function getter({ rules, timeout = 10_000, limit = 65_536, ...options }: GetterOptions): Get {
  const resolve: Resolve = options.resolve ?? ((hostname) => lookUp(hostname, { all: true, verbatim: true }));
  const agent = new Agent({
    keepAlive: false,
    lookup: guarded(resolve, (address) => rules.fault(address)),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  return (url) =>
    new Promise((done, fail) => {
      const host = hostOf(url);
      // Node asks no look-up for a host that is an address.
      const fault = isIP(host) === 0 ? null : rules.fault(host);
      if (fault !== null || url.protocol !== 'https:')
        return fail(blocked(host, fault ?? 'to be called by https only'));
      const signal = AbortSignal.timeout(timeout);
      const sent = request(url, { agent, signal }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > limit) response.destroy(new Error(`the answer is longer than ${limit} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      sent.on('error', fail);
      sent.end();
    });
}
