import { randomBytes } from 'node:crypto';
import { explainUser } from '../audience/explain.js';
import { presetNamed } from '../audience/presets.js';
import { preview } from '../audience/preview.js';
import { listSeries } from '../automation/series/store.js';
import type { Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { parseFilter } from '../filter/parse.js';
import { printFilter } from '../filter/print.js';
import type { Moment } from '../filter/time.js';
import type { Filter } from '../filter/tree.js';
import { duration, plain, shown } from './terminal.js';
import type { Printer } from './terminal.js';
import { explanationLines } from './views/explanation.js';
import { previewLines } from './views/preview.js';

export interface TourOptions {
  readonly pool: Pool;
  readonly workspaceId: string;
  readonly moment: Moment;
  /** Address of the running API. */
  readonly url: string;
  readonly writeKey: string;
}

const adminRule = { '==': [{ var: 'custom:role' }, 'admin'] };

/**
 * The main job on the workspace's real people, shown in the terminal: two audiences counted, one person explained, one
 * new person identified through the API, and the message that the welcome series delivered because of it.
 */
export async function showTour(printer: Printer, options: TourOptions): Promise<void> {
  const { pool, workspaceId, moment } = options;
  const recent = presetNamed('signed-up-in-30-days');
  const admins = parseFilter(adminRule);

  const count = async (title: string | null, filter: Filter, sample: number): Promise<void> => {
    const found = await preview(pool, { workspaceId, filter, moment, sample });
    show(printer, previewLines(printer, { title, filter, found }));
  };

  heading(printer, 1, 'Who signed up lately?', 'muster preview signed-up-in-30-days');
  await count(recent.title, recent.filter, 3);

  heading(printer, 2, 'Who is an admin?', `muster preview '${JSON.stringify(adminRule)}'`);
  await count(null, admins, 3);

  const both = parseFilter({ and: [printFilter(recent.filter), adminRule] });
  heading(printer, 3, 'Who is both, and why is somebody not?', 'muster explain FILTER --user ID');
  await count(null, both, 0);
  const userId = await someoneWhoFails(pool, workspaceId, moment, recent.filter, both);
  if (userId !== null) {
    const explanation = await explainUser(pool, { workspaceId, filter: both, userId, moment });
    show(printer, explanationLines(printer, { userId, explanation }));
  }

  heading(printer, 4, 'What happens to a new person?', 'POST /api/sdk/users/identify');
  show(printer, await welcomeSomebody(printer, options));
}

/** Somebody who is nearly in: an admin in other letters, else somebody with another role, else anyone outside. */
async function someoneWhoFails(
  pool: Pool,
  workspaceId: string,
  moment: Moment,
  recent: Filter,
  both: Filter,
): Promise<string | null> {
  const outside = { '!': printFilter(both) };
  const near = [
    { and: [outside, printFilter(recent), { '==': [{ lower: { var: 'custom:role' } }, 'admin'] }] },
    { and: [outside, printFilter(recent), { exists: { var: 'custom:role' } }] },
    { and: [outside, { exists: { var: 'user_id' } }] },
  ];
  for (const candidate of near) {
    const { sample } = await preview(pool, {
      workspaceId,
      filter: parseFilter(candidate),
      moment,
      sample: 1,
    });
    const userId = sample[0]?.user_id;
    if (userId !== undefined && userId !== null) return userId;
  }
  return null;
}

/** Identifies a fresh person through the running API and waits for the message that this causes. */
async function welcomeSomebody({ style }: Printer, options: TourOptions): Promise<string[]> {
  const userId = `visitor-${randomBytes(4).toString('hex')}`;
  const traits = {
    name: 'Robin Vega',
    email: `${userId}@example.com`,
    // Another role than the one that step 2 counts, so that a tour changes no figure that it shows.
    role: 'viewer',
  };
  const started = performance.now();
  const answer = await fetch(`${options.url}/api/sdk/users/identify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.writeKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: userId, traits }),
  });
  if (!answer.ok) return [`the API answered ${answer.status}: ${await answer.text()}`];
  const lines = [`${userId} is identified with ${shown(traits)}`];
  const active = (await listSeries(options.pool, options.workspaceId)).filter(
    ({ state }) => state === 'active',
  );
  if (active.length === 0) return [...lines, 'no series is active, so nothing follows'];
  const messages = await deliveredTo(options.pool, options.workspaceId, userId);
  if (messages.length === 0)
    return [...lines, 'no message has been delivered yet; it stays queued in Postgres'];
  const took = duration(performance.now() - started);
  lines.push(`and this was delivered because of it ${style('dim', `after ${took}`)}`);
  for (const { series, channel, message } of messages) {
    lines.push('', `  ${style('dim', `series ${plain(series)}, channel ${plain(channel)}`)}`);
    if (typeof message.title === 'string') lines.push(`  ${style('bold', plain(message.title))}`);
    for (const line of message.text.split('\n')) lines.push(`  ${plain(line)}`);
  }
  return lines;
}

interface Delivered {
  readonly series: string;
  readonly channel: string;
  readonly message: { readonly title: string | null; readonly text: string };
}

const patienceMs = 5000;

/** What the series delivered to a person, as soon as they are through it. */
async function deliveredTo(pool: Pool, workspaceId: string, userId: string): Promise<Delivered[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const late = performance.now() > deadline;
    const delivered = await inWorkspace(pool, workspaceId, async (client) => {
      const whom = [workspaceId, userId];
      const { rows } = await client.query<{ through: boolean | null }>(readWhetherThrough, whom);
      if (rows[0]?.through !== true && !late) return null;
      return (await client.query<Delivered>(readDelivered, whom)).rows;
    });
    if (delivered !== null) return delivered;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const readWhetherThrough = `
  SELECT bool_and(e.state <> 'active') AS through
  FROM end_users AS u
  JOIN enrollments AS e ON e.workspace_id = u.workspace_id AND e.end_user_id = u.id
  WHERE u.workspace_id = $1 AND u.user_id = $2`;

const readDelivered = `
  SELECT d.series_key AS series, d.channel, d.message
  FROM end_users AS u
  JOIN deliveries AS d ON d.workspace_id = u.workspace_id AND d.end_user_id = u.id
  WHERE u.workspace_id = $1 AND u.user_id = $2 AND d.state = 'delivered'
  ORDER BY d.created_at, d.work_id`;

function heading(printer: Printer, step: number, question: string, command: string): void {
  printer.line(
    `${printer.style(['cyan', 'bold'], `${step}  ${question}`)}  ${printer.style('dim', command)}`,
  );
}

function show(printer: Printer, lines: readonly string[]): void {
  for (const line of lines) printer.line(line === '' ? '' : `   ${line}`);
  printer.line();
}
