import type { Client, Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { MusterError, refuse } from '../errors/index.js';
import { isList } from '../filter/parse/context.js';
import { seriesLimits } from './series/grammar.js';
import type { FrequencyCap } from './series/model.js';
import { Check, own } from './series/parse/check.js';

/**
 * At most so many messages to one person within so many calendar days of theirs, today included: 1 is today, from midnight
 * in their zone. Of everything together, series and broadcasts; every one of the caps holds, besides those of a series.
 */
export interface WorkspaceCap {
  readonly messages: number;
  readonly days: number;
}

/** The longest stretch of a cap, in days. */
const longest = 366;

/** Errors: `unknown_workspace`. */
export async function getWorkspaceCaps(pool: Pool, workspaceId: string): Promise<WorkspaceCap[]> {
  return inWorkspace(pool, workspaceId, (client) => readWorkspaceCaps(client, workspaceId));
}

/**
 * Replaces them all; none is none. They hold from the next message on. Errors, all at once: `series_expected`,
 * `series_unknown_key`, `series_number_range`; then `unknown_workspace`.
 */
export async function setWorkspaceCaps(
  pool: Pool,
  workspaceId: string,
  input: unknown,
): Promise<WorkspaceCap[]> {
  const caps = parseCaps(input);
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rowCount } = await client.query(putCaps, [workspaceId, JSON.stringify(caps)]);
    if (rowCount === 0) refuse('unknown_workspace', { workspace: workspaceId });
    return caps;
  });
}

export async function readWorkspaceCaps(client: Client, workspaceId: string): Promise<WorkspaceCap[]> {
  const { rows } = await client.query<{ caps: WorkspaceCap[] }>(readCaps, [workspaceId]);
  return rows[0]?.caps ?? refuse('unknown_workspace', { workspace: workspaceId });
}

/** As caps of a series or a broadcast, to be counted with their own. */
export function asFrequencyCaps(caps: readonly WorkspaceCap[]): FrequencyCap[] {
  return caps.map(({ messages, days }) => ({
    messages,
    per: { amount: days, unit: 'days' },
    byCalendar: true,
  }));
}

function parseCaps(input: unknown): WorkspaceCap[] {
  const check = new Check();
  const example = '{"messages": 3, "days": 7}';
  const most = seriesLimits.caps;
  if (!isList(input) || input.length > most) {
    check.expected(`a list of at most ${most} caps`, input, '/caps', `[${example}]`);
    throw new MusterError(check.problems);
  }
  const caps = input.flatMap((item, index) => {
    const at = `/caps/${index}`;
    const cap = check.object(item, at, 'a cap, an object', example);
    if (cap === null) return [];
    check.knownKeys(cap, at, ['messages', 'days']);
    const number = (key: string, high: number, sample: number): number | null =>
      check.number(own(cap, key), `${at}/${key}`, { low: 1, high, whole: true, example: sample });
    const messages = number('messages', seriesLimits.capMessages, 3);
    const days = number('days', longest, 7);
    return messages === null || days === null ? [] : [{ messages, days }];
  });
  if (check.problems.length > 0) throw new MusterError(check.problems);
  return caps;
}

const readCaps = 'SELECT frequency_caps AS caps FROM workspaces WHERE workspace_id = $1';

const putCaps = 'UPDATE workspaces SET frequency_caps = $2::jsonb WHERE workspace_id = $1';
