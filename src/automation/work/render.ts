import type { UserRecord } from '../../filter/record.js';
import type { DeliveryEffect } from '../series/moves.js';
import { renderTemplate } from '../templates.js';

/** What is kept of a delivery and handed to its channel. */
export interface RenderedMessage {
  readonly title: string | null;
  /** Empty where the message is a payload. */
  readonly text: string;
  readonly endpoint?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** Fills the merge tags of a message or payload. `now` is in milliseconds since 1970 (UTC). */
export function rendered(effect: DeliveryEffect, user: UserRecord, now: number): RenderedMessage {
  if (effect.kind === 'webhook') {
    const { endpoint, payload } = effect;
    const filled = payload === null ? null : renderedObject(payload, user, now);
    return { title: null, text: '', endpoint, ...(filled === null ? {} : { payload: filled }) };
  }
  const { title, text } = effect.message;
  return {
    title: title === null ? null : renderTemplate(title, user, now),
    text: renderTemplate(text, user, now),
  };
}

function renderedObject(
  object: Readonly<Record<string, unknown>>,
  user: UserRecord,
  now: number,
): Record<string, unknown> {
  const filled: Record<string, unknown> = { __proto__: null };
  for (const key of Object.keys(object)) filled[key] = renderedValue(object[key], user, now);
  return filled;
}

/** Every text of a JSON value is a template, keys apart. */
function renderedValue(value: unknown, user: UserRecord, now: number): unknown {
  if (typeof value === 'string') return renderTemplate(value, user, now);
  if (Array.isArray(value)) return value.map((item) => renderedValue(item, user, now));
  return isObject(value) ? renderedObject(value, user, now) : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
