import { refuse } from '../errors/index.js';
import type { CompanyRecord, EventRecord, UserRecord } from '../filter/record.js';
import { shown } from '../filter/parse/context.js';
import { leavesWithin } from '../filter/tree.js';
import type { Filter } from '../filter/tree.js';
import type { Client } from '../database/pool.js';
import { atomically, runStatement } from './database.js';
import type { Database } from './database.js';
import { textFault } from './json.js';
import { companyColumnNames, endUserColumns } from './row.js';
import type { EndUser } from './row.js';

export interface WhichUser {
  readonly workspaceId: string;
  readonly userId: string;
}

/** The person's row, or null when the workspace has nobody of that id. Ids are compared letter by letter. */
export async function getUser(db: Database, { workspaceId, userId }: WhichUser): Promise<EndUser | null> {
  if (!canBeStored(userId)) return null;
  const { rows } = await runStatement<EndUser>(db, workspaceId, {
    text: `SELECT ${endUserColumns('u')} FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2`,
    values: [workspaceId, userId],
  });
  return rows[0] ?? null;
}

/** The driver would send half of a surrogate pair as U+FFFD and find somebody else; the database refuses NUL. */
function canBeStored(userId: string): boolean {
  return textFault(userId) === null;
}

type CompanyColumn = (typeof companyColumnNames)[number];
/** The company's columns beside the user's, under names that cannot collide. */
type JoinedRow = EndUser & { readonly [K in CompanyColumn as `company__${K}`]: CompanyRecord[K] };

/** A visitor, and whoever they turned out to be. */
export interface WhichVisitor {
  readonly workspaceId: string;
  readonly anonymousId: string;
}

export type WhichRecord = (WhichUser | WhichVisitor) & {
  /** The filter that will be asked about the person: the events that its `did` conditions name are read too. */
  readonly filter?: Filter | undefined;
};

/** Events of one name and person that are held in memory at once. */
const mostEvents = 10_000;

/**
 * The person with their company, as the in-memory readers of a filter take them; null when there is nobody.
 *
 * Errors: `too_many_events` when the person has more than 10,000 of one name that the filter asks about; a part of them
 * would give a wrong answer.
 */
export async function readUserRecord(db: Database, which: WhichRecord): Promise<UserRecord | null> {
  const [column, id] = 'userId' in which ? ['user_id', which.userId] : ['anonymous_id', which.anonymousId];
  if (!canBeStored(id)) return null;
  return atomically(db, which.workspaceId, (client) => readRecord(client, which, column, id));
}

async function readRecord(
  client: Client,
  { workspaceId, filter }: WhichRecord,
  column: string,
  id: string,
): Promise<UserRecord | null> {
  const company = companyColumnNames.map((name) => `c.${name} AS company__${name}`).join(', ');
  const { rows } = await client.query<JoinedRow>(
    `SELECT ${endUserColumns('u')}, ${company}
     FROM end_users AS u
     LEFT JOIN companies AS c ON c.workspace_id = u.workspace_id AND c.company_id = u.company_id
     WHERE u.workspace_id = $1 AND u.${column} = $2`,
    [workspaceId, id],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const user: UserRecord = {
    user_id: row.user_id,
    anonymous_id: row.anonymous_id,
    name: row.name,
    email: row.email,
    signed_up_at: row.signed_up_at,
    renewal_status: row.renewal_status,
    renewal_date: row.renewal_date,
    contract_term: row.contract_term,
    payment_terms: row.payment_terms,
    on_contract: row.on_contract,
    custom_fields: row.custom_fields,
    created_at: row.created_at,
    updated_at: row.updated_at,
    first_seen: row.first_seen,
    last_seen: row.last_seen,
    last_contacted_at: row.last_contacted_at,
  };
  const events = filter === undefined ? [] : await readEvents(client, workspaceId, row.id, filter);
  return { ...user, company: companyOf(row), events };
}

function companyOf(row: JoinedRow): CompanyRecord | null {
  if (row.company__company_id === null || row.company__company_id === undefined) return null;
  return {
    company_id: row.company__company_id,
    name: row.company__name,
    signed_up_at: row.company__signed_up_at,
    renewal_status: row.company__renewal_status,
    renewal_date: row.company__renewal_date,
    contract_term: row.company__contract_term,
    payment_terms: row.company__payment_terms,
    on_contract: row.company__on_contract,
    custom_fields: row.company__custom_fields,
    created_at: row.company__created_at,
    updated_at: row.company__updated_at,
    first_seen: row.company__first_seen,
    last_seen: row.company__last_seen,
    last_contacted_at: row.company__last_contacted_at,
  };
}

async function readEvents(
  client: Client,
  workspaceId: string,
  person: string,
  filter: Filter,
): Promise<EventRecord[]> {
  const events: EventRecord[] = [];
  for (const [event, asked] of eventsAskedAbout(filter)) {
    // Properties can be a thousand times longer than the rest, and most conditions only count.
    const properties = asked.properties ? 'e.properties' : `'{}'::jsonb AS properties`;
    const { rows } = await client.query<EventRecord>(
      `SELECT e.event, e.occurred_at, ${properties} FROM events AS e
       WHERE e.workspace_id = $1 AND e.end_user_id = $2 AND e.event = $3 LIMIT ${mostEvents + 1}`,
      [workspaceId, person, event],
    );
    if (rows.length > mostEvents) refuse('too_many_events', { event: shown(event), limit: mostEvents });
    events.push(...rows);
  }
  return events;
}

/** The names that `did` asks about, each with whether some condition looks at properties. */
function eventsAskedAbout(filter: Filter): Map<string, { properties: boolean }> {
  const asked = new Map<string, { properties: boolean }>();
  for (const leaf of leavesWithin(filter)) {
    if (leaf.kind !== 'did') continue;
    const properties = asked.get(leaf.event)?.properties === true || leaf.where !== null;
    asked.set(leaf.event, { properties });
  }
  return asked;
}
