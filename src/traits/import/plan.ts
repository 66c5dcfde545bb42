import { MusterError, problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { nearest } from '../../filter/parse/suggest.js';
import { folded, nearField, targetOf } from './fields.js';
import type { Target } from './fields.js';
import type { CellOptions } from './options.js';
import { presets } from './presets.js';
import type { Preset } from './presets.js';
import { isBookkeeping } from './rejects.js';

/** What becomes of one column of a file. */
export interface PlannedColumn {
  readonly at: number;
  readonly name: string;
  /** The field that its cells go to; null where it is left out. */
  readonly field: string | null;
  readonly target: Target | null;
  /** Why it is left out, or that its name is not the field's by itself. */
  readonly note: string | null;
  /** The mapping that would load a column left out. */
  readonly suggestion: string | null;
  /** What separates several values in a cell; null where it holds one. */
  readonly separator: string | null;
}

/** How each column of a header is read. */
export interface Plan {
  readonly columns: readonly PlannedColumn[];
  /** Column with the id or, with the key `email`, the address. */
  readonly keyAt: number;
  readonly key: 'user_id' | 'email';
  /** Columns whose texts make up `name`; empty where a column has it. */
  readonly nameParts: readonly number[];
  readonly preset: Preset | null;
}

/** How sure it is that a column means a field: the surest of several gets it. */
type Rank = 'mapped' | 'preset' | 'exact' | 'near' | 'itself';
const ranks: readonly Rank[] = ['mapped', 'preset', 'exact', 'near', 'itself'];

interface Wanted {
  readonly at: number;
  /** From 1, as people count columns. */
  readonly place: number;
  readonly name: string;
  /** Null: left out on purpose, by a preset. */
  readonly field: string | null;
  readonly rank: Rank;
}

/**
 * Decides what each column is: by `map` and `id`, else by the preset, else by its name, which may differ from a known
 * field's in letter case, blanks, hyphens and underscores. Nothing is renamed silently: the plan says of each column what it became.
 *
 * A column that goes to a reserved name, and each further one that goes to a field that is taken, is left out; where the
 * options are strict, such columns refuse the file. Errors, all at once: `import_no_user_id` `import_unknown_column`
 * `import_bad_field`, and strictly `reserved_trait` `import_duplicate_column` `import_unnamed_column` `trait_bad_text`.
 */
export function planColumns(header: readonly string[], options: CellOptions, titled = false): Plan {
  const preset: Preset | null = options.preset === undefined ? null : presets[options.preset];
  const key = options.key ?? 'user_id';
  const problems: Problem[] = [];
  // Muster's own columns have no place, so that a place means the same column in the file and in its rejects.
  const places = header.flatMap((name, at) => (isBookkeeping(name) ? [] : [at]));
  const asked = askedFields(header, places, options, problems);
  const wanted = places.map((at, index) => {
    return { ...want(header, header[at] ?? '', at, asked, preset, key), place: index + 1 };
  });
  const columns = settle(wanted, preset, key, options.strict === true ? problems : null, problems);
  const keyed = columns.find(({ target }) => isKey(target, key));
  if (keyed === undefined) problems.unshift(noKey(header, key, preset, titled));
  if (problems.length > 0) throw new MusterError(problems);
  const named = columns.some(({ field }) => field === 'name');
  const parts = named ? [] : (preset?.nameOf ?? []);
  return {
    columns: columns.map((column) => (parts.includes(column.name) ? alsoName(column) : column)),
    keyAt: keyed?.at ?? -1,
    key,
    nameParts: columns.flatMap(({ name, at }) => (parts.includes(name) ? [at] : [])),
    preset,
  };
}

function alsoName(column: PlannedColumn): PlannedColumn {
  return { ...column, note: `${column.note === null ? '' : `${column.note}; `}it is a part of \`name\` too` };
}

function isKey(target: Target | null, key: Plan['key']): boolean {
  if (key === 'user_id') return target?.kind === 'id';
  return target?.kind === 'column' && target.of === 'user' && target.name === 'email';
}

/** Fields by position, as `map` and `id` say. */
function askedFields(
  header: readonly string[],
  places: readonly number[],
  { map = {}, id }: CellOptions,
  problems: Problem[],
): ReadonlyMap<number, string> {
  const asked = new Map<number, string>();
  const pairs = Object.entries(map);
  if (id !== undefined) pairs.push([id, 'user_id']);
  for (const [column, field] of pairs) {
    const at = placeOf(header, places, column);
    if (at === -1)
      problems.push(problem('import_unknown_column', { column: shown(column), columns: listed(header) }));
    else asked.set(at, field);
  }
  return asked;
}

/**
 * The position of a column, by its name, `#3` or a name that differs in letter case, blanks, hyphens or underscores; -1 where there is
 * none.
 *
 * @param places the positions that `#1`, `#2` and so on mean
 */
export function placeOf(header: readonly string[], places: readonly number[], column: string): number {
  const exact = header.indexOf(column);
  if (exact !== -1) return exact;
  const position = /^#([1-9]\d{0,4})$/.exec(column)?.[1];
  if (position !== undefined) return places[Number(position) - 1] ?? -1;
  return header.findIndex((name) => folded(name) === folded(column));
}

function want(
  header: readonly string[],
  name: string,
  at: number,
  asked: ReadonlyMap<number, string>,
  preset: Preset | null,
  key: Plan['key'],
): Omit<Wanted, 'place'> {
  const mapped = asked.get(at);
  if (mapped !== undefined) return { at, name, field: mapped, rank: 'mapped' };
  if (preset !== null) {
    const id = preset.ids.find((each) => header.includes(each));
    const taken = [...asked.values()].includes('user_id') || key === 'email';
    if (name === id && !taken) return { at, name, field: 'user_id', rank: 'preset' };
    if (Object.hasOwn(preset.columns, name)) {
      return { at, name, field: preset.columns[name] ?? null, rank: 'preset' };
    }
  }
  const near = nearField(name);
  if (near !== undefined) return { at, name, field: near, rank: near === name ? 'exact' : 'near' };
  return { at, name, field: name, rank: 'itself' };
}

/** Gives each field to the column that is surest of it. `strict` collects why columns are left out. */
function settle(
  wanted: readonly Wanted[],
  preset: Preset | null,
  key: Plan['key'],
  strict: Problem[] | null,
  problems: Problem[],
): PlannedColumn[] {
  const taken = new Map<string, Wanted>();
  const bySureness = ranks.flatMap((rank) => wanted.filter((each) => each.rank === rank));
  const targets = new Map<Wanted, Target | Problem | null>();
  for (const each of bySureness) {
    const target =
      each.field === null || each.field === '' ? null : targetOf(each.field, each.rank !== 'itself');
    targets.set(each, target);
    if (target === null || 'code' in target || target.kind === 'opt_out' || each.field === null) continue;
    const field = canonical(target);
    if (!taken.has(field)) taken.set(field, each);
  }
  const companies = taken.has('company_id');
  return wanted.map((each) => {
    const target = targets.get(each) ?? null;
    const separator =
      preset?.lists !== undefined && Object.hasOwn(preset.lists, each.name)
        ? preset.lists[each.name]
        : undefined;
    const column = { at: each.at, name: each.name, separator: separator ?? null };
    const leftOut = (note: string, suggestion: string | null, reason?: Problem): PlannedColumn => {
      if (reason !== undefined) strict?.push(reason);
      return { ...column, field: null, target: null, note, suggestion };
    };
    if (each.field === null) return leftOut('the preset leaves it out', null);
    // Only what is found in it tells whether it matters.
    if (target === null) return leftOut('it has no name', `#${each.place}=column_${each.place}`);
    if ('code' in target) {
      // A mapping that cannot be is the caller's slip; a header may be called anything.
      if (each.rank === 'mapped' && target.code !== 'reserved_trait') problems.push(target);
      const free =
        each.field === 'created_at' && !taken.has('signed_up_at')
          ? 'signed_up_at'
          : `source_${slug(each.field)}`;
      return leftOut(target.message, `${quoted(each.name)}=${free}`, target);
    }
    if (target.kind === 'id' && key === 'email') {
      return leftOut('people are found by their address', `${quoted(each.name)}=source_id`);
    }
    if ('of' in target && target.of === 'company' && !companies) {
      return leftOut('no column holds the `company_id` it belongs to', null, problem('company_traits_alone'));
    }
    const holder = target.kind === 'opt_out' ? each : taken.get(canonical(target));
    if (holder !== undefined && holder !== each) {
      const values = { column: shown(canonical(target)), first: holder.place, second: each.place };
      const name = holder.name === each.name ? `#${each.place}` : quoted(each.name);
      const reason = problem('import_duplicate_column', values);
      return leftOut(reason.message, `${name}=${slug(each.field)}_2`, reason);
    }
    const note = canonical(target) === each.name ? null : noteOf(each.rank);
    return { ...column, field: canonical(target), target, note, suggestion: null };
  });
}

/** How a column came to its field. */
export function noteOf(rank: Rank): string | null {
  if (rank === 'near')
    return 'its name differs from the field in letter case, blanks, hyphens or underscores';
  if (rank === 'preset') return 'the preset maps it';
  return rank === 'mapped' ? 'it is mapped' : null;
}

/** The field as an answer calls it. */
function canonical(target: Target): string {
  if (target.kind === 'id') return 'user_id';
  if (target.kind === 'company_id') return 'company_id';
  if (target.kind === 'opt_out') return target.out ? target.list : 'subscribed';
  const prefix = target.of === 'company' ? 'company.' : '';
  return `${prefix}${target.kind === 'custom' && needsPrefix(target.name) ? 'custom:' : ''}${target.name}`;
}

/** Custom traits that are called like a field of files. */
function needsPrefix(name: string): boolean {
  return (
    ['user_id', 'company_id', 'unsubscribed', 'subscribed', 'suppressed'].includes(name) ||
    name.startsWith('company.')
  );
}

export function slug(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '');
  return plain === '' ? 'column' : plain;
}

/** A column's name as `map` reads it. */
export function quoted(name: string): string {
  return /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

function noKey(header: readonly string[], key: Plan['key'], preset: Preset | null, titled: boolean): Problem {
  const columns = listed(header);
  if (key === 'email') return problem('import_no_email', { columns });
  if (titled) {
    return problem(
      'import_no_user_id',
      { columns },
      { hint: 'the first line has fewer cells than those below; remove the title lines above the header' },
    );
  }
  if (preset !== null) {
    return problem(
      'import_no_user_id',
      { columns },
      {
        hint: `${preset.withoutId}: \`--key email\`, over HTTP \`?key=email\`; with \`create\` those who are not found are made`,
      },
    );
  }
  const ids = [
    'id',
    'uid',
    'userid',
    'user id',
    'external_id',
    'externalid',
    'external id',
    'customer_id',
    'customer id',
    'contact_id',
  ];
  const meant =
    header.find((name) => ids.includes(name.toLowerCase())) ??
    header.find((name) => nearest(name.toLowerCase(), ['user_id']) !== null);
  if (meant !== undefined) {
    const hint = `say that \`${shown(meant)}\` is the id: \`--id "${shown(meant)}"\`, over HTTP \`?id=${encodeURIComponent(meant)}\``;
    return problem('import_no_user_id', { columns }, { hint });
  }
  return problem('import_no_user_id', { columns });
}

export function listed(names: readonly string[]): string {
  const some = names.slice(0, 10).map((name) => `\`${shown(name)}\``);
  return some.join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
}
