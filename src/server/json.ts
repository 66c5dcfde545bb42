import { refuse } from '../errors/index.js';
import { jsonFault } from '../filter/parse/json.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON body. Plain `JSON.parse` on purpose: it keeps `__proto__` and `constructor` as own keys, which is what
 * they are here, traits like any other. Bytes that are not UTF-8 are refused rather than replaced, because a replaced
 * letter would be stored as if it had been sent.
 *
 * A key that stands twice is refused as well: only the last would be kept, and a filter could lose a condition by it.
 *
 * Errors: `body_not_json`, `body_duplicate_key`.
 */
export function parseJsonBody(body: Buffer): unknown {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return refuse('body_not_json', { reason: 'it is not UTF-8' });
  }
  if (text === '') return refuse('body_not_json', { reason: 'it is empty' });
  const fault = jsonFault(text);
  if (fault?.code === 'duplicate_key')
    return refuse('body_duplicate_key', { key: fault.reason, position: fault.position });
  if (fault !== null) return refuse('body_not_json', { reason: `${fault.reason} at ${fault.position}` });
  return JSON.parse(text) as unknown;
}
