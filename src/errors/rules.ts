import type { ErrorEntry } from './table.js';

/** Refusals of decision rules (`src/audience/rules`). A code is never reused for another meaning. */
export const rulesErrors = {
  rule_not_json: {
    status: 400,
    exit: 2,
    message: 'the rule is not valid JSON: {reason}',
    hint: 'check quotes, commas and brackets near the position named',
  },
  rule_unreadable: {
    status: 400,
    exit: 2,
    message: 'cannot read the rule `{file}`: {reason}',
    hint: 'name a readable JSON file, such as rules/slack/mode.json',
  },
  rule_expected: {
    status: 400,
    exit: 2,
    message: 'expected {expected}, but got {got}',
    hint: 'write {example}',
  },
  rule_unknown_key: {
    status: 400,
    exit: 2,
    message: 'unknown key `{key}`',
    hint: 'remove it; known here are {known}',
  },
  rule_missing_key: {
    status: 400,
    exit: 2,
    message: 'the key `{key}` is missing',
    hint: 'write {example}',
  },
  rule_bad_key: {
    status: 400,
    exit: 2,
    message: '`{key}` cannot be a key',
    hint: 'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  },
  rule_bad_text: {
    status: 400,
    exit: 2,
    message: 'the text {fault}',
    hint: 'write 1 to {limit} bytes of text without NUL or lone surrogates',
  },
  rule_too_large: {
    status: 400,
    exit: 2,
    message: 'the rule has {count} bytes as JSON, the limit is {limit}',
    hint: 'make two rules of it, or keep long lists as a trait',
  },
  unknown_decision: {
    status: 400,
    exit: 2,
    message: 'a rule cannot decide `{decides}`',
    hint: 'rules decide {known}',
  },
  rule_unknown_outcome: {
    status: 400,
    exit: 2,
    message: '`{value}` is not among the outcomes',
    hint: 'list it in `outcomes`, or return one of {known}',
  },
  rule_duplicate: {
    status: 400,
    exit: 2,
    message: '`{value}` stands twice',
    hint: 'remove one of the two',
  },
  rule_needs_hide: {
    status: 400,
    exit: 2,
    message: 'a {decides} needs the outcome `hide`, for whoever is not to see it',
    hint: 'add "hide" to `outcomes`; every other outcome shows, as that variant',
  },
  rule_no_items: {
    status: 400,
    exit: 2,
    message: 'only a checklist has `items`, but this decides `{decides}`',
    hint: 'remove them',
  },
  rule_not_found: {
    status: 404,
    exit: 2,
    message: 'there is no rule `{key}`',
    hint: 'the rules are {known}',
  },
  rule_not_own: {
    status: 404,
    exit: 2,
    message: 'the workspace has no rule `{key}` of its own',
    hint: 'what ships with Muster cannot be deleted; save a rule of this key that returns what you want',
  },
  rule_version_conflict: {
    status: 409,
    exit: 2,
    message: 'the rule `{key}` is at version {current}, but version {version} was changed',
    hint: 'read it again and make the change there, or leave `version` out to save regardless',
  },
  rule_key_differs: {
    status: 400,
    exit: 2,
    message: 'the rule is called `{key}`, the address says `{address}`',
    hint: 'send the rule to its own address',
  },
  rule_asks_whom: {
    status: 400,
    exit: 2,
    message: 'a rule is asked about one person, but the call names {got}',
    hint: 'send either `user_id` or `facts`; the facts {} are those of nobody',
  },
  unknown_fact: {
    status: 400,
    exit: 2,
    message: 'unknown fact `{key}`',
    hint: 'traits of your own stand in `custom_fields`; known here are {known}',
  },
  bad_fact: {
    status: 400,
    exit: 2,
    message: '`{key}` takes {expected}, but got {got}',
    hint: 'write facts as a person is stored: {"signed_up_at": "2026-01-31", "custom_fields": {"role": "owner"}}',
  },
  bad_page_url: {
    status: 400,
    exit: 2,
    message: '`{url}` is not the address of a page',
    hint: 'send the whole address with http or https, such as `location.href`, up to {limit} bytes',
  },
} as const satisfies Record<string, ErrorEntry>;
