import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { parseIso } from '../filter/iso8601.js';
import { isObject } from '../filter/parse/context.js';
import type { EventRecord, UserRecord } from '../filter/record.js';
import { knownTraitNames } from './known-traits.js';
import { noTypes, openReader } from './import/reader.js';
import { openRows } from './rows/open.js';
import { checkUnchanged } from './rows/source.js';
import type { FileFormat } from './rows/source.js';
import { isByKey } from './import/row.js';
import type { StagedRow } from './import/row.js';
import { collectTraits } from './check.js';
import { collectId } from './ids.js';

/** People of a file, read into memory and written nowhere. */
export interface PeopleFile {
  readonly people: readonly UserRecord[];
  /** Rows that an import would refuse. */
  readonly rejected: number;
  /** What is wrong with the first of them. */
  readonly rejects: readonly { readonly line: number; readonly problems: readonly Problem[] }[];
}

const mostRejects = 20;

/**
 * Reads the people of a file for simulations: CSV and TSV exactly as an import would, NDJSON with a line
 * `{ "user_id", "traits"?, "created_at"?, "last_seen"?, "company"?, "events"?: [{ "event", "occurred_at", "properties"? }] }` for each.
 *
 * Rows that an import would refuse are left out and counted. Errors: those of an import that refuses the whole file.
 */
export async function readPeopleFile(
  path: string,
  format?: FileFormat,
  onProgress: (done: number, size: number) => void = () => undefined,
): Promise<PeopleFile> {
  const file = await openRows(path, { format });
  const { source } = file;
  const people: UserRecord[] = [];
  const rejects: { line: number; problems: readonly Problem[] }[] = [];
  let rejected = 0;
  const add = (line: number, built: UserRecord | { readonly problems: readonly Problem[] }): void => {
    if (!('problems' in built)) {
      people.push(built);
      return;
    }
    rejected += 1;
    if (rejects.length < mostRejects) rejects.push({ line, problems: built.problems });
  };
  const reading =
    file.kind === 'items'
      ? file.rows((line, text) => add(line, personOfLine(text)))
      : (await openReader(file, { cells: {}, typesOf: noTypes, onProgress: () => undefined })).rows(
          (line, built) => add(line, 'problems' in built ? built : personOfRow(built.key, built.row)),
        );
  for await (const done of reading) onProgress(done, source.size);
  await checkUnchanged(source);
  return { people, rejected, rejects };
}

function personOfRow(userId: string, { columns, custom }: StagedRow): UserRecord {
  const known: Record<string, unknown> = {};
  knownTraitNames.forEach((name, index) => {
    const text = columns[index] ?? null;
    if (text !== null) known[name] = name === 'on_contract' ? text === 'true' : text;
  });
  const parts = isByKey(custom) ? [...custom.values()] : custom;
  const json = parts.filter((part) => part !== null && part !== undefined).join(',');
  return { ...known, user_id: userId, custom_fields: jsonObject(`{${json}}`) };
}

function jsonObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? { ...value } : {};
}

const timeKeys = ['created_at', 'last_seen'] as const;
const lineKeys: readonly string[] = ['user_id', 'traits', ...timeKeys, 'company', 'events'];

function personOfLine(text: string | null): UserRecord | { problems: Problem[] } {
  const line = text === null ? null : parsed(text);
  if (!isObject(line)) return { problems: [problem('row_not_json')] };
  const own = (key: string): unknown => (Object.hasOwn(line, key) ? line[key] : undefined);
  const problems: Problem[] = [];
  for (const key of Object.keys(line)) {
    if (!lineKeys.includes(key)) problems.push(problem('row_unknown_key', { key }));
  }
  const sentId = own('user_id');
  if (sentId === undefined || sentId === '') return { problems: [...problems, problem('row_no_user_id')] };
  const userId = collectId('user_id', sentId, problems);
  if (userId === '') return { problems };
  const traits = collectTraits(own('traits'), problems);
  const company = own('company');
  const companyTraits = company === undefined ? null : collectTraits(company, problems, { of: 'company' });
  const times: Partial<Record<(typeof timeKeys)[number], string>> = {};
  for (const key of timeKeys) {
    const value = own(key);
    if (isTime(value)) times[key] = value;
    else if (value !== undefined) problems.push(wrong(key, 'a time in ISO 8601'));
  }
  const events = own('events');
  if (events !== undefined && !isEvents(events))
    problems.push(wrong('events', 'a list of events with their times'));
  if (problems.length > 0) return { problems };
  return {
    ...traits.columns,
    user_id: userId,
    custom_fields: traits.custom,
    ...times,
    ...(companyTraits === null
      ? {}
      : { company: { ...companyTraits.columns, custom_fields: companyTraits.custom } }),
    ...(isEvents(events) ? { events } : {}),
  };
}

function wrong(key: string, expected: string): Problem {
  return problem('row_wrong_value', { key, expected });
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && parseIso(value) !== null;
}

function isEvents(value: unknown): value is readonly EventRecord[] {
  return Array.isArray(value) && value.every(isEvent);
}

function isEvent(value: unknown): boolean {
  if (!isObject(value) || !('event' in value) || !('occurred_at' in value)) return false;
  if (typeof value['event'] !== 'string' || !isTime(value['occurred_at'])) return false;
  return !('properties' in value) || isObject(value['properties']);
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
