import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { textFault } from '../json.js';
import { folded } from './fields.js';
import { listed, noteOf, placeOf, quoted, slug } from './plan.js';

/** What an event is made of, beside its properties one by one. */
export const eventFields = [
  'user_id',
  'anonymous_id',
  'event',
  'occurred_at',
  'message_id',
  'properties',
] as const;
export type EventField = (typeof eventFields)[number];

/** Where a column, or a key of a JSON object, goes. */
export type EventTarget =
  | { readonly kind: 'field'; readonly name: EventField }
  | { readonly kind: 'property'; readonly name: string };

/** Names that mean a field by themselves, in any letter case, with or without blanks, hyphens and underscores. */
const names: ReadonlyMap<string, EventField> = new Map([
  ...eventFields.map((field) => [folded(field), field] as const),
  ['user', 'user_id'],
  ['time', 'occurred_at'],
  ['timestamp', 'occurred_at'],
]);

const propertyPrefix = 'property:';

/** What a name means: a field, in the ways that people write it, else the property of that name. `property:KEY` is always one. */
export function eventTarget(name: string): EventTarget {
  if (name.startsWith(propertyPrefix)) return { kind: 'property', name: name.slice(propertyPrefix.length) };
  const field = names.get(folded(name));
  return field === undefined ? { kind: 'property', name } : { kind: 'field', name: field };
}

/** What becomes of one column of a file of events. */
export interface EventColumn {
  readonly at: number;
  readonly name: string;
  /** Null where it is left out. */
  readonly target: EventTarget | null;
  readonly note: string | null;
  /** The mapping that would load a column left out. */
  readonly map: string | null;
}

/**
 * Decides what each column is, by `map`, else by its name. Every column that is no field is a property. Of several for one
 * field the mapped one has it, else the first. Errors, all at once: `import_events_columns` `import_unknown_column`.
 */
export function eventColumns(
  header: readonly string[],
  map: Readonly<Record<string, string>> = {},
): readonly EventColumn[] {
  const problems: Problem[] = [];
  const asked = new Map<number, EventTarget>();
  for (const [column, field] of Object.entries(map)) {
    const at = placeOf(header, Array.from(header.keys()), column);
    if (at === -1)
      problems.push(problem('import_unknown_column', { column: shown(column), columns: listed(header) }));
    else asked.set(at, eventTarget(field));
  }
  const taken = new Map<string, number>();
  for (const [at, target] of asked) taken.set(eventFieldName(target), at);
  const columns = header.map((name, at): EventColumn => {
    const mapped = asked.get(at);
    if (mapped === undefined && name === '') {
      return { at, name, target: null, note: 'it has no name', map: `#${at + 1}=column_${at + 1}` };
    }
    const target = mapped ?? eventTarget(name);
    const field = eventFieldName(target);
    const holder = taken.get(field) ?? at;
    taken.set(field, holder);
    const fault = textFault(target.name);
    if (fault !== null) {
      const { message } = problem('trait_bad_text', { where: 'the name of a property', what: fault });
      return { at, name, target: null, note: message, map: `#${at + 1}=column_${at + 1}` };
    }
    if (holder !== at) {
      const { message } = problem('import_duplicate_column', {
        column: shown(field),
        first: holder + 1,
        second: at + 1,
      });
      const from = header[holder] === name ? `#${at + 1}` : quoted(name);
      return { at, name, target: null, note: message, map: `${from}=property:${slug(name)}_2` };
    }
    const note = field === name ? null : noteOf(mapped === undefined ? 'near' : 'mapped');
    return { at, name, target, note, map: null };
  });
  const missing = [
    taken.has('user_id') || taken.has('anonymous_id') ? [] : ['user_id'],
    taken.has('event') ? [] : ['event'],
    taken.has('occurred_at') ? [] : ['occurred_at'],
  ].flat();
  if (missing.length > 0) {
    const quotedNames = missing.map((name) => `\`${name}\``).join(', ');
    problems.unshift(problem('import_events_columns', { missing: quotedNames, columns: listed(header) }));
  }
  if (problems.length > 0) throw new MusterError(problems);
  return columns;
}

/** The field as an answer calls it. */
export function eventFieldName(target: EventTarget): string {
  if (target.kind === 'field') return target.name;
  return names.has(folded(target.name)) ? `${propertyPrefix}${target.name}` : target.name;
}
