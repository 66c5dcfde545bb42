import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { dayText, isDay } from '../filter/day.js';
import { fieldNamed, mayBeDay } from '../filter/fields.js';
import type { Field } from '../filter/fields.js';
import { parseIso } from '../filter/iso8601.js';
import type { UserRecord } from '../filter/record.js';
import type { Moment } from '../filter/time.js';
import { columnInstant, readerOf } from '../filter/values.js';
import { daysInWords } from '../traits/profile.js';

/** What a merge tag reads: a field of the language, or the count of `days_since_signup` in words. */
export type TagField = Field | 'customer_for';

export interface Tag {
  /** As it was written, such as `role` or `company.name`. */
  readonly tag: string;
  /** Null for one that the channel fills itself. */
  readonly field: TagField | null;
  /** Empty where none was written. */
  readonly fallback: string;
}

/** A template cut into plain text and merge tags. */
type Piece = { readonly text: string } | Tag;

const signupDays: Field = { kind: 'derived', entity: 'user', name: 'days_since_signup', type: 'number' };

/** Tags that a channel fills, and no trait, whatever custom field has that name. */
const channelTags: readonly string[] = ['unsubscribe_url'];

/** What a value may not be markup of. */
export type Escape = 'html' | 'slack' | 'none';

export interface RenderOptions {
  /** Default `none`. */
  readonly escape?: Escape;
  /** Values of the tags that the channel fills, by name. */
  readonly own?: Readonly<Record<string, string>>;
}

/**
 * Fills the merge tags of a text: `{{ field }}` and `{{ field|fallback }}`.
 *
 * A field is written as in a filter (`name`, `custom:role`, `company.name`, `days_since_signup`); a name that the
 * catalogue does not know is a key of `custom_fields`, so `{{ role }}` and `{{ custom:role }}` are the same. A missing
 * value renders the fallback, or nothing. Times render as ISO 8601, days as `2026-12-05`, lists with commas between their items.
 * `{{ customer_for }}` renders "45 days" or "less than a day", whatever custom field has that name.
 *
 * With `escape` values are escaped, so that no trait is ever markup: for `html` in text and in quoted attributes, for
 * `slack` in its mrkdwn. The template and its fallbacks are the author's own and stay as they are.
 *
 * The moment, in the workspace's zone, matters to derived fields only. The text must have passed
 * `templateProblems`; a tag that is not understood renders nothing, never its own source.
 */
export function renderTemplate(
  text: string,
  record: UserRecord,
  moment: Moment,
  { escape = 'none', own = {} }: RenderOptions = {},
): string {
  return piecesOf(text)
    .pieces.map((piece) => {
      if ('text' in piece) return piece.text;
      const { tag, field, fallback } = piece;
      const value = field === null ? (own[tag] ?? null) : valueOf(field, record, moment);
      return value === null ? fallback : escaped(value, escape);
    })
    .join('');
}

/** What a tag renders, before escaping; null where the value is missing. */
export function tagValue({ field }: Tag, record: UserRecord, moment: Moment): string | null {
  return field === null ? null : valueOf(field, record, moment);
}

function valueOf(field: TagField, record: UserRecord, moment: Moment): string | null {
  const value = readerOf(field === 'customer_for' ? signupDays : field, moment)(record);
  if (value === null || value === undefined) return null;
  if (field === 'customer_for') return typeof value === 'number' ? daysInWords(value) : null;
  if (mayBeDay(field)) {
    const time = columnInstant(value);
    if (isDay(time)) return dayText(time);
  }
  return field.kind === 'column' && field.type === 'time' ? shownTime(value) : shown(value);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What must be escaped, by the language it would be markup of; Slack knows only these three. */
const special: Readonly<Record<Exclude<Escape, 'none'>, RegExp>> = { html: /[&<>"']/g, slack: /[&<>]/g };

export function escaped(text: string, escape: Escape): string {
  if (escape === 'none') return text;
  return text.replace(special[escape], (character) => entities[character] ?? character);
}

/** What is wrong with a text's merge tags, each problem at `path`. */
export function templateProblems(text: string, path: string): Problem[] {
  return piecesOf(text).faults.map(({ tag, fault }) => problem('bad_merge_tag', { tag, fault }, { path }));
}

/** The `var` names that a text reads. */
export function templateFields(text: string): string[] {
  return piecesOf(text).pieces.flatMap((piece) => {
    if ('text' in piece || piece.field === null) return [];
    return [piece.field === 'customer_for' ? 'days_since_signup' : piece.tag];
  });
}

/** The merge tags of a text, in order. */
export function templateTags(text: string): Tag[] {
  return piecesOf(text).pieces.filter((piece) => 'tag' in piece);
}

function piecesOf(text: string): { pieces: Piece[]; faults: { tag: string; fault: string }[] } {
  const pieces: Piece[] = [];
  const faults: { tag: string; fault: string }[] = [];
  let at = 0;
  const plain = (piece: string): void => {
    const stray = piece.indexOf('}}');
    if (stray !== -1)
      faults.push({ tag: piece.slice(Math.max(0, stray - 20), stray + 2), fault: 'closes nothing' });
    if (piece !== '') pieces.push({ text: piece });
  };
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    if (open === -1) {
      plain(text.slice(at));
      break;
    }
    plain(text.slice(at, open));
    const close = text.indexOf('}}', open + 2);
    if (close === -1) {
      faults.push({ tag: text.slice(open, open + 20), fault: 'is not closed' });
      break;
    }
    const inside = text.slice(open + 2, close);
    const fault = addTag(inside, pieces);
    if (fault !== null) faults.push({ tag: `{{${inside}}}`, fault });
    at = close + 2;
  }
  return { pieces, faults };
}

function addTag(inside: string, pieces: Piece[]): string | null {
  if (inside.includes('{')) return 'holds another brace';
  const bar = inside.indexOf('|');
  const name = (bar === -1 ? inside : inside.slice(0, bar)).trim();
  const fallback = bar === -1 ? '' : inside.slice(bar + 1).trim();
  if (name === '') return 'names no field';
  if (fallback.includes('|')) return 'has more than one fallback';
  // `#each`, `> partial`, `name()` and the like belong to richer template languages and would otherwise vanish silently.
  if (!name.includes('custom:') && !/^[\p{L}\p{N}_$][\p{L}\p{N}_$. -]*$/u.test(name)) return 'is not a field';
  if (channelTags.includes(name)) {
    pieces.push({ tag: name, field: null, fallback });
    return null;
  }
  const field = name === 'customer_for' ? name : (fieldNamed(name) ?? bareKey(name));
  if (field === null) return 'names no known field';
  pieces.push({ tag: name, field, fallback });
  return null;
}

/** A bare key of `custom_fields`. What looks like the catalogue's own prefixes must be known to it. */
function bareKey(name: string): Field | null {
  if (name.startsWith('custom:') || name.startsWith('company.')) return null;
  return { kind: 'custom', entity: 'user', form: 'key', tokens: [name] };
}

/** A row read as JSON carries its times as text in the session's zone; every source renders alike. */
function shownTime(value: unknown): string {
  const instant = typeof value === 'string' ? parseIso(value) : null;
  return instant === null ? shown(value) : new Date(instant).toISOString();
}

function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(shown).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
