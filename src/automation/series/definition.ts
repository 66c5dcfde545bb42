import { MusterError, problem } from '../../errors/index.js';
import type { ErrorCode, Problem } from '../../errors/index.js';
import { parseFilter } from '../../filter/parse.js';
import type { Filter } from '../../filter/tree.js';
import { templateProblems } from '../templates.js';

/** What can start a series. */
export const triggerTypes = ['user_created'] as const;
/** How often a person can enter. */
export const entryPolicies = ['once'] as const;
export const stepTypes = ['send'] as const;
export const channelNames = ['log', 'inbox'] as const;

export type TriggerType = (typeof triggerTypes)[number];
export type EntryPolicy = (typeof entryPolicies)[number];
export type ChannelName = (typeof channelNames)[number];

export interface MessageTemplate {
  readonly title: string | null;
  readonly text: string;
}

/** Sends one message, then goes on. */
export interface SendStep {
  readonly type: 'send';
  readonly key: string;
  readonly channel: ChannelName;
  readonly message: MessageTemplate;
}

export type Step = SendStep;

/** A checked series. `audience` is null where everybody may enter; `source` is the document as it was written. */
export interface SeriesDefinition {
  readonly key: string;
  readonly name: string;
  readonly trigger: { readonly type: TriggerType };
  readonly audience: Filter | null;
  readonly entry: EntryPolicy;
  /** At least one. */
  readonly steps: readonly Step[];
  readonly source: Readonly<Record<string, unknown>>;
}

/** Bounds of a definition: steps, and UTF-8 bytes of names, titles and texts. */
export const seriesLimits = { steps: 100, nameBytes: 256, titleBytes: 1024, textBytes: 65_536 } as const;

const exampleStep = '{"type": "send", "key": "hello", "channel": "inbox", "message": {"text": "Hello"}}';

/**
 * Checks a series as written in JSON and returns it typed.
 *
 * Errors: a `MusterError` with every problem found, each with its JSON Pointer; problems of the audience filter are
 * found under `/audience`. Only what runs is accepted: unknown keys, steps and channels are refused.
 */
export function parseSeries(input: unknown): SeriesDefinition {
  const check = new Check();
  const document = check.object(
    input,
    '',
    'a series, an object',
    '{"key": "welcome", "name": "Welcome", ...}',
  );
  if (document === null) throw new MusterError(check.problems);
  check.knownKeys(document, '', ['key', 'name', 'trigger', 'audience', 'entry', 'steps']);
  const key = check.key(own(document, 'key'), '/key');
  const name = check.text(own(document, 'name'), '/name', 'a name', seriesLimits.nameBytes);
  const trigger = triggerOf(check, own(document, 'trigger'));
  const audience = audienceOf(check, document);
  const entry =
    own(document, 'entry') === undefined
      ? 'once'
      : check.oneOf(own(document, 'entry'), '/entry', entryPolicies, 'unknown_entry_policy', 'entry');
  const steps = stepsOf(check, own(document, 'steps'));
  if (check.problems.length > 0 || key === null || name === null || trigger === null || entry === null) {
    throw new MusterError(check.problems);
  }
  return { key, name, trigger: { type: trigger }, audience, entry, steps, source: document };
}

function triggerOf(check: Check, input: unknown): TriggerType | null {
  const trigger = check.object(input, '/trigger', 'a trigger, an object', '{"type": "user_created"}');
  if (trigger === null) return null;
  check.knownKeys(trigger, '/trigger', ['type']);
  return check.oneOf(own(trigger, 'type'), '/trigger/type', triggerTypes, 'unknown_trigger', 'trigger');
}

function audienceOf(check: Check, document: Readonly<Record<string, unknown>>): Filter | null {
  // A key that is there but says nothing is a mistake, not the whole audience: the filter's own refusal names it.
  if (!Object.hasOwn(document, 'audience')) return null;
  try {
    return parseFilter(document['audience']);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    check.problems.push(...error.problems.map((found) => ({ ...found, path: '/audience' + found.path })));
    return null;
  }
}

function stepsOf(check: Check, input: unknown): Step[] {
  if (!Array.isArray(input)) {
    check.expected('a list of steps', input, '/steps', `[${exampleStep}]`);
    return [];
  }
  const list: readonly unknown[] = input;
  if (list.length === 0) check.report('empty_steps', {}, '/steps');
  if (list.length > seriesLimits.steps) {
    check.report('too_many_steps', { count: list.length, limit: seriesLimits.steps }, '/steps');
    return [];
  }
  const taken = new Set<string>();
  return list.flatMap((item, index) => {
    const step = stepOf(check, item, `/steps/${index}`);
    if (step === null) return [];
    if (taken.has(step.key)) check.report('step_key_taken', { key: step.key }, `/steps/${index}/key`);
    taken.add(step.key);
    return [step];
  });
}

function stepOf(check: Check, input: unknown, path: string): Step | null {
  const step = check.object(input, path, 'a step, an object', exampleStep);
  if (step === null) return null;
  const type = check.oneOf(own(step, 'type'), `${path}/type`, stepTypes, 'unknown_step_type', 'type');
  // Which other keys belong to the step only its type can tell.
  if (type === null) return null;
  check.knownKeys(step, path, ['type', 'key', 'channel', 'message']);
  const key = check.key(own(step, 'key'), `${path}/key`);
  const channel = check.oneOf(
    own(step, 'channel'),
    `${path}/channel`,
    channelNames,
    'unknown_channel',
    'channel',
  );
  const message = messageOf(check, own(step, 'message'), `${path}/message`);
  return key === null || channel === null || message === null ? null : { type, key, channel, message };
}

function messageOf(check: Check, input: unknown, path: string): MessageTemplate | null {
  const message = check.object(
    input,
    path,
    'a message, an object',
    '{"title": "Welcome", "text": "Hello {{ name|there }}"}',
  );
  if (message === null) return null;
  check.knownKeys(message, path, ['title', 'text']);
  const title =
    own(message, 'title') === undefined
      ? null
      : check.template(own(message, 'title'), `${path}/title`, seriesLimits.titleBytes);
  const text = check.template(own(message, 'text'), `${path}/text`, seriesLimits.textBytes);
  return text === null ? null : { title, text };
}

function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Collects problems while a document is read; each reader returns null where it found one. */
class Check {
  readonly problems: Problem[] = [];

  report(code: ErrorCode, values: Readonly<Record<string, string | number>>, path: string): null {
    this.problems.push(problem(code, values, { path }));
    return null;
  }

  expected(expected: string, got: unknown, path: string, example: string): null {
    return this.report('series_expected', { expected, got: kindOf(got), example }, path);
  }

  object(
    input: unknown,
    path: string,
    expected: string,
    example: string,
  ): Readonly<Record<string, unknown>> | null {
    return isRecord(input) ? input : this.expected(expected, input, path, example);
  }

  knownKeys(object: Readonly<Record<string, unknown>>, path: string, known: readonly string[]): void {
    for (const key of Object.keys(object)) {
      if (known.includes(key)) continue;
      const token = key.replaceAll('~', '~0').replaceAll('/', '~1');
      this.report('series_unknown_key', { key, known: listed(known) }, `${path}/${token}`);
    }
  }

  key(input: unknown, path: string): string | null {
    if (typeof input !== 'string') return this.expected('a key, a text', input, path, '"welcome"');
    return /^[a-z0-9][a-z0-9_-]{0,62}$/.test(input)
      ? input
      : this.report('series_bad_key', { key: input }, path);
  }

  text(input: unknown, path: string, what: string, limit: number): string | null {
    if (typeof input !== 'string') return this.expected(`${what}, a text`, input, path, '"Welcome"');
    const bytes = Buffer.byteLength(input);
    const fault =
      input.trim() === ''
        ? 'is empty'
        : bytes > limit
          ? `has ${bytes} bytes`
          : input.includes('\0')
            ? 'holds NUL'
            : input.isWellFormed()
              ? null
              : 'holds a lone surrogate';
    return fault === null ? input : this.report('series_bad_text', { fault, limit }, path);
  }

  template(input: unknown, path: string, limit: number): string | null {
    const text = this.text(input, path, 'a template', limit);
    if (text === null) return null;
    const faults = templateProblems(text, path);
    this.problems.push(...faults);
    return faults.length > 0 ? null : text;
  }

  oneOf<T extends string>(
    input: unknown,
    path: string,
    known: readonly T[],
    code: ErrorCode,
    name: string,
  ): T | null {
    if (typeof input !== 'string')
      return this.expected(`one of ${listed(known)}`, input, path, `"${known[0]}"`);
    const found = known.find((item) => item === input);
    return found ?? this.report(code, { [name]: input, known: listed(known) }, path);
  }
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
