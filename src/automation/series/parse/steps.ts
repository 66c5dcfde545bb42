import { parseEventFilter, parseFilter } from '../../../filter/parse.js';
import { isList, isObject } from '../../../filter/parse/context.js';
import { collectTraits } from '../../../traits/check.js';
import { checkJson } from '../../../traits/json.js';
import { templateProblems } from '../../templates.js';
import { endWord, seriesLimits, stepKeys } from '../grammar.js';
import type { Step, StepType, WaitForStep } from '../model.js';
import { textsIn } from '../needs.js';
import { listed, own, suggestion } from './check.js';
import type { Check, Document } from './check.js';
import { faultsOfWays } from './graph.js';
import type { KnownTraits, Names } from './known.js';
import { destinationOf } from './destination.js';
import { channelOf, checkTraits, messageOf } from './message.js';
import { daysOf, lengthOf, timeOf, zoneChoiceOf } from './time.js';
import { eventNameOf } from './trigger.js';

const types = Object.keys(stepKeys).filter(isStepType);

function isStepType(name: string): name is StepType {
  return Object.hasOwn(stepKeys, name);
}

const exampleStep = '{"type": "send", "key": "hello", "channel": "inbox", "message": {"text": "Hello"}}';

/** Everything that the reader of a step is told. */
interface StepPlace {
  readonly check: Check;
  readonly path: string;
  readonly document: Document;
  /** Its key and where it leads; what the type does not allow to be written is not used. */
  readonly base: { readonly key: string; readonly next: string | null };
  readonly names: Names;
  readonly targetOf: TargetOf;
}

type TargetOf = (input: unknown, path: string) => string | null;

/** Reads the steps, and the ways between them. */
export function stepsOf(check: Check, input: unknown, names: Names): Step[] {
  if (!isList(input)) {
    check.expected('a list of steps', input, '/steps', `[${exampleStep}]`);
    return [];
  }
  if (input.length === 0) check.report('empty_steps', {}, '/steps');
  if (input.length > seriesLimits.steps) {
    check.report('too_many_steps', { count: input.length, limit: seriesLimits.steps }, '/steps');
    return [];
  }
  const documents = input.map((item, index) =>
    check.object(item, `/steps/${index}`, 'a step, an object', exampleStep),
  );
  const written = documents.map((document) => keyIn(document));
  const known = { ...names, traits: withOwnTraits(names.traits, documents) };
  const targetOf = targetsAmong(check, written);
  const steps = documents.flatMap((document, index) => {
    if (document === null) return [];
    const key = written[index] ?? null;
    if (key !== null && written.indexOf(key) < index) {
      check.report('step_key_taken', { key }, `/steps/${index}/key`);
    }
    const step = stepOf(check, document, {
      index,
      following: written[index + 1] ?? null,
      names: known,
      targetOf,
    });
    return step === null ? [] : [step];
  });
  check.add(...faultsOfWays(documents));
  return steps;
}

/** What a step of the series itself sets need not have been sent before. */
function withOwnTraits(
  traits: KnownTraits | null,
  documents: readonly (Document | null)[],
): KnownTraits | null {
  const set = documents.flatMap((document) => {
    const written = document === null ? null : own(document, 'traits');
    return isObject(written) ? Object.keys(written) : [];
  });
  return traits === null || traits.user.length === 0 ? traits : { ...traits, user: [...traits.user, ...set] };
}

function keyIn(document: Document | null): string | null {
  const key = document === null ? null : own(document, 'key');
  return typeof key === 'string' ? key : null;
}

/** Reads where a step leads: null for the end, and where it names nothing, with the problem noted. */
function targetsAmong(check: Check, keys: readonly (string | null)[]): TargetOf {
  const known = keys.filter((key) => key !== null);
  return (input, path) => {
    if (input === endWord) return null;
    if (typeof input !== 'string') {
      return check.expected('the key of a step, or `end`', input, path, `"${known[0] ?? endWord}"`);
    }
    if (known.includes(input)) return input;
    return check.report('unknown_step', { key: input }, path, suggestion(input, [...known, endWord]));
  };
}

function stepOf(
  check: Check,
  document: Document,
  context: { index: number; following: string | null; names: Names; targetOf: TargetOf },
): Step | null {
  const { index, following, names, targetOf } = context;
  const path = `/steps/${index}`;
  const type = check.oneOf(own(document, 'type'), `${path}/type`, types, 'unknown_step_type', 'type');
  // Which other keys belong to the step only its type can tell.
  if (type === null) return null;
  check.knownKeys(document, path, stepKeys[type]);
  const key = stepKeyOf(check, own(document, 'key'), `${path}/key`);
  const leads = stepKeys[type].includes('next');
  const isWritten = leads && Object.hasOwn(document, 'next');
  const next = isWritten ? targetOf(document['next'], `${path}/next`) : leads ? following : null;
  // Read on without a sound key, so that what else is wrong with the step is told at once.
  const step = readers[type]({ check, path, document, base: { key: key ?? '', next }, names, targetOf });
  return key === null ? null : step;
}

function stepKeyOf(check: Check, input: unknown, path: string): string | null {
  const key = check.key(input, path, '"hello"');
  return key === endWord ? check.report('series_reserved_key', { key }, path) : key;
}

const readers: { readonly [T in StepType]: (place: StepPlace) => Step | null } = {
  send: ({ check, path, document, base, names }) => {
    const channel = channelOf(check, own(document, 'channel'), `${path}/channel`, names);
    const message = messageOf(check, own(document, 'message'), `${path}/message`, channel, names.traits);
    if (channel === null) return null;
    const endpoint = destinationOf({ check, path, document, names }, channel);
    if (message === null || endpoint === undefined) return null;
    return { type: 'send', ...base, channel, ...(endpoint === null ? {} : { endpoint }), message };
  },
  wait: ({ check, path, document, base }) => {
    const length = lengthOf(check, own(document, 'for'), `${path}/for`);
    return length === null ? null : { type: 'wait', ...base, length };
  },
  wait_until_time: ({ check, path, document, base }) => {
    const at = timeOf(check, own(document, 'at'), `${path}/at`);
    const days = daysOf(check, own(document, 'days'), `${path}/days`);
    const zone = zoneChoiceOf(check, own(document, 'zone'), `${path}/zone`);
    if (at === null || days === null || zone === null) return null;
    return { type: 'wait_until_time', ...base, at, days, zone };
  },
  wait_for: (place) => {
    const { check, path, document, base, targetOf } = place;
    const condition = conditionOf(place);
    const timeout = lengthOf(check, own(document, 'timeout'), `${path}/timeout`);
    const isWritten = Object.hasOwn(document, 'on_timeout');
    const onTimeout = isWritten ? targetOf(document['on_timeout'], `${path}/on_timeout`) : base.next;
    if (condition === null || timeout === null) return null;
    return { type: 'wait_for', ...base, condition, timeout, onTimeout };
  },
  branch: (place) => {
    const arms = armsOf(
      place,
      1,
      'when',
      '{"when": {"exists": {"var": "custom:role"}}, "to": "end"}',
      (arm, at) => place.check.filter(own(arm, 'when'), `${at}/when`, parseFilter),
    );
    if (arms === null) return null;
    return { type: 'branch', ...place.base, arms: arms.map(({ said, to }) => ({ when: said, to })) };
  },
  split: (place) => {
    const { check, path, base } = place;
    const arms = armsOf(place, 2, 'percent', '{"percent": 50, "to": "end"}', (arm, at) =>
      percentOf(check, own(arm, 'percent'), `${at}/percent`),
    );
    if (arms === null) return null;
    const sum = arms.reduce((total, { said }) => total + said, 0);
    if (Math.abs(sum - 100) > 1e-9) return check.report('bad_percentages', { sum }, `${path}/arms`);
    return { type: 'split', ...base, arms: arms.map(({ said, to }) => ({ percent: said, to })) };
  },
  set_trait: ({ check, path, document, base }) => {
    const at = `${path}/traits`;
    const traits = check.object(own(document, 'traits'), at, 'traits, an object', '{"onboarded": true}');
    if (traits === null) return null;
    if (Object.keys(traits).length === 0) {
      return check.expected('at least one trait', traits, at, '{"onboarded": true}');
    }
    const found = check.problems.length;
    collectTraits(traits, check.problems, { path: at });
    return check.problems.length > found ? check.add() : { type: 'set_trait', ...base, traits };
  },
  webhook: (place) => {
    const endpoint = endpointOf(place);
    const payload = payloadOf(place);
    if (endpoint === null || payload === undefined) return null;
    return { type: 'webhook', ...place.base, endpoint, payload };
  },
  exit: ({ base }) => ({ type: 'exit', ...base }),
};

function conditionOf({ check, path, document }: StepPlace): WaitForStep['condition'] | null {
  const isFilter = Object.hasOwn(document, 'filter');
  if (isFilter === Object.hasOwn(document, 'event')) {
    const got = isFilter ? 'both' : 'neither';
    const values = { expected: '`filter` or `event`', got, example: '"event": "trial_started"' };
    return check.report('series_expected', values, path);
  }
  const hasWhere = Object.hasOwn(document, 'where');
  if (isFilter) {
    const filter = check.filter(document['filter'], `${path}/filter`, parseFilter);
    if (hasWhere) {
      const known = listed(stepKeys.wait_for.filter((key) => key !== 'where' && key !== 'event'));
      return check.report('series_unknown_key', { key: 'where', known }, `${path}/where`);
    }
    return filter === null ? null : { kind: 'filter', filter };
  }
  const event = eventNameOf(check, document['event'], `${path}/event`);
  const where = hasWhere ? check.filter(document['where'], `${path}/where`, parseEventFilter) : null;
  return event === null ? null : { kind: 'event', event, where };
}

/** `[{SAID, "to": KEY}]`; null where one arm is not in order. */
function armsOf<T>(
  { check, path, document, targetOf }: StepPlace,
  least: number,
  said: string,
  example: string,
  read: (arm: Document, path: string) => T | null,
): { said: T; to: string | null }[] | null {
  const input = own(document, 'arms');
  const at = `${path}/arms`;
  const most = seriesLimits.arms;
  if (!isList(input) || input.length < least || input.length > most) {
    return check.expected(`a list of ${least} to ${most} arms`, input, at, `[${example}]`);
  }
  const arms = input.flatMap((item, index) => {
    const here = `${at}/${index}`;
    const arm = check.object(item, here, 'an arm, an object', example);
    if (arm === null) return [];
    check.knownKeys(arm, here, [said, 'to']);
    const value = read(arm, here);
    const to = targetOf(own(arm, 'to'), `${here}/to`);
    return value === null ? [] : [{ said: value, to }];
  });
  return arms.length === input.length ? arms : null;
}

function percentOf(check: Check, input: unknown, path: string): number | null {
  const percent = check.number(input, path, { low: 0, high: 100, whole: false, example: 50 });
  if (percent !== 0) return percent;
  const values = { expected: 'a percentage above 0', got: 'the number 0', example: 50 };
  return check.report('series_number_range', values, path);
}

function endpointOf({ check, path, document, names }: StepPlace): string | null {
  const at = `${path}/endpoint`;
  const endpoint = check.key(own(document, 'endpoint'), at, '"billing"');
  const { endpoints } = names;
  if (endpoint === null || endpoints === null || endpoints.includes(endpoint)) return endpoint;
  const values = { endpoint, known: listed(endpoints) };
  return check.report('unknown_endpoint', values, at, suggestion(endpoint, endpoints));
}

/** Null where none is written, undefined where it is not in order. */
function payloadOf({ check, path, document, names }: StepPlace): Document | null | undefined {
  if (!Object.hasOwn(document, 'payload')) return null;
  const at = `${path}/payload`;
  const payload = check.object(
    document['payload'],
    at,
    'a payload, an object',
    '{"plan": "{{ custom:plan }}"}',
  );
  if (payload === null) return undefined;
  const before = check.problems.length;
  if (checkJson(payload, 'payload', at, check.problems)) {
    const count = Buffer.byteLength(JSON.stringify(payload));
    const limit = seriesLimits.payloadBytes;
    if (count > limit) check.report('payload_too_large', { count, limit }, at);
    for (const text of textsIn(payload)) {
      check.add(...templateProblems(text, at));
      checkTraits(check, text, at, names.traits);
    }
  }
  check.add();
  return check.problems.length > before ? undefined : payload;
}
