import type { CustomField, Entity } from '../fields.js';
import { jsonOf, textOfJson } from './scope.js';

/** An index that serves a condition. */
export interface Index {
  /** Its name, when the migrations create it. */
  readonly name?: string;
  /** The statement that creates it. */
  readonly definition: string;
  /** Whether the migrations create it; otherwise it is a suggestion for a field that is asked for often. */
  readonly exists: boolean;
}

/** An index, with the JSON Pointer of the leaf that it serves (`''` until the leaf is known). */
export interface IndexHint extends Index {
  readonly path: string;
}

const tables = { user: 'end_users', company: 'companies', event: 'events' } as const;

/** The one custom field with an index of its own: a preset asks for it. */
const trialEnd = "muster_time((custom_fields -> 'trial_ends_at'))";

/** The indexes of the migrations, by what they are on. A test compares the definitions with the database's. */
const base: Readonly<Record<Entity, Readonly<Record<string, IndexHint>>>> = {
  user: created('end_users', {
    custom_fields: ['end_users_custom_fields', 'USING gin (workspace_id, custom_fields jsonb_path_ops)'],
    user_id: ['end_users_workspace_id_user_id_key', '(workspace_id, user_id)', 'UNIQUE '],
    company_id: ['end_users_company_id', '(workspace_id, company_id)'],
    email: ['end_users_email', '(workspace_id, email)'],
    'lower(email)': ['end_users_lower_email', '(workspace_id, lower(email))'],
    signed_up_at: ['end_users_signed_up_at', '(workspace_id, signed_up_at)'],
    created_at: ['end_users_created_at', '(workspace_id, created_at)'],
    days_since_signup: ['end_users_days_since_signup', '(workspace_id, COALESCE(signed_up_at, created_at))'],
    last_seen: ['end_users_last_seen', '(workspace_id, last_seen)'],
    last_contacted_at: ['end_users_last_contacted_at', '(workspace_id, last_contacted_at)'],
    renewal_date: ['end_users_renewal_date', '(workspace_id, renewal_date)'],
    renewal_status: ['end_users_renewal_status', '(workspace_id, renewal_status)'],
    'custom:trial_ends_at': [
      'end_users_trial_ends_at',
      `(workspace_id, ${trialEnd}) WHERE (${trialEnd} IS NOT NULL)`,
    ],
  }),
  company: created('companies', {
    custom_fields: ['companies_custom_fields', 'USING gin (workspace_id, custom_fields jsonb_path_ops)'],
    company_id: ['companies_workspace_id_company_id_key', '(workspace_id, company_id)', 'UNIQUE '],
  }),
  // Conditions on properties claim no index: the events are found by name and time, or by person.
  event: created('events', {
    event: ['events_by_name', '(workspace_id, event, occurred_at, end_user_id)'],
  }),
};

function created(
  table: string,
  list: Record<string, readonly [name: string, on: string, unique?: 'UNIQUE ']>,
): Readonly<Record<string, IndexHint>> {
  return Object.fromEntries(
    Object.entries(list).map(([key, [name, on, unique = '']]) => [
      key,
      { name, definition: `CREATE ${unique}INDEX ${name} ON ${table} ${on}`, exists: true, path: '' },
    ]),
  );
}

/** Every index that a filter may name as existing. */
export function baseIndexes(): Index[] {
  return Object.values(base).flatMap((entries) => Object.values(entries));
}

/** The GIN index that serves containment on any custom field. */
export function containmentIndex(entity: Entity): readonly IndexHint[] {
  return columnIndex(entity, 'custom_fields');
}

/** The index of a column, derived field or expression: the migrations' own, or a suggestion. */
export function columnIndex(entity: Entity, column: string, expression = column): readonly IndexHint[] {
  const found = Object.hasOwn(base[entity], column) ? base[entity][column] : undefined;
  return [found ?? suggestion(entity, `(workspace_id, ${expression})`)];
}

// The suggestions are whole, not partial: the statistics of a partial index are not used where a long list becomes a join.

/** Suggested for ranges and long lists of a custom field. */
export function valueIndex(field: CustomField): readonly IndexHint[] {
  return [suggestion(field.entity, `(workspace_id, ${jsonOf('', field)})`)];
}

/** For times in a custom field. */
export function timeIndex(field: CustomField): readonly IndexHint[] {
  return columnIndex(field.entity, `custom:${field.tokens.join('/')}`, `muster_time${jsonOf('', field)}`);
}

/** Suggested for text order, or with `lower` for equality, in a custom field. */
export function textIndex(field: CustomField, lower: boolean): readonly IndexHint[] {
  const text = `${textOfJson('', field)} COLLATE "C"`;
  return [suggestion(field.entity, `(workspace_id, ${lower ? 'lower' : ''}(${text}))`)];
}

/** Suggested for `has` where the items are a comma-separated text; arrays have the GIN index on custom_fields. */
export function itemsIndex(field: CustomField): readonly IndexHint[] {
  const on = `USING gin (workspace_id, muster_items(${textOfJson('', field).slice(1, -1)}))`;
  return [suggestion(field.entity, `${on} WHERE jsonb_typeof${jsonOf('', field)} = 'string'`)];
}

function suggestion(entity: Entity, on: string): IndexHint {
  return { definition: `CREATE INDEX CONCURRENTLY ON ${tables[entity]} ${on}`, exists: false, path: '' };
}
