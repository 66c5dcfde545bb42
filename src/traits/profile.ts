import { dayText, instantOfStored, isDay } from '../filter/day.js';
import { parseIso } from '../filter/iso8601.js';
import type { Moment } from '../filter/time.js';
import { wholeDays } from '../filter/values.js';
import { knownTraitNames } from './known-traits.js';
import type { ContextEntry } from './context.js';
import type { CompanyRow, EndUser } from './row.js';

/** Fields that are computed when a person is read, and the views made from them, at a moment in the workspace's zone. */

/**
 * Whole days of 24 hours from the signup, or from `created_at` when that is missing, to now; negative before it. A signup
 * that is a day begins with its first moment in the zone.
 * Null when both are missing. The same count as the filter field `days_since_signup`.
 */
export function daysSinceSignup(
  signedUpAt: Date | null | undefined,
  createdAt: Date | null | undefined,
  { now, zone }: Moment,
): number | null {
  if (signedUpAt !== null && signedUpAt !== undefined)
    return wholeDays(instantOfStored(signedUpAt.getTime(), zone), now);
  return createdAt === null || createdAt === undefined ? null : wholeDays(createdAt.getTime(), now);
}

/** "45 days", "1 day", "less than a day" (before the signup too), or null when nothing says since when. */
export function customerFor(
  signedUpAt: Date | null | undefined,
  createdAt: Date | null | undefined,
  moment: Moment,
): string | null {
  const days = daysSinceSignup(signedUpAt, createdAt, moment);
  return days === null ? null : daysInWords(days);
}

export function daysInWords(days: number): string {
  if (days < 1) return 'less than a day';
  return days === 1 ? '1 day' : `${days} days`;
}

/** A row as the API answers it: times as ISO 8601 in UTC, and what is derived from them. */
type Answered<Row> = {
  readonly [K in keyof Row]: Date extends Row[K] ? Exclude<Row[K], Date> | string : Row[K];
} & {
  readonly customer_for: string | null;
  readonly days_since_signup: number | null;
};

/** A person as the API answers: columns, custom fields, and what is derived from them. */
export type UserView = Answered<EndUser> & {
  /** Columns and custom fields in one list of lines, for an assistant's prompt. */
  readonly profile: string;
  /** Structured entries beside the profile, where they were read. */
  readonly context?: readonly ContextEntryView[];
};

export interface ContextEntryView {
  readonly key: string;
  readonly value: unknown;
  readonly updated_at: string;
}

/** `context` is left out where the caller did not read it, so that an empty list means that there is none. */
export function userView(user: EndUser, moment: Moment, context?: readonly ContextEntry[]): UserView {
  return {
    id: user.id,
    user_id: user.user_id,
    anonymous_id: user.anonymous_id,
    company_id: user.company_id,
    name: user.name,
    email: user.email,
    signed_up_at: iso(user.signed_up_at),
    renewal_status: user.renewal_status,
    renewal_date: iso(user.renewal_date),
    contract_term: user.contract_term,
    payment_terms: user.payment_terms,
    on_contract: user.on_contract,
    custom_fields: user.custom_fields,
    created_at: user.created_at.toISOString(),
    updated_at: user.updated_at.toISOString(),
    first_seen: iso(user.first_seen),
    last_seen: iso(user.last_seen),
    last_contacted_at: iso(user.last_contacted_at),
    customer_for: customerFor(user.signed_up_at, user.created_at, moment),
    days_since_signup: daysSinceSignup(user.signed_up_at, user.created_at, moment),
    profile: profileText(user, moment),
    ...(context === undefined ? {} : { context: context.map(contextEntryView) }),
  };
}

export function contextEntryView({ key, value, updated_at }: ContextEntry): ContextEntryView {
  return { key, value, updated_at: updated_at.toISOString() };
}

/** A company as the API answers. */
export type CompanyView = Answered<CompanyRow>;

export function companyView(company: CompanyRow, moment: Moment): CompanyView {
  return {
    id: company.id,
    company_id: company.company_id,
    name: company.name,
    signed_up_at: iso(company.signed_up_at),
    renewal_status: company.renewal_status,
    renewal_date: iso(company.renewal_date),
    contract_term: company.contract_term,
    payment_terms: company.payment_terms,
    on_contract: company.on_contract,
    custom_fields: company.custom_fields,
    created_at: company.created_at.toISOString(),
    updated_at: company.updated_at.toISOString(),
    first_seen: iso(company.first_seen),
    last_seen: iso(company.last_seen),
    last_contacted_at: iso(company.last_contacted_at),
    customer_for: customerFor(company.signed_up_at, company.created_at, moment),
    days_since_signup: daysSinceSignup(company.signed_up_at, company.created_at, moment),
  };
}

function iso(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}

/**
 * The person's traits as lines of `key: value` under `[User Profile]`: known traits first, then custom ones by code
 * point, then `customer_for`. Missing traits have no line.
 *
 * Names and values come from outside, so each stays on its own line: one with a line break or another control
 * character is written as JSON text. A prompt should still treat the block as data.
 */
export function profileText(user: EndUser, moment: Moment): string {
  const lines = ['[User Profile]'];
  const add = (key: string, value: unknown): void => {
    if (value !== null && value !== undefined)
      lines.push(`${oneLine(key)}: ${dayOr(value) ?? lineOf(value)}`);
  };
  for (const name of knownTraitNames) add(name, user[name]);
  const custom = new Map(Object.entries(user.custom_fields));
  for (const key of [...custom.keys()].toSorted(byCodePoint)) add(key, custom.get(key));
  add('customer_for', customerFor(user.signed_up_at, user.created_at, moment));
  return lines.join('\n');
}

/** Traits are what customers set, so that each of their times on midnight UTC is a day. */
function dayOr(value: unknown): string | null {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseIso(value) : null;
  return time !== null && isDay(time) ? dayText(time) : null;
}

function lineOf(value: unknown): string {
  if (typeof value === 'string') return oneLine(value);
  return value instanceof Date ? value.toISOString() : oneLine(JSON.stringify(value));
}

const control = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const controls = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

function oneLine(text: string): string {
  if (!control.test(text)) return text;
  // JSON leaves DEL, C1 and the Unicode line separators as they are.
  return JSON.stringify(text).replace(controls, (character) => {
    return '\\u' + (character.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  });
}

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
