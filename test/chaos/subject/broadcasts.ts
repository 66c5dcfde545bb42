import {
  cancelBroadcast,
  launchBroadcast,
  pauseBroadcast,
  reportBroadcast,
  resumeBroadcast,
  saveBroadcast,
} from '../../../src/automation/index.js';
import type { BroadcastReport } from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { MusterError } from '../../../src/errors/index.js';
import { channels, workspace } from './series.js';

/** Goes to everybody there is. */
export const news = 'news';
/** Goes to a part of them, and is launched again and again. */
export const flash = 'flash';

/** The workspace with `crowd` people who were there before anybody came, and both broadcasts. `part`: percent that `flash` goes to. */
export async function saveChaosBroadcasts(pool: Pool, crowd: number, part: number): Promise<void> {
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING`, [
    workspace,
  ]);
  await pool.query(addCrowd, [workspace, crowd]);
  const common = { channel: channels.oracle };
  await saveBroadcast(pool, workspace, {
    ...common,
    key: news,
    name: news,
    audience: { everyone: true },
    variants: [
      { key: 'short', percent: 50, message: message('news') },
      { key: 'long', percent: 50, message: message('all the news') },
    ],
  });
  await saveBroadcast(pool, workspace, {
    ...common,
    key: flash,
    name: flash,
    audience: { percent: [flash, 0, part] },
    message: message('flash'),
  });
}

function message(text: string): object {
  return { text: `${text}: hello {{ name|there }}` };
}

/** Identified by nobody, so that no series takes them. */
export const crowdId = (index: number): string => `c${index}`;

const addCrowd = `
  INSERT INTO end_users (workspace_id, user_id, name)
  SELECT $1, 'c' || n, 'Name c' || n FROM generate_series(1, $2::integer) AS n`;

/** Which launch of which broadcast. */
export interface Which {
  readonly broadcast: string;
  readonly run: string;
}

/** Calls of whoever sends broadcasts. Each may be repeated when its answer was lost. */
export const operator = {
  /** Answers false where there is nobody to send to. */
  launch: (pool: Pool, { broadcast, run }: Which): Promise<boolean> =>
    unless(['broadcast_empty_audience', 'broadcast_nobody_to_send'], () =>
      launchBroadcast(pool, workspace, broadcast, { run }),
    ),
  /** These three answer false where it is over. */
  pause: (pool: Pool, { broadcast, run }: Which): Promise<boolean> =>
    unless(['broadcast_over'], () => pauseBroadcast(pool, workspace, broadcast, { run })),
  resume: (pool: Pool, { broadcast, run }: Which): Promise<boolean> =>
    unless(['broadcast_over'], () => resumeBroadcast(pool, workspace, broadcast, { run })),
  cancel: (pool: Pool, { broadcast, run }: Which): Promise<boolean> =>
    unless(['broadcast_over'], () => cancelBroadcast(pool, workspace, broadcast, { run })),
  report: (pool: Pool, { broadcast, run }: Which): Promise<BroadcastReport> =>
    reportBroadcast(pool, workspace, broadcast, { run }),
};

async function unless(codes: readonly string[], call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (error instanceof MusterError && codes.includes(error.code)) return false;
    throw error;
  }
}
