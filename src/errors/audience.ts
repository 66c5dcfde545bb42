import type { ErrorEntry } from './table.js';

/** Refusals of counting, sampling and explaining (`src/audience`). */
export const audienceErrors = {
  unknown_workspace: {
    status: 404,
    exit: 2,
    message: 'there is no workspace `{workspace}`',
    hint: 'make one with `muster import FILE --workspace {workspace}`, or start the sample with `muster start`',
  },
  no_such_user: {
    status: 404,
    exit: 2,
    message: 'there is no user `{user_id}` in the workspace `{workspace}`',
    hint: 'identify or import the user first; user ids are compared letter by letter',
  },
  bad_sample: {
    status: 400,
    exit: 2,
    message: 'a sample of `{sample}` people cannot be taken',
    hint: 'ask for a whole number from 0 to 1000',
  },
  audience_timeout: {
    status: 422,
    exit: 2,
    message: 'counting this audience took longer than {seconds} s and was stopped',
    hint: 'do not repeat it as it is: add a condition that an index serves; `muster compile` names the indexes a filter can use',
  },
  audience_busy: {
    status: 429,
    exit: 3,
    message: 'other counts and reports are still running, and this one found no place beside them',
    hint: 'try again in {seconds} s; ask for fewer at once',
  },
  too_many_fields: {
    status: 400,
    exit: 2,
    message: 'an export of {count} fields is asked for, the limit is {limit}',
    hint: 'name the fields that you need, or export them in several files',
  },
  too_many_reasons: {
    status: 400,
    exit: 2,
    message: 'people fail this filter in more than {most} different ways, too many for one report',
    hint: 'report on a part of it; each operand of an "and" is a filter of its own',
  },
  unknown_preset: {
    status: 404,
    exit: 2,
    message: 'there is no preset `{key}`',
    hint: 'the presets are {presets}',
  },
  bad_preset: {
    status: 500,
    exit: 2,
    message: 'the preset file `{file}` is not usable: {reason}',
    hint: 'a preset has a `key` like its file name, a `title`, a `sentence` and a `filter`',
  },
  segment_bad_key: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot be the key of a segment',
    hint: 'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  },
  segment_bad_name: {
    status: 400,
    exit: 2,
    message: 'this cannot be the name of a segment',
    hint: 'write 1 to {limit} bytes of text without NUL or lone surrogates',
  },
  override_bad_end: {
    status: 400,
    exit: 2,
    message: '{got} cannot be the end of an override',
    hint: 'give an instant later than now in ISO 8601, such as 2030-01-31T12:00:00Z, or leave `until` out',
  },
  too_many_overrides: {
    status: 409,
    exit: 2,
    message: '{limit} people are in the segment `{key}` or kept out of it by hand; there can be no more',
    hint: 'store a trait of these people and let the filter ask for it; an import sets it for many at once',
  },
  segment_exists: {
    status: 409,
    exit: 2,
    message: 'there is a segment `{key}` already',
    hint: 'change it with PUT /api/segments/{key}, or choose another key',
  },
  segment_not_found: {
    status: 404,
    exit: 2,
    message: 'there is no segment with the key `{key}`',
    hint: 'GET /api/segments and `muster segments list` show those that are saved',
  },
  segment_in_use: {
    status: 409,
    exit: 2,
    message: 'the segment `{key}` is in use by {users}',
    hint: 'take it out there first, or archive the series',
  },
  edit_messages_many: {
    status: 409,
    exit: 2,
    message:
      'saving `{key}` would have series take {messaged} people: {joins} would join and {leaves} would leave',
    hint: 'look at POST /api/segments/{key}/diff, then save it with "confirm": true (`--confirm`)',
  },
  segment_needs_index: {
    status: 422,
    exit: 2,
    message:
      'tracking this filter would read everybody again and again to find whose `{value}` comes to the clock',
    hint: 'make the index {index}, or save it with "tracked": false',
  },
  segment_must_be_tracked: {
    status: 409,
    exit: 2,
    message: 'the segment `{key}` has to be tracked: its members entering or leaving starts {series}',
    hint: 'archive the series first, or leave it tracked',
  },
  segment_breaks_others: {
    status: 400,
    exit: 2,
    message: 'the {what}, which this one stands in, could not be read any more: {reason}',
    hint: 'make this filter smaller, or take it out there first',
  },
  bad_search: {
    status: 400,
    exit: 2,
    message: 'a search is text of at most {limit} characters that can be stored',
    hint: 'search for a part of an id, an e-mail address or a name',
  },
} as const satisfies Record<string, ErrorEntry>;
