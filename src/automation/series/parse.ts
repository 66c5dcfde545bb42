import { MusterError } from '../../errors/index.js';
import { described } from '../../filter/parse/context.js';
import { parseFilter } from '../../filter/parse.js';
import type { Filter } from '../../filter/tree.js';
import { entryWords, seriesKeys, seriesLimits } from './grammar.js';
import type { EntryPolicy, SeriesDefinition } from './model.js';
import { Check, own, suggestion } from './parse/check.js';
import type { Document } from './parse/check.js';
import { namesOf } from './parse/known.js';
import type { KnownNames } from './parse/known.js';
import { capsOf } from './parse/message.js';
import { stepsOf } from './parse/steps.js';
import { lengthOf, quietHoursOf, sendWindowOf } from './parse/time.js';
import { triggerOf } from './parse/trigger.js';
import { leavesTimeToSend } from './sending-hours.js';

export type { KnownNames } from './parse/known.js';

/**
 * Checks a series as written in JSON and returns it typed. The language is described in docs/series.md, its shape
 * published as docs/series.schema.json.
 *
 * @param known what the workspace has, for names to be checked against
 *
 * Errors: a `MusterError` with every problem found (up to `seriesLimits.problems`), each with its JSON Pointer; problems of a
 * filter are found under its place. Only what runs is accepted: unknown keys, steps and channels are refused.
 */
export function parseSeries(input: unknown, known: KnownNames = {}): SeriesDefinition {
  const names = namesOf(known);
  const check = new Check(names.savedSegments, 'series', names.channels === null);
  const example = '{"key": "welcome", "name": "Welcome", ...}';
  const document = check.object(input, '', 'a series, an object', example);
  if (document === null) throw new MusterError(check.problems);
  check.knownKeys(document, '', seriesKeys);
  const key = check.key(own(document, 'key'), '/key');
  const name = check.text(own(document, 'name'), '/name', 'a name', seriesLimits.nameBytes);
  const trigger = triggerOf(check, own(document, 'trigger'), names);
  const part = partReader(check, document);
  const entry = part('entry', entryOf) ?? { kind: 'once' };
  const quietHours = part('quiet_hours', quietHoursOf);
  const sendWindow = part('send_window', sendWindowOf);
  if (!leavesTimeToSend({ quietHours, sendWindow })) check.report('no_time_to_send', {}, '/send_window');
  const definition = {
    topic: part('topic', topicOf),
    audience: part('audience', filterOf),
    entry,
    exit: part('exit', filterOf),
    goal: part('goal', filterOf),
    quietHours,
    sendWindow,
    frequencyCaps: part('frequency_caps', capsOf) ?? [],
    holdout: part('holdout', holdoutOf) ?? 0,
    steps: stepsOf(check, own(document, 'steps'), names),
    source: document,
  };
  if (check.problems.length > 0 || key === null || name === null || trigger === null) {
    throw new MusterError(check.problems);
  }
  return { key, name, trigger, ...definition };
}

type PartReader<T> = (check: Check, input: unknown, path: string) => T | null;

/** Reads a part that may be left out. One that is there but null says nothing, and its reader refuses it. */
function partReader(check: Check, document: Document): <T>(key: string, read: PartReader<T>) => T | null {
  return (key, read) => (Object.hasOwn(document, key) ? read(check, document[key], `/${key}`) : null);
}

function topicOf(check: Check, input: unknown, path: string): string | null {
  return check.text(input, path, 'a topic', seriesLimits.topicBytes, '"product news"');
}

function filterOf(check: Check, input: unknown, path: string): Filter | null {
  return check.filter(input, path, parseFilter);
}

/** `"once"`, `"every_time"` or `{"again_after": [30, "days"]}`. */
function entryOf(check: Check, input: unknown, path: string): EntryPolicy | null {
  const word = entryWords.find((known) => known === input);
  if (word !== undefined) return { kind: word };
  const known = '`once`, `every_time` or {"again_after": [30, "days"]}';
  if (typeof input === 'string') {
    const near = suggestion(input, entryWords);
    return check.report('unknown_entry_policy', { entry: input, known }, path, near);
  }
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, 'again_after')) {
    const values = { expected: known, got: described(input), example: '"once"' };
    return check.report('series_expected', values, path);
  }
  const policy = { ...input };
  check.knownKeys(policy, path, ['again_after']);
  const after = lengthOf(check, own(policy, 'again_after'), `${path}/again_after`);
  return after === null ? null : { kind: 'again_after', after };
}

function holdoutOf(check: Check, input: unknown, path: string): number | null {
  return check.number(input, path, { low: 0, high: seriesLimits.holdout, whole: false, example: 10 });
}
