import type { ErrorEntry } from './table.js';

/** Refusals of series, templates and the queue (`src/automation`). A code is never reused for another meaning. */
export const automationErrors = {
  series_not_json: {
    status: 400,
    exit: 2,
    message: 'the series is not valid JSON: {reason}',
    hint: 'check quotes, commas and brackets near the position named',
  },
  series_unreadable: {
    status: 400,
    exit: 2,
    message: 'cannot read the series `{file}`: {reason}',
    hint: 'name a readable JSON file, such as one in rules/series',
  },
  series_expected: {
    status: 400,
    exit: 2,
    message: 'expected {expected}, but got {got}',
    hint: 'write {example}',
  },
  series_unknown_key: {
    status: 400,
    exit: 2,
    message: 'unknown key `{key}`',
    hint: 'remove it; known here are {known}',
  },
  series_bad_key: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot name a series or a step',
    hint: 'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  },
  series_bad_text: {
    status: 400,
    exit: 2,
    message: 'the text {fault}',
    hint: 'write 1 to {limit} bytes of text without NUL or lone surrogates',
  },
  unknown_trigger: {
    status: 400,
    exit: 2,
    message: 'unknown trigger `{trigger}`',
    hint: 'a series can begin with {known}',
  },
  unknown_entry_policy: {
    status: 400,
    exit: 2,
    message: 'unknown entry policy `{entry}`',
    hint: 'people enter a series {known}',
  },
  empty_steps: {
    status: 400,
    exit: 2,
    message: 'the series has no steps',
    hint: 'write at least one, such as {"type": "send", "key": "hello", "channel": "inbox", "message": {"text": "Hello"}}',
  },
  too_many_steps: {
    status: 400,
    exit: 2,
    message: 'the series has {count} steps, the limit is {limit}',
    hint: 'split it into several series',
  },
  unknown_step_type: {
    status: 400,
    exit: 2,
    message: 'unknown step type `{type}`',
    hint: 'a step can be {known}',
  },
  unknown_channel: {
    status: 400,
    exit: 2,
    message: 'unknown channel `{channel}`',
    hint: 'a message can go to {known}',
  },
  step_key_taken: {
    status: 400,
    exit: 2,
    message: 'the step key `{key}` is used twice',
    hint: 'give each step a key of its own; people inside the series are found again by it',
  },
  bad_merge_tag: {
    status: 400,
    exit: 2,
    message: 'the merge tag `{tag}` {fault}',
    hint: 'write {{ field }} or {{ field|fallback }}, such as {{ name|there }}',
  },
  series_not_found: {
    status: 404,
    exit: 2,
    message: 'there is no series `{key}`',
    hint: 'list the series to see their keys',
  },
  series_archived: {
    status: 409,
    exit: 2,
    message: 'the series `{key}` is archived',
    hint: 'save it under another key',
  },
  redis_unreachable: {
    status: 503,
    exit: 3,
    message: 'cannot reach Redis at `{url}`: {reason}',
    hint: 'check REDIS_URL and that the server runs, or leave REDIS_URL out to use the embedded one',
  },
} as const satisfies Record<string, ErrorEntry>;
