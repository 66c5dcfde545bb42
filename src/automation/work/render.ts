import type { UserRecord } from '../../filter/record.js';
import type { Moment } from '../../filter/time.js';
import { addressOf } from '../channels/reach.js';
import { channelProperties } from '../channels/properties.js';
import { titleLine } from '../channels/title.js';
import { withSafeLinks } from '../html-links.js';
import { textOfHtml } from '../html-text.js';
import type { MessageTemplate } from '../series/model.js';
import type { DeliveryEffect } from '../series/moves.js';
import { renderTemplate } from '../templates.js';

/** What is kept of a delivery and handed to its channel. */
export interface RenderedMessage {
  readonly title: string | null;
  /** Empty where the message is a payload. */
  readonly text: string;
  readonly html?: string;
  /** Whom an e-mail goes to: a repeat goes where the first one went, whatever address the person has by then. */
  readonly to?: string;
  readonly unsubscribeUrl?: string;
  readonly endpoint?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** For whom and for which channel something is rendered. */
export interface Reader {
  readonly channel: string;
  readonly user: UserRecord;
  /** In the workspace's zone. */
  readonly moment: Moment;
  /** Values of the merge tags that the channel fills itself. */
  readonly own?: Readonly<Record<string, string>>;
}

/** Fills the merge tags of what a step delivers. */
export function rendered(effect: DeliveryEffect, reader: Reader): RenderedMessage {
  if (effect.kind === 'webhook') {
    const { endpoint, payload } = effect;
    const filled = payload === null ? null : renderedObject(payload, reader);
    return { title: null, text: '', endpoint, ...(filled === null ? {} : { payload: filled }) };
  }
  const { endpoint, message } = effect;
  return { ...renderedMessage(message, reader), ...(endpoint === undefined ? {} : { endpoint }) };
}

/** Fills the merge tags of a message. Where it has only HTML, its text is made from that. */
export function renderedMessage({ title, text, html }: MessageTemplate, reader: Reader): RenderedMessage {
  const { channel, user, moment, own = {} } = reader;
  const { escape } = channelProperties(channel);
  const filled =
    html === undefined
      ? null
      : withSafeLinks(renderTemplate(html, user, moment, { escape: 'html', own }), html);
  const to = channel === 'email' ? addressOf(user) : null;
  return {
    title: title === null ? null : titleLine(renderTemplate(title, user, moment, { escape, own })),
    text: text === null ? textOfHtml(filled ?? '') : renderTemplate(text, user, moment, { escape, own }),
    ...(filled === null ? {} : { html: filled }),
    ...(to === null ? {} : { to }),
    ...(own['unsubscribe_url'] === undefined ? {} : { unsubscribeUrl: own['unsubscribe_url'] }),
  };
}

function renderedObject(object: Readonly<Record<string, unknown>>, reader: Reader): Record<string, unknown> {
  const filled: Record<string, unknown> = { __proto__: null };
  for (const key of Object.keys(object)) filled[key] = renderedValue(object[key], reader);
  return filled;
}

/** Every text of a JSON value is a template, keys apart. */
function renderedValue(value: unknown, reader: Reader): unknown {
  if (typeof value === 'string') return renderTemplate(value, reader.user, reader.moment);
  if (Array.isArray(value)) return value.map((item) => renderedValue(item, reader));
  return isObject(value) ? renderedObject(value, reader) : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
