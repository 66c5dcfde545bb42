import type { ErrorEntry } from './table.js';

/** Refusals of events (`src/traits/track.ts`). A code is never reused for another meaning. */
export const eventsErrors = {
  bad_event_name: {
    status: 400,
    exit: 2,
    message: '`event` needs text of 1 to {limit} characters, but got {got}',
    hint: 'name what happened, such as `trial_started`',
  },
  properties_not_object: {
    status: 400,
    exit: 2,
    message: 'expected properties, an object of names and values, but got {got}',
    hint: 'write properties such as {"plan": "pro", "amount": 10}, or leave them out',
  },
  properties_too_large: {
    status: 413,
    exit: 2,
    message: 'the properties have {count} bytes as JSON, the limit is {limit}',
    hint: 'send what you will filter by; long texts belong elsewhere',
  },
  bad_occurred_at: {
    status: 400,
    exit: 2,
    message: '`occurred_at` needs an ISO 8601 time, but got {got}',
    hint: 'write a time such as `2026-01-31T09:30:00Z`, or leave it out for now',
  },
  event_in_future: {
    status: 400,
    exit: 2,
    message: 'the event is said to occur at {at}, more than {limit} hours from now',
    hint: 'check the clock of the machine that sent it; what will happen is not an event yet',
  },
  event_too_old: {
    status: 400,
    exit: 2,
    message: 'the event is said to have occurred at {at}, more than {limit} ago',
    hint: 'check the unit: seconds read as milliseconds lie in 1970',
  },
  bad_message_id: {
    status: 400,
    exit: 2,
    message: '`message_id` needs text of 1 to {limit} bytes, but got {got}',
    hint: 'send an id of your own that is the same each time you send this event, or leave it out',
  },
  event_of_nobody: {
    status: 400,
    exit: 2,
    message: 'the event names neither a user nor a visitor',
    hint: 'send `user_id`, or `anonymous_id` for somebody who is not signed in',
  },
  too_many_events: {
    status: 422,
    exit: 2,
    message: 'the person has more than {limit} events `{event}`, too many to explain one by one',
    hint: 'preview still counts the audience; ask about a rarer event to explain this person',
  },
} as const satisfies Record<string, ErrorEntry>;
