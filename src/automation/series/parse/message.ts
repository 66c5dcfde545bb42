import { channelProperties } from '../../channels/properties.js';
import { nameOf } from '../../../filter/fields.js';
import { nearest } from '../../../filter/parse/suggest.js';
import { forbiddenLinks } from '../../html-links.js';
import { templateTags } from '../../templates.js';
import { seriesLimits } from '../grammar.js';
import type { FrequencyCap, MessageTemplate } from '../model.js';
import { own } from './check.js';
import type { Check } from './check.js';
import type { KnownTraits, Names } from './known.js';
import { lengthOf } from './time.js';

/** What is sent, by which way, and how often at most; series and broadcasts write it alike. */

export function channelOf(check: Check, input: unknown, path: string, { channels }: Names): string | null {
  return channels === null
    ? check.key(input, path, '"inbox"')
    : check.oneOf(input, path, channels, 'unknown_channel', 'channel');
}

/**
 * A message: `title`, and `text`, `html` or both. What its channel does not carry is refused, so that nothing is written
 * that nobody would get.
 *
 * @param channel null where it is not known; then everything may stand
 * @param traits null where nobody knows which there are
 */
export function messageOf(
  check: Check,
  input: unknown,
  path: string,
  channel: string | null,
  traits: KnownTraits | null = null,
): MessageTemplate | null {
  const example = '{"title": "Welcome", "text": "Hello {{ name|there }}"}';
  const message = check.object(input, path, 'a message, an object', example);
  if (message === null) return null;
  check.knownKeys(message, path, ['title', 'text', 'html']);
  const before = check.problems.length;
  const part = (key: string, limit: number): string | null => {
    if (own(message, key) === undefined) return null;
    const text = check.template(own(message, key), `${path}/${key}`, limit);
    if (text !== null && channel !== null) checkTags(check, text, `${path}/${key}`, channel);
    if (text !== null) checkTraits(check, text, `${path}/${key}`, traits);
    return text;
  };
  const title = part('title', seriesLimits.titleBytes);
  const text = part('text', seriesLimits.textBytes);
  const html = part('html', seriesLimits.htmlBytes);
  if (html !== null && !check.isStored) {
    for (const { attribute, scheme } of forbiddenLinks(html))
      check.report('link_bad_scheme', { attribute, scheme }, `${path}/html`);
  }
  const isHtml = own(message, 'html') !== undefined;
  if (own(message, 'text') === undefined && !isHtml) {
    check.expected('a template, a text', undefined, `${path}/text`, '"Hello {{ name|there }}"');
  }
  if (isHtml && channel !== null && !channelProperties(channel).html) {
    check.report('channel_without_html', { channel }, `${path}/html`);
  }
  if (check.problems.length > before) return null;
  return { title, text, ...(html === null ? {} : { html }) };
}

/** A tag that another channel fills would render nothing here. */
function checkTags(check: Check, text: string, path: string, channel: string): void {
  const { tags } = channelProperties(channel);
  for (const { tag, field } of templateTags(text)) {
    if (field === null && !tags.includes(tag)) check.report('tag_of_other_channel', { tag, channel }, path);
  }
}

/**
 * A tag without a fallback that reads a trait which nobody ever sent renders a gap for everybody. While no trait at all is known,
 * as in a new workspace, nothing is.
 */
export function checkTraits(check: Check, text: string, path: string, traits: KnownTraits | null): void {
  for (const { tag, field, fallback } of traits === null ? [] : templateTags(text)) {
    if (field === null || field === 'customer_for' || field.kind !== 'custom' || fallback !== '') continue;
    const known = field.entity === 'event' ? [] : (traits?.[field.entity] ?? []);
    const [key = ''] = field.tokens;
    if (known.length === 0 || known.includes(key)) continue;
    const meant = nearest(tag, known);
    const hint = meant === null ? undefined : `did you mean {{ ${meant} }}?`;
    check.report('tag_unknown_trait', { tag, field: nameOf(field) }, path, hint);
  }
}

export function capsOf(check: Check, input: unknown, path: string): FrequencyCap[] | null {
  const example = '{"messages": 3, "per": [7, "days"]}';
  const list = check.list(input, path, { of: 'caps', most: seriesLimits.caps, example: `[${example}]` });
  if (list === null) return null;
  return list.flatMap((item, index) => {
    const at = `${path}/${index}`;
    const cap = check.object(item, at, 'a cap, an object', example);
    if (cap === null) return [];
    check.knownKeys(cap, at, ['messages', 'per']);
    const bounds = { low: 1, high: seriesLimits.capMessages, whole: true, example: 3 };
    const messages = check.number(own(cap, 'messages'), `${at}/messages`, bounds);
    const per = lengthOf(check, own(cap, 'per'), `${at}/per`);
    return messages === null || per === null ? [] : [{ messages, per }];
  });
}
