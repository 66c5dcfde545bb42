import type { AudienceParts } from '../../audience/people.js';
import type { Filter } from '../../filter/tree.js';
import { addressSql, unreachableSql } from '../channels/properties.js';
import { contactsOfAll } from '../facts/contacts.js';
import { zoneText } from '../facts/zone-texts.js';
import { forbiddenSql } from './forbidden.js';
import { sendingVerdicts } from './model.js';
import type { BroadcastDefinition } from './model.js';
import type { Places } from './places.js';

/** What the statement is to know beside the audience. */
export interface Judgement {
  readonly definition: BroadcastDefinition;
  readonly places: Places;
  /** Conditions that people are counted by, such as whether they have what a template names. */
  readonly variables: readonly Filter[];
}

/**
 * Everybody in the audience with what a launch makes of them, as a SELECT: `id`, `person` (the customer's id, or a visitor's,
 * which may be the same text), `verdict`, `variant`, `due_at` (also where nothing is sent), `unzoned` (their zone is unknown), `late` (their hour is over)
 * and `has0`, `has1` and so on, a variable each.
 *
 * The number before a launch and the launch itself are both made of this and of nothing else.
 */
export function judgedPeople(parts: AudienceParts, judgement: Judgement): string {
  const address = judgement.definition.dedupe === null ? null : addressOf(judgement.definition);
  if (address === null) return judgedAlone(parts, judgement, null);
  const has = judgement.variables.map((_, index) => `, has${index}`).join('');
  // Only those who would be sent to compete for their address: who cannot be keeps their own reason, and takes nobody's place.
  return `
      SELECT id, person, due_at, unzoned, late, variant,
        CASE WHEN sends AND row_number() OVER (
          PARTITION BY sends, address ORDER BY user_id COLLATE "C" NULLS LAST, id
        ) > 1 THEN 'duplicate' ELSE verdict END AS verdict${has}
      FROM (
        SELECT *, ${sendsSql} AS sends FROM (${judgedAlone(parts, judgement, address)}) AS alone
      ) AS sharing`;
}

/** A condition on `verdict`: they are sent to. */
export const sendsSql = `verdict IN (${sendingVerdicts.map((verdict) => `'${verdict}'`).join(', ')})`;

/** The address that people may share; null on a channel that goes by none. */
export function addressOf({ channel }: BroadcastDefinition): string | null {
  return addressSql(channel, 'u');
}

/** The same, each judged without regard to the others; with their `address` and `user_id` where it is asked for. */
export function judgedAlone(
  parts: AudienceParts,
  { definition, places, variables }: Judgement,
  address: string | null,
): string {
  const { where, workspace, bind, matches } = parts;
  const place = placeSql(places, bind);
  const caps = capsSql(definition, places, parts);
  const fields = variables.map((variable, index) => `, ${matches(variable)} IS TRUE AS has${index}`);
  if (address !== null) fields.push(`, u.user_id, ${address} AS address`);
  const forbidden = forbiddenSql(workspace, `${bind(definition.topic ?? '')}::text`);
  return `
      SELECT u.id, coalesce(u.user_id, u.anonymous_id) AS person, ${place.dueAt} AS due_at, ${place.unzoned} AS unzoned,
        ${place.late} AS late, ${variantSql(definition, bind)} AS variant,
        CASE
          WHEN ${forbidden.condition} THEN 'suppressed'
          WHEN ${unreachableSql(definition.channel, 'u')} IS NOT NULL THEN 'unreachable'
          WHEN ${caps.condition} THEN 'capped'
          WHEN ${place.passed} THEN 'passed'
          WHEN ${place.deferred} THEN 'deferred'
          ELSE 'will_send'
        END AS verdict${fields.join('')}
      FROM end_users u
      ${place.join}
      ${caps.join}
      ${forbidden.join}
      WHERE ${where}`;
}

interface PlaceSql {
  readonly join: string;
  readonly dueAt: string;
  readonly unzoned: string;
  readonly late: string;
  readonly passed: string;
  readonly deferred: string;
}

/** What depends on where somebody is: joined by the text in their field, else that of the workspace's own zone. */
function placeSql({ field, zones, elsewhere, skipsLate }: Places, bind: AudienceParts['bind']): PlaceSql {
  const time = `${bind(new Date(elsewhere.dueAt).toISOString())}::timestamptz`;
  const constant = { late: String(elsewhere.passed), deferred: String(elsewhere.deferred) };
  const skips = (late: string): string => (skipsLate ? late : 'false');
  if (field === null) {
    return { join: '', dueAt: time, unzoned: 'false', passed: skips(constant.late), ...constant };
  }
  const rows = JSON.stringify(
    zones.map(({ zone, times }) => ({
      zone,
      due_at: new Date(times.dueAt).toISOString(),
      late: times.passed,
      deferred: times.deferred,
      ...Object.fromEntries(
        times.capsSince.map((since, index) => [`since${index}`, new Date(since).toISOString()]),
      ),
    })),
  );
  const since = elsewhere.capsSince.map((_, index) => `, since${index} timestamptz`).join('');
  const late = `coalesce(place.late, ${constant.late})`;
  return {
    join: `
      LEFT JOIN jsonb_to_recordset(${bind(rows)}::jsonb)
        AS place (zone text, due_at timestamptz, late boolean, deferred boolean${since}) ON place.zone = ${zoneText(bind(field))}`,
    dueAt: `coalesce(place.due_at, ${time})`,
    unzoned: 'place.zone IS NULL',
    late,
    passed: skips(late),
    deferred: `coalesce(place.deferred, ${constant.deferred})`,
  };
}

/** Whether a cap is used up by what somebody was sent within its length of time before they are due. */
function capsSql(
  { frequencyCaps }: BroadcastDefinition,
  { field, zones, elsewhere }: Places,
  { workspace, bind }: AudienceParts,
): { join: string; condition: string } {
  if (frequencyCaps.length === 0) return { join: '', condition: 'false' };
  const first = Math.min(
    ...[elsewhere, ...zones.map(({ times }) => times)].flatMap(({ capsSince }) => capsSince),
  );
  const conditions = frequencyCaps.map(({ messages }, index) => {
    const common = `${bind(new Date(elsewhere.capsSince[index] ?? first).toISOString())}::timestamptz`;
    const since = field === null ? common : `coalesce(place.since${index}, ${common})`;
    return `(SELECT count(*) FROM unnest(contact.times) AS sent (at) WHERE sent.at > ${since}) >= ${messages}`;
  });
  const contacts = contactsOfAll(workspace, `${bind(new Date(first).toISOString())}::timestamptz`);
  return {
    join: `
      LEFT JOIN (
        SELECT sent.end_user_id, array_agg(sent.at) AS times FROM (${contacts}) AS sent GROUP BY sent.end_user_id
      ) AS contact ON contact.end_user_id = u.id`,
    // Most have none, and an array that is not there costs nothing.
    condition: `contact.times IS NOT NULL AND (${conditions.join(' OR ')})`,
  };
}

/** The variant of each person: their place by the hash of `percent`, salted with the key, in the shares as written. */
function variantSql({ key, variants }: BroadcastDefinition, bind: AudienceParts['bind']): string {
  const last = variants.at(-1)?.key ?? '';
  if (variants.length === 1) return `${bind(last)}::text`;
  const hash = `md5(${bind(key)}::text || ':' || coalesce(u.user_id, u.anonymous_id))`;
  const share = `('x' || substr(${hash}, 1, 8))::bit(32)::bigint::float8 / 4294967296 * 100`;
  let upTo = 0;
  // The shares add up to 100 within what a double can tell, so that the last one takes the rest.
  const arms = variants.slice(0, -1).map(({ key: variant, percent }) => {
    upTo += percent;
    return `WHEN ${share} < ${bind(upTo)}::float8 THEN ${bind(variant)}::text`;
  });
  return `CASE ${arms.join(' ')} ELSE ${bind(last)}::text END`;
}
