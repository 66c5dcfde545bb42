import type { ErrorEntry } from './table.js';

/** Refusals of broadcasts (`src/automation/broadcasts`). A code is never reused for another meaning. */
export const broadcastErrors = {
  broadcast_not_json: {
    status: 400,
    exit: 2,
    message: 'the broadcast is not valid JSON: {reason}',
    hint: 'check quotes, commas and brackets near the position named',
  },
  broadcast_unreadable: {
    status: 400,
    exit: 2,
    message: 'cannot read the broadcast `{file}`: {reason}',
    hint: 'name a readable JSON file',
  },
  broadcast_expected: {
    status: 400,
    exit: 2,
    message: 'expected {expected}, but got {got}',
    hint: 'write {example}',
  },
  broadcast_unknown_key: {
    status: 400,
    exit: 2,
    message: 'unknown key `{key}`',
    hint: 'remove it; known here are {known}',
  },
  broadcast_bad_key: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot be a key',
    hint: 'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  },
  broadcast_bad_text: {
    status: 400,
    exit: 2,
    message: 'the text {fault}',
    hint: 'write 1 to {limit} bytes of text without NUL or lone surrogates',
  },
  broadcast_number_range: {
    status: 400,
    exit: 2,
    message: 'expected {expected}, but got {got}',
    hint: 'write a number in that range, such as {example}',
  },
  variant_key_taken: {
    status: 400,
    exit: 2,
    message: 'the variant key `{key}` is used twice',
    hint: 'give each variant a key of its own; the report counts by it',
  },
  unknown_variant: {
    status: 400,
    exit: 2,
    message: 'there is no variant `{variant}`',
    hint: 'known here are {known}',
  },
  broadcast_not_found: {
    status: 404,
    exit: 2,
    message: 'there is no broadcast `{key}`',
    hint: 'list the broadcasts to see their keys',
  },
  broadcast_recurs: {
    status: 409,
    exit: 2,
    message: 'the broadcast `{key}` goes by its schedule',
    hint: 'to send it besides, give the launch a name of its own as `run`, such as `by-hand-1`',
  },
  broadcast_run_not_found: {
    status: 404,
    exit: 2,
    message: 'the broadcast `{key}` has no run `{run}`',
    hint: 'launch it first; the broadcast shows its latest run',
  },
  broadcast_bad_run: {
    status: 400,
    exit: 2,
    message: '`{run}` cannot name a run',
    hint: 'use 1 to 100 letters, digits, `.`, `:`, `_`, `+` and `-`, such as the time it is for',
  },
  broadcast_archived: {
    status: 409,
    exit: 2,
    message: 'the broadcast `{key}` is archived',
    hint: 'save it under another key',
  },
  broadcast_launched: {
    status: 409,
    exit: 2,
    message: 'the broadcast `{key}` was launched at {at} and is {state}',
    hint: 'save it under another key to send it once more; its report shows who it reached',
  },
  broadcast_under_way: {
    status: 409,
    exit: 2,
    message: 'the broadcast `{key}` has {count} people still to be sent to',
    hint: 'cancel it first, or ask with `force`: who was not sent to stays so',
  },
  broadcast_over: {
    status: 409,
    exit: 2,
    message: 'the broadcast `{key}` is {state}, so that it cannot be {wanted}',
    hint: 'only what is under way can be paused, resumed or cancelled',
  },
  broadcast_empty_audience: {
    status: 409,
    exit: 2,
    message: 'nobody matches the audience of the broadcast `{key}`',
    hint: 'preview the audience: it counts each of its conditions alone',
  },
  broadcast_nobody_to_send: {
    status: 409,
    exit: 2,
    message:
      '{matched} people match the audience of the broadcast `{key}`, and none of them can be sent to: {why}',
    hint: 'preview the broadcast: it shows who each of the reasons concerns',
  },
  broadcast_variable_missing: {
    status: 409,
    exit: 2,
    message: 'none of the {count} people to be sent to has a value for `{field}`',
    hint: 'send the trait, or write a fallback, such as {{ {field}|there }}',
  },
  broadcast_time_over: {
    status: 409,
    exit: 2,
    message: 'the time of the broadcast `{key}` is over: it was {at}',
    hint: 'give the schedule a time to come, or write `now`',
  },
  dedupe_without_address: {
    status: 400,
    exit: 2,
    message: 'the channel `{channel}` goes by the person, not by an address that people could share',
    hint: 'leave `dedupe` out; each person is sent to once',
  },
  broadcast_zone_values: {
    status: 409,
    exit: 2,
    message:
      'the field `{field}`, which holds the zone of each person, has more than {limit} different values',
    hint: 'name the trait that holds zones: `muster settings set --zone-trait TRAIT`',
  },
} as const satisfies Record<string, ErrorEntry>;
