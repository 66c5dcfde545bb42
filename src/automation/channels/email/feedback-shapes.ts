import { isObject } from '../../../filter/values.js';
import type { Feedback, FeedbackKind } from './feedback.js';

/** Reads what one provider posts; null where it is of another shape. What is no bounce and no complaint is left out. */
type Reader = (body: unknown) => Feedback[] | null;

/**
 * Reads bounces and complaints: `{"events": [...]}` in Muster's own shape, or what Postmark, SendGrid, Mailgun and Amazon SES
 * (by itself or wrapped by SNS) post. Null for anything else.
 */
export const readFeedback: Reader = (body) => {
  for (const [provider, read] of readers) {
    const found = read(body);
    if (found === null) continue;
    return provider === '' ? found : found.map((event) => withProvider(provider, event));
  }
  return null;
};

// An id tells events of one provider apart, and two of them may count from 1.
function withProvider(provider: string, event: Feedback): Feedback {
  return { ...event, id: event.id === null ? null : `${provider} ${event.id}` };
}

const neutral: Reader = (body) => {
  if (!isObject(body) || !Array.isArray(body['events'])) return null;
  const events = body['events'].map((event): Feedback | null => {
    if (!isObject(event)) return null;
    const kind = kinds.find((each) => each === event['type']);
    return kind === undefined ? null : feedback(kind, event, ['id', 'message_id', 'email', 'at', 'reason']);
  });
  // One that is not understood must not be lost among the others.
  return events.includes(null) ? null : events.filter((event) => event !== null);
};

const kinds: readonly FeedbackKind[] = ['hard_bounce', 'soft_bounce', 'complaint'];

const postmark: Reader = (body) => {
  if (!isObject(body)) return null;
  const { RecordType: record, Type: type } = body;
  if (record === 'SpamComplaint') {
    return [feedback('complaint', body, ['ID', '', 'Email', 'BouncedAt', 'Description'])];
  }
  if (record !== 'Bounce') return null;
  const kind = type === 'HardBounce' || type === 'BadEmailAddress' ? 'hard_bounce' : 'soft_bounce';
  return [feedback(kind, body, ['ID', '', 'Email', 'BouncedAt', 'Description'])];
};

const sendgrid: Reader = (body) => {
  // An empty list says nothing, and nothing of whose it is.
  if (!Array.isArray(body) || body.length === 0) return null;
  if (!body.every((event) => isObject(event) && 'sg_event_id' in event)) return null;
  return body.flatMap((event): Feedback[] => {
    if (!isObject(event)) return [];
    const { event: what, type } = event;
    const at = { ...event, at: secondsIn(event['timestamp']) };
    const keys = ['sg_event_id', 'smtp-id', 'email', 'at', 'reason'] as const;
    if (what === 'spamreport') return [feedback('complaint', at, keys)];
    if (what !== 'bounce') return [];
    return [feedback(type === 'blocked' ? 'soft_bounce' : 'hard_bounce', at, keys)];
  });
};

const mailgun: Reader = (body) => {
  const data = isObject(body) ? body['event-data'] : null;
  if (!isObject(data)) return null;
  const { event, severity } = data;
  const status = isObject(data['delivery-status']) ? data['delivery-status'] : {};
  const said = {
    ...data,
    message_id: inside(data, 'message', 'headers', 'message-id'),
    at: secondsIn(data['timestamp']),
    reason: status['message'] ?? status['description'],
  };
  const keys = ['id', 'message_id', 'recipient', 'at', 'reason'] as const;
  if (event === 'complained') return [feedback('complaint', said, keys)];
  if (event !== 'failed') return [];
  return [feedback(severity === 'permanent' ? 'hard_bounce' : 'soft_bounce', said, keys)];
};

/** SNS wraps what SES says as a text. */
const sns: Reader = (body) => {
  if (!isObject(body) || body['Type'] !== 'Notification' || typeof body['Message'] !== 'string') return null;
  try {
    return ses(JSON.parse(body['Message']));
  } catch {
    return null;
  }
};

const ses: Reader = (body) => {
  if (!isObject(body)) return null;
  const what = body['notificationType'] ?? body['eventType'];
  if (typeof what !== 'string') return null;
  const messageId = inside(body, 'mail', 'commonHeaders', 'messageId');
  const said = what === 'Bounce' ? body['bounce'] : what === 'Complaint' ? body['complaint'] : null;
  if (!isObject(said)) return [];
  const people = said[what === 'Bounce' ? 'bouncedRecipients' : 'complainedRecipients'];
  const isHard = said['bounceType'] === 'Permanent';
  const kind = what === 'Complaint' ? 'complaint' : isHard ? 'hard_bounce' : 'soft_bounce';
  return (Array.isArray(people) ? people : []).flatMap((person): Feedback[] => {
    if (!isObject(person)) return [];
    const { emailAddress: email, diagnosticCode: reason } = person;
    const { feedbackId } = said;
    // One event of theirs tells of several people.
    const id = typeof feedbackId === 'string' && typeof email === 'string' ? `${feedbackId} ${email}` : null;
    const event = { id, messageId, email, at: said['timestamp'], reason };
    return [feedback(kind, event, ['id', 'messageId', 'email', 'at', 'reason'])];
  });
};

/** The keys of id, Message-ID, address, time and reason, in this order; what is no text is left out. */
function feedback(
  kind: FeedbackKind,
  event: Readonly<Record<string, unknown>>,
  keys: readonly [string, string, string, string, string],
): Feedback {
  const [id, messageId, email, at, reason] = keys.map((key) => {
    const value = event[key];
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  });
  return {
    kind,
    id: id ?? null,
    messageId: messageId ?? null,
    email: email ?? null,
    at: at ?? null,
    reason: reason ?? null,
  };
}

function secondsIn(value: unknown): string | null {
  return typeof value === 'number' && Math.abs(value) < 1e11 ? new Date(value * 1000).toISOString() : null;
}

function inside(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((within: unknown, key) => (isObject(within) ? within[key] : undefined), value);
}

// Last, because the readers are made above.
const readers: readonly (readonly [provider: string, read: Reader])[] = [
  ['', neutral],
  ['postmark', postmark],
  ['sendgrid', sendgrid],
  ['mailgun', mailgun],
  ['ses', sns],
  ['ses', ses],
];
