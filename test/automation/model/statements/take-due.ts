import type { DueJob } from '../../../../src/automation/work/take-due.js';
import type { Database, WorkRow } from '../database.js';

/** As `takeDue`: what is due within the horizon is enqueued with the next epoch, workspaces taking turns. */
export function takeDue(
  db: Database,
  { horizon, limit, after }: { readonly horizon: number; readonly limit: number; readonly after: string },
): DueJob[] {
  const due = new Map<string, WorkRow[]>();
  for (const row of db.work.values()) {
    if (row.state !== 'pending' || row.held || row.dueAt > db.now + horizon) continue;
    const rows = due.get(row.workspace);
    if (rows === undefined) due.set(row.workspace, [row]);
    else rows.push(row);
  }
  const names = [...due.keys()].toSorted();
  if (names.length === 0 || limit < 1) return [];
  const next = Math.max(
    0,
    names.findIndex((name) => name > after),
  );
  const turn = [...names.slice(next), ...names.slice(0, next)].slice(0, limit);
  const share = Math.max(1, Math.floor(limit / turn.length));
  return turn.flatMap((name) =>
    (due.get(name) ?? [])
      .toSorted((a, b) => a.dueAt - b.dueAt || Number(a.id) - Number(b.id))
      .slice(0, share)
      .map((row) => enqueue(db, row)),
  );
}

function enqueue(db: Database, row: WorkRow): DueJob {
  row.state = 'enqueued';
  row.epoch += 1;
  row.enqueuedAt = db.now;
  const { workspace, id: work, epoch } = row;
  return { workspace, work, epoch, delay: Math.max(0, row.dueAt - db.now) };
}
