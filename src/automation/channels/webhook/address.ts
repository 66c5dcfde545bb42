import { isIP } from 'node:net';
import { problem } from '../../../errors/index.js';
import type { Problem } from '../../../errors/index.js';
import { shown } from '../../../filter/parse/context.js';
import type { NetworkRules } from './networks.js';

const longestUrl = 2048;

/** Names that by their standard never leave the machine or its network. */
const localNames = /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/i;

/**
 * What keeps a text from being an endpoint's URL, or null. Which addresses its host name has is asked at each delivery,
 * because that can change.
 */
export function urlProblem(text: string, rules: NetworkRules, path: string): Problem | null {
  const bad = (reason: string): Problem => problem('webhook_bad_url', { url: shown(text), reason }, { path });
  if (text.length > longestUrl) return bad(`it is longer than ${longestUrl} characters`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return bad('it is no URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return bad('it is not https');
  if (url.username !== '' || url.password !== '')
    return bad('it holds a user name or password, which lists would show');
  if (url.hash !== '') return bad('what follows `#` is never sent');
  const host = hostOf(url);
  if (isIP(host) !== 0 && rules.fault(host) !== null) return hostProblem(host, rules, path);
  if (url.protocol === 'http:' && !(isIP(host) === 0 ? rules.hasAllowed : rules.isAllowed(host))) {
    return bad('it is not https');
  }
  return hostProblem(host, rules, path);
}

/**
 * What keeps a host from being connected to, as far as its text says: an address that is not allowed, or a name of this network.
 * The addresses of any other name are checked at each connection.
 */
export function hostProblem(host: string, rules: NetworkRules, path: string): Problem | null {
  const fault =
    isIP(host) !== 0 ? rules.fault(host) : localNames.test(host) ? 'a name of this network' : null;
  // An allowed network may well have such a name.
  if (fault === null || (isIP(host) === 0 && rules.hasAllowed)) return null;
  return problem('webhook_blocked_address', { address: host, reason: fault }, { path });
}

/** The host as Node connects to it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
