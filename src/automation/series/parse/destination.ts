import { channelProperties } from '../../channels/properties.js';
import { stepKeys } from '../grammar.js';
import { listed, own, suggestion } from './check.js';
import type { Check, Document } from './check.js';
import type { Names } from './known.js';

interface SendPlace {
  readonly check: Check;
  readonly path: string;
  readonly document: Document;
  readonly names: Names;
}

/**
 * Where in the workspace a message goes, for a channel that asks for it; null for one that does not, undefined where it is
 * not in order. A channel that the workspace has not set up is told here too.
 */
export function destinationOf(place: SendPlace, channel: string): string | null | undefined {
  const { check, path, document, names } = place;
  if (!checkSetUp(check, channel, path, names)) return undefined;
  const at = `${path}/endpoint`;
  const written = own(document, 'endpoint');
  if (!channelProperties(channel).endpoint) {
    if (written === undefined) return null;
    const known = listed(stepKeys.send.filter((key) => key !== 'endpoint'));
    check.report('series_unknown_key', { key: 'endpoint', known }, at);
    return undefined;
  }
  const endpoint = check.key(written, at, '"sales"');
  if (endpoint === null) return undefined;
  const known = channel === 'slack' ? names.slack : names.endpoints;
  if (known === null || known.includes(endpoint)) return endpoint;
  const values = { endpoint, known: listed(known) };
  check.report('unknown_endpoint', values, at, suggestion(endpoint, known));
  return undefined;
}

/** Tells where the workspace has not set a channel up, and answers whether it has. */
export function checkSetUp(check: Check, channel: string, path: string, names: Names): boolean {
  const notSetUp = (missing: string, hint: string): false => {
    check.report('channel_not_set_up', { channel, missing, hint }, `${path}/channel`);
    return false;
  };
  if (channel === 'email' && names.emailLacks !== null && names.emailLacks.length > 0) {
    return notSetUp(
      `it lacks ${listed(names.emailLacks)}`,
      'PUT /api/channels/email sets it for this workspace, MUSTER_SMTP_URL and its like for the installation',
    );
  }
  if (channel === 'slack' && names.slack?.length === 0) {
    return notSetUp('it has no webhook of Slack', 'PUT /api/channels/slack/KEY with the URL that Slack gave');
  }
  return true;
}
