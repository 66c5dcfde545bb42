import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { queryInWorkspace } from '../../database/one-trip.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { nearest } from '../../filter/parse/suggest.js';
import { segmentsIn } from '../../filter/named-in.js';
import { savedSegments } from '../segments/saved.js';
import type { SavedSegments } from '../segments/saved.js';
import { holdSegments } from '../segments/store.js';
import { exampleRules } from './examples.js';
import type { Rule } from './model.js';
import { parseRule } from './parse.js';
import { listed } from './parse/parts.js';

/** A rule as a workspace has it. */
export interface WorkspaceRule {
  readonly rule: Rule;
  /** `example`: it ships with Muster, and the workspace saved none of this key. */
  readonly source: 'workspace' | 'example';
  /** When this version was saved; null for an example. */
  readonly updated_at: Date | null;
}

/** One version that a workspace saved; without a definition the rule was deleted. */
export interface RuleVersion {
  readonly version: number;
  readonly definition: Readonly<Record<string, unknown>> | null;
  readonly created_at: Date;
}

/** Every rule that the workspace has, by key: its own, and the examples that it has not replaced. */
export async function listRules(pool: Pool, workspaceId: string): Promise<WorkspaceRule[]> {
  const { rows } = await queryInWorkspace<StoredRule>(pool, workspaceId, {
    text: readCurrent,
    values: [workspaceId],
  });
  const segments = await savedSegments(
    pool,
    workspaceId,
    rows.map(({ definition }) => definition),
  );
  const own = rows.map((row) => workspaceRule(row, segments));
  const replaced = new Set(own.map(({ rule }) => rule.key));
  const examples = exampleRules().filter(({ key }) => !replaced.has(key));
  return [...own, ...examples.map(exampleOf)].toSorted((one, other) =>
    one.rule.key < other.rule.key ? -1 : 1,
  );
}

/** Reads a rule that is not saved as the workspace would. Errors: those of `parseRule`. */
export async function parseRuleIn(pool: Pool, workspaceId: string, input: unknown): Promise<Rule> {
  return parseRule(input, { segments: await savedSegments(pool, workspaceId, input) });
}

/** Errors: `rule_not_found`, with the one that was probably meant. */
export async function getRule(pool: Pool, workspaceId: string, key: string): Promise<WorkspaceRule> {
  const rules = await listRules(pool, workspaceId);
  const found = rules.find(({ rule }) => rule.key === key);
  if (found !== undefined) return found;
  const known = rules.map(({ rule }) => rule.key);
  const meant = nearest(key, known);
  return refuse(
    'rule_not_found',
    { key: shown(key), known: listed(known) },
    meant === null ? {} : { hint: `did you mean \`${meant}\`?` },
  );
}

/**
 * Saves a rule of the workspace's own under its key; from then on it stands in the place of the example of that key. The same document again
 * changes nothing. A `version` in the document is the one that was changed: it has to be the current one.
 *
 * Errors: those of `parseRule`, `rule_version_conflict`.
 */
export async function saveRule(pool: Pool, workspaceId: string, input: unknown): Promise<WorkspaceRule> {
  return inWorkspace(pool, workspaceId, async (client) => {
    // A segment that is named stays what it is until the rule that names it is there.
    if (segmentsIn(input).length > 0) await holdSegments(client, workspaceId);
    const segments = await savedSegments(client, workspaceId, input);
    const { key, version, source } = parseRule(input, { segments });
    const document = JSON.stringify(source);
    const newest = await newestForChange(client, workspaceId, key, document);
    const example = exampleRules().find((each) => each.key === key);
    const current = isOwn(newest) ? newest.version : (example?.version ?? 0);
    if (Object.hasOwn(source, 'version') && current > 0 && version !== current)
      refuse('rule_version_conflict', { key, version, current }, { path: '/version' });
    if (isOwn(newest) && newest.same) return workspaceRule(newest, segments);
    const next = Math.max(newest?.version ?? 0, current) + 1;
    const { rows } = await client.query<StoredRule>(addVersion, [workspaceId, key, next, document]);
    const [saved] = rows;
    if (saved === undefined) throw new TypeError('an insert returns its row');
    return workspaceRule(saved, segments);
  });
}

/** Goes back to the example of that key, or to none. Errors: `rule_not_own`. */
export async function deleteRule(pool: Pool, workspaceId: string, key: string): Promise<void> {
  await inWorkspace(pool, workspaceId, async (client) => {
    const newest = await newestForChange(client, workspaceId, key, null);
    const version = isOwn(newest) ? newest.version : refuse('rule_not_own', { key: shown(key) });
    await client.query(addTombstone, [workspaceId, key, version + 1]);
  });
}

/** What the workspace saved under that key, the newest first. Empty for an example that was never replaced. */
export async function listRuleVersions(pool: Pool, workspaceId: string, key: string): Promise<RuleVersion[]> {
  const { rows } = await queryInWorkspace<RuleVersion>(pool, workspaceId, {
    text: readVersions,
    values: [workspaceId, key],
  });
  return rows;
}

interface StoredRule {
  readonly version: number;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
}

interface NewestVersion extends Omit<StoredRule, 'definition'> {
  readonly definition: StoredRule['definition'] | null;
  readonly same: boolean;
}

/** Whether the workspace has a rule of this key: the newest version may say that it was deleted. */
function isOwn(newest: NewestVersion | undefined): newest is NewestVersion & StoredRule {
  return newest !== undefined && newest.definition !== null;
}

/** The newest version, and whether it is this document, in a transaction that others of the workspace wait for. */
async function newestForChange(
  client: Client,
  workspaceId: string,
  key: string,
  document: string | null,
): Promise<NewestVersion | undefined> {
  // The workspace's row, because the first version of a key has none of its own to wait at.
  await client.query('SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE', [workspaceId]);
  const { rows } = await client.query<NewestVersion>(readNewest, [workspaceId, key, document]);
  return rows[0];
}

/** The version is the store's: what the document said of it was the version before. */
function workspaceRule(
  { version, definition, created_at: at }: StoredRule,
  segments: SavedSegments,
): WorkspaceRule {
  return { rule: parseRule({ ...definition, version }, { segments }), source: 'workspace', updated_at: at };
}

function exampleOf(rule: Rule): WorkspaceRule {
  return { rule, source: 'example', updated_at: null };
}

const readCurrent = `
  SELECT version, definition, created_at
  FROM (
    SELECT DISTINCT ON (key) version, definition, created_at
    FROM rule_versions WHERE workspace_id = $1 ORDER BY key, version DESC
  ) AS newest
  WHERE definition IS NOT NULL`;

const readNewest = `
  SELECT version, definition, created_at, coalesce(definition = $3::jsonb - 'version', false) AS same
  FROM rule_versions WHERE workspace_id = $1 AND key = $2 ORDER BY version DESC LIMIT 1`;

const readVersions = `
  SELECT version, definition, created_at
  FROM rule_versions WHERE workspace_id = $1 AND key = $2 ORDER BY version DESC`;

const addVersion = `
  INSERT INTO rule_versions (workspace_id, key, version, definition)
  VALUES ($1, $2, $3, $4::jsonb - 'version')
  RETURNING version, definition, created_at`;

const addTombstone = `INSERT INTO rule_versions (workspace_id, key, version) VALUES ($1, $2, $3)`;
