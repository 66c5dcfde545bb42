import { createHash } from 'node:crypto';
import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { isObject, shown } from '../../filter/parse/context.js';
import { itemLimit } from '../rows/lines.js';
import { collectId } from '../ids.js';
import { checkTrack } from '../track.js';
import type { CheckedTrack, Track } from '../track.js';
import { customReader, datesHint } from './cell-readers.js';
import type { Reading } from './cell-readers.js';
import { readEpoch, readTime } from './cells/times.js';
import { plainWords } from './cells/words.js';
import { parsed } from './ndjson.js';
import { countCell, newColumn, refuseCell } from './column.js';
import type { Column, ColumnReport, Counting } from './column.js';
import type { RefusedCell } from './csv-rows.js';
import { eventFieldName, eventTarget } from './event-columns.js';
import type { EventColumn, EventField } from './event-columns.js';
import { columnTyper, commaOf } from './types.js';

/** An event that can be stored, with the cells that are kept out of it, or what is wrong with the row. */
export type BuiltEvent =
  | {
      readonly event: CheckedTrack;
      readonly refused: readonly RefusedCell[];
      /** Takes its cells out of the counts of the columns: the row is not stored after all. */
      readonly takeBack: () => void;
    }
  | { readonly problems: readonly [Problem, ...Problem[]] };

export interface EventRowsOptions {
  readonly workspaceId: string;
  readonly reading: Reading;
  readonly semicolons: boolean;
  readonly strict: boolean;
  readonly now: number;
}

/** Sees every row of the first pass, then builds events of the second. */
export interface EventRows {
  see(cells: readonly string[]): void;
  decide(): void;
  build(cells: readonly string[]): BuiltEvent;
  report(): ColumnReport[];
}

/** What the cells of a row say. */
interface ReadEvent {
  readonly fields: ReadonlyMap<EventField, string>;
  readonly properties: unknown;
  readonly refused: readonly RefusedCell[];
}

interface PlannedColumn extends Column {
  readonly plan: EventColumn;
}

export function eventRows(plan: readonly EventColumn[], options: EventRowsOptions): EventRows {
  const { reading, semicolons, strict } = options;
  const typing = { empty: reading.empty, words: plainWords, semicolons };
  const columns = plan.map((each): PlannedColumn => {
    const typer = each.target?.kind === 'property' ? columnTyper(typing) : null;
    return { plan: each, ...newColumn(typer, typeOf(each)) };
  });
  const read = (cells: readonly string[], counting: Counting): ReadEvent => {
    const refused: RefusedCell[] = [];
    const fields = new Map<EventField, string>();
    const own: [string, unknown][] = [];
    let whole: unknown = {};
    for (const column of columns) {
      const { target, at, name } = column.plan;
      const cell = cells[at] ?? '';
      if (target === null) continue;
      if (column.reader === null) {
        const text = cell.trim();
        countCell(column, text === '' ? null : text, counting);
        if (text !== '' && target.kind === 'field') fields.set(target.name, text);
        continue;
      }
      const found: Problem[] = [];
      const json = cell === '' ? null : column.reader(cell, found);
      const [first] = found;
      if (first !== undefined) {
        refuseCell(column, cell, counting);
        refused.push({ column: name, value: shown(cell), problem: first });
        continue;
      }
      countCell(column, json ?? null, counting);
      if (json === null || json === undefined) continue;
      const value: unknown = JSON.parse(json);
      if (target.kind === 'field') whole = value;
      else own.push([target.name, value]);
    }
    return { fields, properties: withOwn(whole, own), refused };
  };
  return {
    see(cells) {
      for (const {
        typer,
        plan: { at },
      } of columns)
        typer?.see((cells[at] ?? '').trim(), true);
    },
    decide() {
      const typers = columns.flatMap(({ typer }) => typer ?? []);
      const file = {
        dot: typers.some(({ decimals }) => decimals.dot),
        comma: typers.some(({ decimals }) => decimals.comma),
      };
      for (const column of columns) {
        const {
          typer,
          plan: { target },
        } = column;
        if (target === null || (typer === null && target.name !== 'properties')) continue;
        const comma = typer === null ? 'unread' : commaOf(typer.decimals, file);
        const type = typer === null ? 'object' : typer.type(comma);
        column.type = type;
        column.reader = customReader(type, target.name, reading, comma, null);
      }
    },
    build(cells) {
      const { fields, properties, refused } = read(cells, 'counted');
      return builtOf(
        {
          userId: fields.get('user_id'),
          anonymousId: fields.get('anonymous_id'),
          event: fields.get('event') ?? '',
          messageId: fields.get('message_id'),
          occurredAt: fields.get('occurred_at') ?? '',
          properties: properties,
        },
        {
          options,
          problems: strict ? refused.map((each) => each.problem) : [],
          refused,
          takeBack: () => {
            read(cells, 'taken back');
          },
        },
      );
    },
    report: () =>
      columns
        .filter(({ plan: { name, target }, read: count }) => name !== '' || target !== null || count > 0)
        .map(({ plan: { name, target, note, map }, type, read: count, empty, refused, example }) => ({
          name,
          field: target === null ? null : eventFieldName(target),
          type,
          read: count,
          empty,
          refused,
          example,
          note,
          map,
        })),
  };
}

/** Builds the event of one JSON object: fields by their names as in a header, all other keys properties. */
export function eventItem(
  text: string | null,
  map: Readonly<Record<string, string>>,
  options: EventRowsOptions,
): BuiltEvent {
  if (text === null) return { problems: [problem('row_too_long', { limit: itemLimit })] };
  const value = parsed(text);
  if (!isObject(value)) return { problems: [problem('row_not_json')] };
  const problems: Problem[] = [];
  const fields = new Map<EventField, unknown>();
  const own: [string, unknown][] = [];
  for (const [key, each] of Object.entries(value)) {
    const target = eventTarget(Object.hasOwn(map, key) ? (map[key] ?? key) : key);
    if (target.kind === 'property') own.push([target.name, each]);
    else if (each !== null && each !== '') fields.set(target.name, each);
  }
  const id = (field: 'user_id' | 'anonymous_id'): string | undefined =>
    fields.has(field) ? collectId(field, fields.get(field), problems) : undefined;
  const textOf = (field: EventField): string | undefined => {
    const given = fields.get(field);
    return given === undefined || typeof given === 'string' ? given : JSON.stringify(given);
  };
  return builtOf(
    {
      userId: id('user_id'),
      anonymousId: id('anonymous_id'),
      event: textOf('event') ?? '',
      messageId: textOf('message_id'),
      occurredAt: textOf('occurred_at') ?? '',
      properties: withOwn(fields.get('properties') ?? {}, own),
    },
    { options, problems, refused: [], takeBack: () => undefined },
  );
}

interface Building {
  readonly options: EventRowsOptions;
  readonly problems: readonly Problem[];
  readonly refused: readonly RefusedCell[];
  readonly takeBack: () => void;
}

const timeHint = 'write a time such as `2026-01-31T09:30:00Z`, or seconds since 1970';

/** A row's own columns come before what its `properties` say. */
function withOwn(properties: unknown, own: readonly (readonly [string, unknown])[]): unknown {
  return isObject(properties) ? { ...properties, ...Object.fromEntries(own) } : properties;
}

function builtOf(
  call: Omit<Track, 'workspaceId' | 'now'> & { readonly occurredAt: string },
  { options: { workspaceId, now, reading }, problems, refused, takeBack }: Building,
): BuiltEvent {
  const time = call.occurredAt.trim();
  const occurredAt = readTime(time, reading.dates) ?? readEpoch(time) ?? time;
  let found = [...problems];
  try {
    const event = checkTrack({ ...call, occurredAt, workspaceId, now });
    const { record } = event;
    if (found.length === 0) {
      return {
        event: { ...event, record: { ...record, messageId: record.messageId ?? idOf(record) } },
        refused,
        takeBack,
      };
    }
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    const hint = datesHint(time, reading.dates) ?? timeHint;
    found = found.concat(
      error.problems.map((each) => (each.code === 'bad_occurred_at' ? { ...each, hint } : each)),
    );
  }
  const [first, ...rest] = found;
  takeBack();
  if (first === undefined) throw new Error('a row is refused for a reason');
  return { problems: [first, ...rest] };
}

/** The same row has the same id whenever it is imported, so that it is stored once. */
function idOf({ by, id, event, properties, occurredAt }: CheckedTrack['record']): string {
  const hash = createHash('sha256').update(JSON.stringify([by, id, event, occurredAt, properties]));
  return `file:${hash.digest('base64url')}`;
}

function typeOf({ target }: EventColumn): Column['type'] {
  if (target?.kind !== 'field') return null;
  return target.name === 'occurred_at' ? 'time' : target.name === 'properties' ? 'object' : 'text';
}
